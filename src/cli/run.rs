//! `pogo run`: serves a configuration until it is stopped.

use super::args::Args;
use super::load::{Loaded, Source};
use super::serve::{self, Job};
use super::{environ, help, terminal};
use crate::config::Config;
use crate::instance::autosave_path;
use crate::logging::{Level, Logs};
use anyhow::Context;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Reads the configuration and serves it.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut source = Source::default();
    let (mut print_environment, mut watch, mut resume) = (false, false, false);
    let (mut pid_file, mut pingback) = (None, None);
    let mut args = Args::new("run", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("run"),
            "--environ" | "-e" => print_environment = args.switch()?,
            "--pidfile" => pid_file = Some(args.value()?),
            "--pingback" => pingback = Some(args.value()?),
            "--watch" | "-w" => watch = args.switch()?,
            "--resume" | "-r" => resume = args.switch()?,
            name if source.flag(name, &mut args)? => {}
            _ => return Err(args.unknown(&flag)),
        }
    }
    let mut again = vec!["run"];
    let switches = [(print_environment, "--environ"), (watch, "--watch"), (resume, "--resume")];
    again.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag));
    again.extend(pid_file.iter().flat_map(|file| ["--pidfile", file]));
    again.extend(pingback.iter().flat_map(|address| ["--pingback", address]));
    source.enter_environment(&again)?;
    if print_environment {
        terminal::print(environ::text())?;
    }
    let resumed = if resume { self::resume(&source)? } else { None };
    let (loaded, source) = match resumed {
        Some(loaded) => (loaded, None),
        None => (source.load(None)?, Some(source)),
    };
    let _pid_file = pid_file.map(PidFile::write).transpose()?;
    serve::serve(Job {
        source,
        watch,
        pingback,
        ..Job::new(loaded, "serving initial configuration")
    })
}

/// The configuration that was saved last, if there is one.
fn resume(source: &Source) -> anyhow::Result<Option<Loaded>> {
    let path = autosave_path();
    let logs = Logs::open(None)?;
    let say = |level, text: &str| {
        let shown = path.display().to_string();
        logs.write(level, "", text, |o| o.str("autosave_file", &shown));
        logs.flush(std::time::Duration::from_secs(1));
    };
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            say(Level::Info, "no autosave file exists");
            return Ok(None);
        }
        text => text.with_context(|| format!("reading {}", path.display()))?,
    };
    if source.file.is_none() {
        say(Level::Info, "resuming from last configuration");
    } else {
        say(
            Level::Warn,
            "--config and --resume flags were used together; ignoring --config and resuming \
             from last configuration",
        );
    }
    let config = Config::from_json(text.as_bytes())
        .with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(Loaded { json: text, ..Loaded::made(config) }))
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
