<?php

declare(strict_types=1);

namespace App;

/** Waits, as a call to a slow service would. */
final class Nap
{
    /**
     * @param array{ms: int, label?: string} $args
     *
     * @return array{label: string, slept_ms: int, process: int}
     */
    public function handle(array $args): array
    {
        usleep($args['ms'] * 1000);

        return ['label' => $args['label'] ?? 'nap', 'slept_ms' => $args['ms'], 'process' => getmypid()];
    }
}
