<?php

declare(strict_types=1);

// Composer's autoloader when `composer install` was run; otherwise the one rule that
// composer.json states, so that the example works from a plain checkout.
if (is_file(__DIR__ . '/vendor/autoload.php')) {
    require __DIR__ . '/vendor/autoload.php';

    return;
}

spl_autoload_register(static function (string $class): void {
    if (!str_starts_with($class, 'App\\')) {
        return;
    }
    $file = __DIR__ . '/src/' . strtr(substr($class, 4), '\\', '/') . '.php';
    if (is_file($file)) {
        require $file;
    }
});
