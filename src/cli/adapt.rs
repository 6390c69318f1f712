//! `pogo adapt`: a Caddyfile in, Caddy's JSON out.

use super::args::Args;
use super::load::Source;
use super::{help, serve, terminal};
use anyhow::Context;
use std::ffi::OsString;
use std::process::ExitCode;

/// Adapts a Caddyfile and prints the JSON.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut source = Source::default();
    let (mut pretty, mut validate) = (false, false);
    let mut args = Args::new("adapt", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("adapt"),
            "--pretty" | "-p" => pretty = args.switch()?,
            "--validate" => validate = args.switch()?,
            name if source.flag(name, &mut args)? => {}
            _ => return Err(args.unknown(&flag)),
        }
    }
    let switches = [(pretty, "--pretty"), (validate, "--validate")];
    let words: Vec<&str> = switches.into_iter().filter(|(on, _)| *on).map(|(_, w)| w).collect();
    source.enter_environment(&[&["adapt"], words.as_slice()].concat())?;
    let loaded = source.load(Some("caddyfile")).map_err(plainly)?;
    let mut json = loaded.config.to_json(pretty);
    json.push('\n');
    terminal::print(&json)?;
    if validate {
        serve::check(&loaded).context("validation")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An error of the Caddyfile without what we were doing with it: here that goes without saying.
fn plainly(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<terminal::Excerpt>() {
        Ok(excerpt) => excerpt.into(),
        Err(error) => error,
    }
}
