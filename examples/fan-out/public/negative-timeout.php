<?php

declare(strict_types=1);

use App\Nap;

require dirname(__DIR__) . '/autoload.php';

$task = pogo_spawn(Nap::class, ['ms' => 25]);
$message = null;
try {
    pogo_await($task, -1.0);
} catch (RuntimeException $e) {
    $message = $e->getMessage();
}

header('Content-Type: application/json');
echo json_encode([
    'caught_invalid_timeout' => $message !== null,
    'message' => $message,
    // A refused timeout leaves the task as it was: it can still be awaited.
    'result' => pogo_await($task, 2.0),
]), "\n";
