<?php

declare(strict_types=1);

header('Content-Type: text/plain; charset=utf-8');

echo 'Hello from PHP ', PHP_VERSION, ".\n";
echo 'You asked for ', $_SERVER['REQUEST_URI'], ".\n";
