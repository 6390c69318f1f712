<?php

declare(strict_types=1);

// What stands here runs once in the life of a worker: autoloader, container, routes.
$bootedAt = microtime(true);
$served = 0;

$handle = static function () use ($bootedAt, &$served): void {
    $served++;
    header('Content-Type: application/json');
    echo json_encode([
        'uri' => $_SERVER['REQUEST_URI'],
        'process' => getmypid(),
        'served_by_this_worker' => $served,
        'up_seconds' => round(microtime(true) - $bootedAt, 3),
    ], JSON_UNESCAPED_SLASHES), "\n";
};

while (frankenphp_handle_request($handle)) {
    gc_collect_cycles();
}
