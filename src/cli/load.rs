//! Finds a configuration, reads it and turns it into Caddy's JSON types.

use super::args::Args;
use super::{env_file, terminal};
use crate::adapter::{self, TlsSite};
use crate::config::{Config, JsonError};
use anyhow::{Context, anyhow, bail};
use caddyfile_parser::Disk;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Which configuration, and what is set before it is read.
#[derive(Clone, Default)]
pub(super) struct Source {
    /// `--config`: a path, or `-` for standard input.
    pub(super) file: Option<String>,
    /// `--adapter`.
    pub(super) adapter: Option<String>,
    /// `--envfile`, each.
    pub(super) env_files: Vec<String>,
}

/// A configuration, and where it came from.
pub(super) struct Loaded {
    pub(super) config: Config,
    /// Its text: as it was given, or as it was adapted.
    pub(super) json: String,
    /// The file; empty for standard input and for a command's own configuration.
    pub(super) file: String,
    /// What it was written in; empty for JSON.
    pub(super) adapter: String,
    /// The site addresses of a Caddyfile that are served over TLS.
    pub(super) tls_sites: Vec<TlsSite>,
}

impl Loaded {
    /// A configuration that came from nowhere.
    pub(super) fn made(config: Config) -> Self {
        Self::of(config, Vec::new())
    }

    fn of(config: Config, tls_sites: Vec<TlsSite>) -> Self {
        let json = config.to_json(false);
        Self { config, json, file: String::new(), adapter: String::new(), tls_sites }
    }
}

impl Source {
    /// Reads the flag that `name` is, if it is one of ours.
    pub(super) fn flag(&mut self, name: &str, args: &mut Args) -> anyhow::Result<bool> {
        match name {
            "-c" | "--config" => self.file = Some(args.value()?),
            "-a" | "--adapter" => self.adapter = Some(args.value()?),
            "--envfile" => self.env_files.push(args.value()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets the variables of `--envfile` by starting this program anew with them, in the
    /// same process: only so does every part see them, PHP included, and no thread can
    /// read the environment while it changes. `words` is the command without `--envfile`.
    pub(super) fn enter_environment(&self, words: &[&str]) -> anyhow::Result<()> {
        if self.env_files.is_empty() {
            return Ok(());
        }
        let mut again = Command::new(std::env::current_exe().context("finding pogo itself")?);
        for file in &self.env_files {
            let variables =
                env_file::read(file).context("loading additional environment variables")?;
            again.envs(variables.into_iter().filter(|(key, _)| std::env::var_os(key).is_none()));
        }
        again.args(words);
        for (flag, value) in [("--config", &self.file), ("--adapter", &self.adapter)] {
            again.args(value.iter().flat_map(|value| [flag, value]));
        }
        Err(again.exec()).context("starting pogo anew with the environment file's variables")
    }

    /// Reads the configuration; `adapter` is what it is written in when neither a flag nor
    /// the file's name says so.
    pub(super) fn load(&self, adapter: Option<&str>) -> anyhow::Result<Loaded> {
        let what = if adapter.is_some() { "input file" } else { "config from file" };
        let (name, bytes) = self.read(what)?;
        let adapter = self.adapter.as_deref().or(adapter).or_else(|| adapter_of(&name));
        let loaded = match adapter {
            Some("caddyfile") => adapt(&name, &bytes)?,
            None | Some("json") => {
                let config = Config::from_json(&bytes).map_err(json_error)?;
                let json = String::from_utf8(bytes).context("config is not UTF-8")?;
                Loaded { json, ..Loaded::made(config) }
            }
            Some(other) => bail!("unrecognized config adapter: {other}"),
        };
        let is_file = self.file.as_deref() != Some("-");
        Ok(Loaded {
            file: if is_file { name.clone() } else { String::new() },
            adapter: adapter.unwrap_or_default().to_owned(),
            ..loaded
        })
    }

    /// `what` is what the file is called when it cannot be read.
    fn read(&self, what: &str) -> anyhow::Result<(String, Vec<u8>)> {
        let name = match &self.file {
            Some(name) if name == "-" => {
                let mut bytes = Vec::new();
                io::stdin().lock().read_to_end(&mut bytes).context("reading config from stdin")?;
                return Ok(("-".to_owned(), bytes));
            }
            Some(name) => name.clone(),
            None if Path::new("Caddyfile").exists() => "Caddyfile".to_owned(),
            None => bail!(
                "input file required when there is no Caddyfile in current directory \
                 (use --config flag)"
            ),
        };
        let bytes = std::fs::read(&name)
            .map_err(|e| anyhow!("open {name}: {}", reason(&e)))
            .with_context(|| format!("reading {what}"))?;
        Ok((name, bytes))
    }
}

/// Adapts a Caddyfile, and reports what looks odd in it.
fn adapt(name: &str, bytes: &[u8]) -> anyhow::Result<Loaded> {
    let adapted = adapter::adapt_sites(name, bytes, &Disk).map_err(|error| {
        error.warnings().iter().for_each(terminal::warn);
        let source_line = error.excerpt(&Disk).map(|text| text + "\n").unwrap_or_default();
        let place = error.place().map(|place| (place.file.to_string(), place.line));
        let excerpt = terminal::Excerpt { message: error.to_string(), place, source_line };
        anyhow::Error::new(excerpt).context("adapting config using caddyfile")
    })?;
    adapted.warnings.iter().for_each(terminal::warn);
    Ok(Loaded::of(adapted.config, adapted.tls_sites))
}

/// What an I/O error is called, without the number that Rust adds.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(text.as_str(), |(said, _)| said);
    let mut chars = text.chars();
    chars.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

/// Caddy's guess: a file called `Caddyfile…` or `….caddyfile`, in any case, is one unless
/// it ends in `.json`.
fn adapter_of(name: &str) -> Option<&'static str> {
    let base = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let is_json = base.ends_with(".json");
    let is_caddyfile = base.starts_with("caddyfile") || base.ends_with(".caddyfile");
    (is_caddyfile && !is_json).then_some("caddyfile")
}

/// What is no JSON at all may be a Caddyfile by another name: nothing said that it is JSON.
fn json_error(error: JsonError) -> anyhow::Error {
    if error.is_syntax {
        return anyhow!(
            "config is not valid JSON: {error}; \
             did you mean to use a config adapter (the --adapter flag)?"
        );
    }
    let is_in_module = !error.way.is_empty();
    let error = anyhow::Error::new(error);
    if is_in_module { error } else { error.context("decoding config") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_called_caddyfile_is_one() {
        assert_eq!(adapter_of("Caddyfile"), Some("caddyfile"));
        assert_eq!(adapter_of("/etc/x/Caddyfile.dev"), Some("caddyfile"));
        assert_eq!(adapter_of("a.caddyfile"), Some("caddyfile"));
        assert_eq!(adapter_of("caddyFILE"), Some("caddyfile"));
        assert_eq!(adapter_of("Caddyfile.json"), None);
        assert_eq!(adapter_of("caddy.json"), None);
    }

    #[test]
    fn reasons_read_as_the_system_says_them() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(reason(&error), "no such file or directory");
    }
}
