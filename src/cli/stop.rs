//! `pogo stop`: ends a running server in order.

use super::args::Args;
use super::load::Source;
use super::{endpoint, help};
use std::ffi::OsString;
use std::process::ExitCode;

/// Asks it to end.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut source = Source::default();
    let mut address = None;
    let mut args = Args::new("stop", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("stop"),
            "--address" => address = Some(args.value()?),
            name if source.flag(name, &mut args)? => {}
            _ => return Err(args.unknown(&flag)),
        }
    }
    let address = endpoint::address_of(address.as_deref(), &source)?;
    endpoint::post(&address, "/stop", Vec::new(), &[])?;
    Ok(ExitCode::SUCCESS)
}
