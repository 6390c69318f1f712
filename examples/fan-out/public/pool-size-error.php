<?php

declare(strict_types=1);

$message = null;
try {
    pogo_pool_size('missing');
} catch (RuntimeException $e) {
    $message = $e->getMessage();
}

header('Content-Type: application/json');
echo json_encode(['caught_unknown_pool' => $message !== null, 'message' => $message]), "\n";
