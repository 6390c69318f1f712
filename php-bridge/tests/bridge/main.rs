//! Drives the real `pogo-php` over its links, playing the server.
//!
//! Needs PHP with `libphp-embed`, and its extensions `posix` and `session`.

mod classic;
mod cli;
mod limits;
mod processes;
mod resident;
mod server;
mod tasks;
