<?php

declare(strict_types=1);

require __DIR__ . '/autoload.php';

/**
 * Runs one task: {"class": …, "args": …} in, {"ok": …, "result" or "error": …} out.
 */
$run = static function (string $message): string {
    try {
        $task = json_decode($message, true, 512, JSON_THROW_ON_ERROR);
        $class = $task['class'] ?? null;
        $args = $task['args'] ?? [];
        if (!is_string($class) || !class_exists($class)) {
            throw new RuntimeException('Invalid or unknown Pogo job class.');
        }
        if (!is_array($args)) {
            throw new RuntimeException('Pogo job args must be an array.');
        }
        $job = new $class();
        if (!is_callable([$job, 'handle'])) {
            throw new RuntimeException('Pogo job must define handle(array $args).');
        }

        return json_encode(['ok' => true, 'result' => $job->handle($args)], JSON_THROW_ON_ERROR);
    } catch (Throwable $e) {
        return json_encode(['ok' => false, 'error' => $e->getMessage()], JSON_INVALID_UTF8_SUBSTITUTE);
    }
};

while (frankenphp_handle_request($run)) {
    gc_collect_cycles();
}
