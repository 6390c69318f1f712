//! `pogo version`.

use super::args::Args;
use super::{help, php_cli, terminal};
use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// Prints our version, and PHP's when its host is there.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut args = Args::new("version", words);
    if let Some(flag) = args.next()? {
        return match flag.name() {
            "--help" | "-h" => help::print("version"),
            _ => Err(args.unknown(&flag)),
        };
    }
    let php = php_version().map(|v| format!(" PHP {v}")).unwrap_or_default();
    terminal::print(format!("Pogo v{}{php}\n", env!("CARGO_PKG_VERSION")))?;
    Ok(ExitCode::SUCCESS)
}

fn php_version() -> Option<String> {
    let output = Command::new(php_cli::host()?).arg("version").output().ok()?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    told.get("php")?.as_str().map(str::to_owned)
}
