//! `pogo validate`: everything that a start would check, without starting.

use super::args::Args;
use super::load::Source;
use super::{help, serve, terminal};
use std::ffi::OsString;
use std::process::ExitCode;

/// Tests whether a configuration is valid.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut source = Source::default();
    let mut args = Args::new("validate", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("validate"),
            name if source.flag(name, &mut args)? => {}
            _ => return Err(args.unknown(&flag)),
        }
    }
    source.enter_environment(&["validate"])?;
    let loaded = source.load(None)?;
    serve::check(&loaded)?;
    terminal::print("Valid configuration\n")?;
    Ok(ExitCode::SUCCESS)
}
