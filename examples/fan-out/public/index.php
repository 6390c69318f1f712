<?php

declare(strict_types=1);

use App\Nap;
use App\Primes;

require dirname(__DIR__) . '/autoload.php';

$start = hrtime(true);

// All three run now, each in a process of its pool …
$tasks = [
    pogo_spawn(Nap::class, ['ms' => 250, 'label' => 'prices']),
    pogo_spawn(Nap::class, ['ms' => 250, 'label' => 'stock']),
    pogo_spawn(Primes::class, ['below' => 10_000], 'cpu'),
];

// … and are collected here, in any order.
$results = array_map(static fn (int $task): mixed => pogo_await($task, 2.0), $tasks);

header('Content-Type: application/json');
echo json_encode([
    'workers' => ['default' => pogo_pool_size(), 'cpu' => pogo_pool_size('cpu')],
    'results' => $results,
    'elapsed_ms' => intdiv(hrtime(true) - $start, 1_000_000),
]), "\n";
