//! Logs: Caddy's loggers, levels and JSON lines.
//!
//! Whoever has something to say calls [`Logs::write`] with the name of its logger; each
//! configured log that takes this name and level gets the line. Lines are built by the
//! caller and written by a thread per output ([`writer`]), so that a slow terminal or a
//! full disk never holds up a request: lines that find the queue full are counted and
//! dropped. [`access`] is the line of a finished request, [`json`] how a line is built.

pub mod access;
pub mod json;
mod php;
mod writer;

use crate::config::logging::encoders::{Encoder, Text};
use crate::config::logging::writers::Writer as ConfiguredWriter;
use crate::config::logging::{Core, Log, Logging};
use json::Object;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use writer::{Output, Writer};

/// How bad a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who debug.
    Debug,
    /// Something happened as it should.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// Its name in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of a configuration's word, `INFO` when there is none.
    fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_uppercase().as_str() {
            "" | "INFO" => Some(Self::Info),
            "DEBUG" => Some(Self::Debug),
            "WARN" => Some(Self::Warn),
            // We log nothing above an error, and never end the process for it.
            "ERROR" | "PANIC" | "FATAL" => Some(Self::Error),
            _ => None,
        }
    }
}

/// Why the logs of a configuration cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The level is none.
    #[error("logging.logs.{log}: unrecognized level: \"{level}\"")]
    Level {
        /// The log.
        log: String,
        /// Its level.
        level: String,
    },
    /// There is no other log than the named ones.
    #[error("logging.sink: a sink is not supported yet")]
    Sink,
    /// A part of it is not there.
    #[error("logging.logs.{log}: {what} \"{name}\" is not supported yet")]
    Unsupported {
        /// The log.
        log: String,
        /// Writer, encoder or sampling.
        what: &'static str,
        /// The module.
        name: String,
    },
}

/// One configured log.
#[derive(Debug)]
struct Target {
    level: Level,
    include: Vec<String>,
    exclude: Vec<String>,
    /// Absent when it discards.
    writer: Option<Arc<Writer>>,
}

/// The open logs. Cheap to ask, never blocks.
#[derive(Debug)]
pub struct Logs {
    targets: Vec<Target>,
    writers: Vec<Arc<Writer>>,
}

impl Logs {
    /// Opens the logs of a configuration; without one, the default log on stderr.
    ///
    /// # Errors
    /// When a level, a writer or an encoder is not known.
    pub fn open(config: Option<&Logging>) -> Result<Arc<Self>, LogError> {
        let mut writers = HashMap::new();
        let mut targets = Vec::new();
        if config.is_some_and(|c| c.sink.is_some()) {
            return Err(LogError::Sink);
        }
        let configured = config.map(|c| &c.logs);
        if configured.is_none_or(|logs| !logs.contains_key("default")) {
            targets.push(target("default", &Log::default(), &mut writers)?);
        }
        for (name, log) in configured.into_iter().flatten() {
            targets.push(target(name, log, &mut writers)?);
        }
        Ok(Arc::new(Self { targets, writers: writers.into_values().collect() }))
    }

    /// Logs that take nothing, for tests.
    pub fn silent() -> Arc<Self> {
        Arc::new(Self { targets: Vec::new(), writers: Vec::new() })
    }

    /// Whether any log takes lines of this logger and level.
    pub fn enabled(&self, level: Level, logger: &str) -> bool {
        self.targets.iter().any(|t| t.takes(level, logger))
    }

    /// Writes a line: `level`, `ts`, `logger` and `msg`, then what `fields` adds.
    pub fn write(
        &self,
        level: Level,
        logger: &str,
        message: &str,
        fields: impl FnOnce(&mut Object<'_>),
    ) {
        let mut takers = self.targets.iter().filter(|t| t.takes(level, logger)).peekable();
        if takers.peek().is_none() {
            return;
        }
        let mut line = Vec::with_capacity(512);
        json::object(&mut line, |o| {
            o.str("level", level.as_str());
            o.float("ts", now().as_secs_f64());
            if !logger.is_empty() {
                o.str("logger", logger);
            }
            o.str("msg", message);
            fields(o);
        });
        line.push(b'\n');
        let line: Arc<[u8]> = line.into();
        for writer in takers.filter_map(|t| t.writer.as_ref()) {
            writer.write(Arc::clone(&line));
        }
    }

    /// Waits until what was written so far has gone out, at most `limit`.
    pub fn flush(&self, limit: Duration) {
        for writer in &self.writers {
            writer.flush(limit);
        }
    }
}

impl Target {
    fn takes(&self, level: Level, logger: &str) -> bool {
        level >= self.level && self.allows(logger)
    }

    /// Whether the longest matching name of both lists is in `include`.
    fn allows(&self, logger: &str) -> bool {
        let longest = |names: &[String]| {
            names.iter().filter(|n| is_within(logger, n)).map(|n| n.len() + 1).max().unwrap_or(0)
        };
        if self.include.is_empty() && self.exclude.is_empty() {
            return true;
        }
        let (included, excluded) = (longest(&self.include), longest(&self.exclude));
        if included == excluded { self.include.is_empty() } else { included > excluded }
    }
}

/// Whether a logger's name is this one or one below it.
fn is_within(logger: &str, name: &str) -> bool {
    name.is_empty()
        || logger.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn target(
    name: &str,
    log: &Log,
    writers: &mut HashMap<Output, Arc<Writer>>,
) -> Result<Target, LogError> {
    let unsupported = |what, module: &str| LogError::Unsupported {
        log: name.to_owned(),
        what,
        name: module.to_owned(),
    };
    let level = Level::parse(&log.level)
        .ok_or_else(|| LogError::Level { log: name.to_owned(), level: log.level.clone() })?;
    let Log {
        writer,
        encoder,
        core,
        level: _,
        sampling,
        with_caller,
        // Says something only together with the one before.
        with_caller_skip: _,
        with_stacktrace,
        include,
        exclude,
    } = log;
    let output = match writer {
        None | Some(ConfiguredWriter::Stderr(_)) => Some(Output::Stderr),
        Some(ConfiguredWriter::Stdout(_)) => Some(Output::Stdout),
        Some(ConfiguredWriter::Discard(_)) => None,
        Some(ConfiguredWriter::File(_)) => return Err(unsupported("writer", "file")),
        Some(ConfiguredWriter::Net(_)) => return Err(unsupported("writer", "net")),
    };
    match encoder {
        None => {}
        Some(Encoder::Json(text)) if *text == Text::default() => {}
        Some(Encoder::Json(_)) => return Err(unsupported("a setting of the encoder", "json")),
        Some(Encoder::Append(_)) => return Err(unsupported("encoder", "append")),
        Some(Encoder::Console(_)) => return Err(unsupported("encoder", "console")),
        Some(Encoder::Filter(_)) => return Err(unsupported("encoder", "filter")),
        Some(Encoder::Journald(_)) => return Err(unsupported("encoder", "journald")),
    }
    if let Some(Core::Mock(_)) = core {
        return Err(unsupported("core", "mock"));
    }
    let settings = [
        ("sampling", sampling.is_some()),
        ("with_caller", *with_caller),
        ("with_stacktrace", !with_stacktrace.is_empty()),
    ];
    if let Some((name, _)) = settings.into_iter().find(|(_, is_set)| *is_set) {
        return Err(unsupported("setting", name));
    }
    let writer = output.map(|output| {
        Arc::clone(writers.entry(output).or_insert_with(|| Arc::new(Writer::start(output))))
    });
    Ok(Target { level, include: include.clone(), exclude: exclude.clone(), writer })
}

/// The time since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(include: &[&str], exclude: &[&str], logger: &str, expected: bool) {
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        let target = Target {
            level: Level::Info,
            include: own(include),
            exclude: own(exclude),
            writer: None,
        };
        assert_eq!(target.takes(Level::Info, logger), expected, "{include:?} {exclude:?} {logger}");
    }

    #[test]
    fn the_longest_name_of_include_and_exclude_decides() {
        check(&[], &[], "http", true);
        check(&[], &["http.log.access.log0"], "http.log.access.log0", false);
        check(&[], &["http.log.access.log0"], "http.log.access.log01", true);
        check(&["http.log.access.log0"], &[], "http.log.access.log0", true);
        check(&["http.log.access.log0"], &[], "http.log.error.log0", false);
        check(&["http"], &["http.log"], "http.log.error", false);
        check(&["http", "http.log.error"], &["http.log"], "http.log.error", true);
    }

    #[test]
    fn a_level_below_the_configured_one_is_not_taken() {
        let logs = Logs::open(None).expect("defaults are valid");
        assert!(!logs.enabled(Level::Debug, "x") && logs.enabled(Level::Info, "x"));
    }

    #[track_caller]
    fn check_refused(log: &str, expected: &str) {
        let config = serde_json::from_str(&format!(r#"{{"logs":{{"a":{log}}}}}"#)).expect("JSON");
        let error = Logs::open(Some(&config)).expect_err("it is not supported yet");
        assert_eq!(error.to_string(), format!("logging.logs.a: {expected}"));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        check_refused(r#"{"level":"LOUD"}"#, "unrecognized level: \"LOUD\"");
        let file = r#"{"writer":{"output":"file","filename":"x"}}"#;
        check_refused(file, "writer \"file\" is not supported yet");
        let console = r#"{"encoder":{"format":"console"}}"#;
        check_refused(console, "encoder \"console\" is not supported yet");
        let time = r#"{"encoder":{"format":"json","time_key":"t"}}"#;
        check_refused(time, "a setting of the encoder \"json\" is not supported yet");
        let core = r#"{"core":{"module":"mock"}}"#;
        check_refused(core, "core \"mock\" is not supported yet");
        check_refused(r#"{"sampling":{}}"#, "setting \"sampling\" is not supported yet");
    }
}
