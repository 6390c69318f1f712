//! Pogo: a Caddy-compatible web and PHP application server.
//!
//! Arrows point one way: `cli → adapter, check, http, php, pogo → config`; `adapter →
//! caddyfile-parser, config`; `check → http → php`; `php, pogo → php-wire`. A test checks them.

pub mod adapter;
pub mod check;
pub mod cli;
pub mod config;
pub mod http;
pub mod logging;
pub mod php;
pub mod pogo;
