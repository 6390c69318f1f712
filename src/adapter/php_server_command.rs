//! The configuration of the command `php-server`.
