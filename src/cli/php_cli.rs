//! `pogo php-cli`: becomes PHP's command line.

use super::help;
use anyhow::Context;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Replaces this process by the PHP host, which reads the rest of the line as PHP does.
pub(super) fn command(words: &[OsString]) -> anyhow::Result<ExitCode> {
    match words.first().and_then(|w| w.to_str()) {
        None => anyhow::bail!("a script, or -r and code, is required"),
        Some("--help" | "-h") => return help::print("php-cli"),
        Some(_) => {}
    }
    let host = host().context("finding pogo-php: neither beside pogo nor in POGO_PHP")?;
    let error = Command::new(&host).arg("cli").args(words).exec();
    Err(error).with_context(|| format!("running {}", host.display()))
}

/// The PHP host: the program that `POGO_PHP` names, or `pogo-php` beside this one.
pub(super) fn host() -> Option<PathBuf> {
    std::env::var_os("POGO_PHP").filter(|name| name != OsStr::new("")).map(PathBuf::from).or_else(
        || {
            let beside = std::env::current_exe().ok()?.with_file_name("pogo-php");
            beside.exists().then_some(beside)
        },
    )
}
