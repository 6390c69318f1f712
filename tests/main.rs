//! Black-box tests: they drive the real binary over real sockets, with real PHP.
//!
//! A module per subject; [`support`] starts servers, speaks HTTP and looks at processes.

mod admin;
mod cases;
mod cli;
mod docs;
mod fan_out;
mod faults;
mod fuzz;
mod house;
mod http;
mod pages;
mod php;
#[path = "../caddyfile-parser/src/random.rs"]
mod random;
mod reload;
mod support;
#[path = "../fuzz/targets.rs"]
mod targets;
mod tracing;
