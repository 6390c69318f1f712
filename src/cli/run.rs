//! `pogo run`: serves a configuration until it is stopped.

use super::args::Args;
use super::load::Source;
use super::{help, serve, terminal};
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Reads the configuration and serves it.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut source = Source::default();
    let mut print_environment = false;
    let mut pid_file = None;
    let mut args = Args::new("run", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("run"),
            "--environ" | "-e" => print_environment = args.switch()?,
            "--pidfile" => pid_file = Some(args.value()?),
            "--watch" | "-w" => bail!("--watch is not there yet: restart pogo after a change"),
            "--resume" | "-r" => bail!("--resume is not there yet: name a configuration"),
            name if source.flag(name, &mut args)? => {}
            _ => return Err(args.unknown(&flag)),
        }
    }
    let mut again = vec!["run"];
    again.extend(print_environment.then_some("--environ"));
    again.extend(pid_file.iter().flat_map(|file| ["--pidfile", file]));
    source.enter_environment(&again)?;
    if print_environment {
        terminal::print(environment())?;
    }
    let loaded = source.load(None)?;
    let _pid_file = pid_file.map(PidFile::write).transpose()?;
    serve::serve(&loaded, "serving initial configuration")
}

fn environment() -> String {
    let variables = std::env::vars_os();
    variables.map(|(key, value)| format!("{}={}\n", key.display(), value.display())).collect()
}

/// A file with our process number, for as long as we run.
struct PidFile(PathBuf);

impl PidFile {
    fn write(path: String) -> anyhow::Result<Self> {
        let path = PathBuf::from(path);
        std::fs::write(&path, format!("{}\n", std::process::id()))
            .with_context(|| format!("writing pidfile {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // It may be gone already, and nobody is left to tell.
        let _ = std::fs::remove_file(&self.0);
    }
}
