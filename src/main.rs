//! The `pogo` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    pogo::cli::main()
}
