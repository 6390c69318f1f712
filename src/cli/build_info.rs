//! `pogo build-info`: what this program was built from.

use super::args::Args;
use super::{help, terminal};
use std::ffi::OsString;
use std::process::ExitCode;

/// Prints it.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut args = Args::new("build-info", words);
    if let Some(flag) = args.next()? {
        return match flag.name() {
            "--help" | "-h" => help::print("build-info"),
            _ => Err(args.unknown(&flag)),
        };
    }
    let facts = [
        ("path", env!("CARGO_PKG_NAME")),
        ("version", env!("CARGO_PKG_VERSION")),
        ("build\tprofile", if cfg!(debug_assertions) { "debug" } else { "release" }),
        ("build\tarch", std::env::consts::ARCH),
        ("build\tos", std::env::consts::OS),
    ];
    let text: String = facts.map(|(name, value)| format!("{name}\t{value}\n")).concat();
    terminal::print(text)?;
    Ok(ExitCode::SUCCESS)
}
