//! `pogo reload`: gives a running server another configuration.

use super::args::Args;
use super::load::Source;
use super::{endpoint, help};
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::process::ExitCode;

/// Reads the configuration and posts it.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut source = Source::default();
    let (mut address, mut force) = (None, false);
    let mut args = Args::new("reload", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("reload"),
            "--address" => address = Some(args.value()?),
            "--force" | "-f" => force = args.switch()?,
            name if source.flag(name, &mut args)? => {}
            _ => return Err(args.unknown(&flag)),
        }
    }
    let mut again = vec!["reload"];
    again.extend(force.then_some("--force"));
    again.extend(address.iter().flat_map(|address| ["--address", address]));
    source.enter_environment(&again)?;
    let loaded = source.load(None)?;
    if loaded.file.is_empty() {
        bail!("no config file to load");
    }
    let address = endpoint::address(address.as_deref(), Some(&loaded.config));
    let mut fields = vec![
        ("Caddy-Config-Source-File".to_owned(), loaded.file.clone()),
        ("Caddy-Config-Source-Adapter".to_owned(), loaded.adapter.clone()),
    ];
    if force {
        fields.push(("Cache-Control".to_owned(), "must-revalidate".to_owned()));
    }
    endpoint::post(&address, "/load", fields, loaded.json.as_bytes())
        .context("sending configuration to instance")?;
    Ok(ExitCode::SUCCESS)
}
