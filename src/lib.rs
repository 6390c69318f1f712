//! Pogo: a Caddy-compatible web and PHP application server.
//!
//! Arrows point one way: `cli → adapter, instance → check, http, php, pogo → config`;
//! `adapter → caddyfile-parser, config`; `check → http → php, tracing`; `metrics,
//! tracing → otlp → client`; `php, pogo → dispatch, php-wire`; `admin, http, instance →
//! blocking`. A test checks them.

pub mod adapter;
pub mod admin;
mod blocking;
pub mod check;
pub mod cli;
pub mod client;
pub mod config;
mod dispatch;
mod go;
pub mod http;
pub mod instance;
pub mod logging;
pub mod metrics;
pub mod otlp;
pub mod php;
pub mod pogo;
pub mod tracing;
