//! `pogo-php`: the PHP side of Pogo. It links PHP; the server does not.
//!
//! Without arguments it is a zygote: it starts PHP once and then only forks workers.
//! `pogo-php cli` is PHP's command line, `pogo-php version` says what it was built for.
//!
//! Read [`zygote`] first, then [`worker`], which answers what the C shim (`php-sys`)
//! asks for while PHP runs: [`link`] carries frames, [`answer`] collects what a script
//! prints, [`body`] what a client sends, [`tasks`] what a script spawned. A worker is one
//! thread, and no Rust frame lies below PHP's but those of `main` down to the shim, which
//! PHP's long jumps never cross: the shim catches them all.
//!
//! This crate does not know HTTP; it passes on what the server and PHP say.

mod answer;
mod body;
mod cli;
mod link;
mod tasks;
mod text;
mod title;
mod worker;
mod zygote;

use std::ffi::CStr;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    leave_crashes_to_the_kernel();
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_ref().and_then(|word| word.to_str()) {
        None | Some("zygote") => zygote::run(),
        Some("cli") => cli::run(arguments),
        Some("version") => version(),
        Some(other) => {
            complain(&format!("pogo-php: unknown command \"{other}\""));
            ExitCode::FAILURE
        }
    }
}

/// Rust's runtime catches `SIGSEGV` to tell of stack overflows; one that is sent, and not
/// the processor's, would be lost in that. A PHP that crashes shall end, and be seen to.
fn leave_crashes_to_the_kernel() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        #[expect(unsafe_code, reason = "sets a signal's action")]
        // SAFETY: the default action needs nothing of this process.
        unsafe {
            libc::signal(signal, libc::SIG_DFL)
        };
    }
}

/// Prints, as JSON, which PHP this was built for and how it talks.
fn version() -> ExitCode {
    #[expect(unsafe_code, reason = "asks the shim for a constant")]
    // SAFETY: the function has no preconditions.
    let php = unsafe { php_sys::pogo_php_version() };
    #[expect(unsafe_code, reason = "reads the shim's constant")]
    // SAFETY: the shim returns a string literal.
    let php = unsafe { CStr::from_ptr(php) }.to_string_lossy();
    let line = serde_json::json!({ "php": php, "wire": php_wire::VERSION });
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Writes a line to standard error; there is nobody to tell when that fails.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
