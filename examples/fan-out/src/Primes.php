<?php

declare(strict_types=1);

namespace App;

/** Counts primes, as a task that keeps a CPU busy would. */
final class Primes
{
    /**
     * @param array{below: int} $args
     *
     * @return array{label: string, below: int, primes: int, process: int}
     */
    public function handle(array $args): array
    {
        $below = $args['below'];
        $composite = [];
        $primes = 0;
        for ($n = 2; $n < $below; $n++) {
            if (isset($composite[$n])) {
                continue;
            }
            $primes++;
            for ($multiple = $n * $n; $multiple < $below; $multiple += $n) {
                $composite[$multiple] = true;
            }
        }

        return ['label' => 'primes', 'below' => $below, 'primes' => $primes, 'process' => getmypid()];
    }
}
