//! Logs: Caddy's loggers and levels, and the forms and places that entries have.
//!
//! Whoever has something to say calls [`Logs::write`] with the name of its logger; each
//! configured log that takes this name and level gets the entry, in its own form
//! ([`form`], through [`filters`] and [`append`]), unless it has had enough of the kind
//! ([`sampling`]). A thread per output writes ([`writer`]), so that a slow terminal or a
//! full disk never holds up a request: lines that find the queue full are counted and
//! dropped. Outputs are [`file`], [`net`] and the standard streams. [`access`] is the
//! entry of a finished request, [`json`] how fields are written.

pub mod access;
mod append;
mod file;
mod filters;
mod form;
pub mod json;
mod net;
mod php;
mod sampling;
mod writer;

use crate::config::logging::writers::Writer as ConfiguredWriter;
use crate::config::logging::{Log, Logging, Sink};
use form::{Entry, Form};
use json::Object;
use sampling::Sampling;
use std::backtrace::Backtrace;
use std::collections::HashMap;
use std::io::IsTerminal;
use std::panic::Location;
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

    /// As the journal of systemd has it in front of a line.
    const fn journal(self) -> &'static str {
        match self {
            Self::Debug => "<7>",
            Self::Info => "<6>",
            Self::Warn => "<4>",
            Self::Error => "<3>",
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
    /// Its form is wrong.
    #[error("logging.logs.{log}: encoder: {why}")]
    Form {
        /// The log.
        log: String,
        /// What is wrong.
        why: String,
    },
    /// Its output cannot be opened.
    #[error("logging.logs.{log}: opening log writer {output}: {why}")]
    Open {
        /// The log.
        log: String,
        /// Where it was to go.
        output: String,
        /// What the system says.
        why: String,
    },
}

/// One configured log.
#[derive(Debug)]
struct Target {
    level: Level,
    include: Vec<String>,
    exclude: Vec<String>,
    form: Arc<Form>,
    sampling: Option<Sampling>,
    with_caller: bool,
    /// The least level whose entries have a stack trace.
    with_stack: Option<Level>,
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
    /// When a level is not known, an encoder is wrong, or an output cannot be opened.
    pub fn open(config: Option<&Logging>) -> Result<Arc<Self>, LogError> {
        let mut writers = HashMap::new();
        let mut targets = Vec::new();
        if let Some(sink) = config.and_then(|config| config.sink.as_ref()) {
            // Nothing here writes without a log; what it says has to be right all the same.
            target("sink", &of_sink(sink), &mut writers)?;
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

    /// Writes an entry: level, time, logger and message, then what `fields` adds.
    #[track_caller]
    pub fn write(
        &self,
        level: Level,
        logger: &str,
        message: &str,
        fields: impl Fn(&mut Object<'_>),
    ) {
        let mut takers = self.targets.iter().filter(|t| t.takes(level, logger)).peekable();
        if takers.peek().is_none() {
            return;
        }
        let at = now();
        let code = Location::caller();
        let mut line: Option<(&Target, Vec<u8>)> = None;
        for target in takers {
            let Some(writer) = &target.writer else { continue };
            if target.sampling.as_ref().is_some_and(|s| !s.keeps(level, message, at)) {
                continue;
            }
            if line.as_ref().is_none_or(|(other, _)| !other.writes_as(target)) {
                let entry = Entry::new(level, at, logger, message);
                line = Some((target, target.encode(&entry, code, &fields)));
            }
            if let Some((_, text)) = &line {
                writer.write(text);
            }
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

    /// Whether entries look the same in both logs.
    fn writes_as(&self, other: &Self) -> bool {
        let of = |target: &Self| (target.with_caller, target.with_stack);
        Arc::ptr_eq(&self.form, &other.form) && of(self) == of(other)
    }

    fn encode(
        &self,
        entry: &Entry<'_>,
        code: &Location<'_>,
        fields: &impl Fn(&mut Object<'_>),
    ) -> Vec<u8> {
        let caller = self.with_caller.then(|| format!("{}:{}", code.file(), code.line()));
        let has_stack = self.with_stack.is_some_and(|least| entry.level >= least);
        let stack = has_stack.then(|| Backtrace::force_capture().to_string());
        let entry = Entry { caller: caller.as_deref(), stack: stack.as_deref(), ..*entry };
        self.form.encode(&entry, fields)
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

/// The sink as a log.
fn of_sink(sink: &Sink) -> Log {
    let Sink {
        writer,
        encoder,
        core,
        level,
        sampling,
        with_caller,
        with_caller_skip,
        with_stacktrace,
    } = sink.clone();
    Log {
        writer,
        encoder,
        core,
        level,
        sampling,
        with_caller,
        with_caller_skip,
        with_stacktrace,
        ..Log::default()
    }
}

/// The outputs of one configuration, by what they are called.
type Writers = HashMap<String, Arc<Writer>>;

fn target(name: &str, log: &Log, writers: &mut Writers) -> Result<Target, LogError> {
    let Log {
        writer,
        encoder,
        // There is one, and it does nothing.
        core: _,
        level,
        sampling,
        with_caller,
        // Callers are known by the line that wrote the entry, and not by those above it.
        with_caller_skip: _,
        with_stacktrace,
        include,
        exclude,
    } = log;
    let least = |level: &str| {
        let wrong = || LogError::Level { log: name.to_owned(), level: level.to_owned() };
        Level::parse(level).ok_or_else(wrong)
    };
    let output = match writer {
        None | Some(ConfiguredWriter::Stderr(_)) => Some(Output::Stderr),
        Some(ConfiguredWriter::Stdout(_)) => Some(Output::Stdout),
        Some(ConfiguredWriter::Discard(_)) => None,
        Some(ConfiguredWriter::File(file)) => Some(Output::File(Box::new(file.clone()))),
        Some(ConfiguredWriter::Net(net)) => Some(Output::Net(net.clone())),
    };
    let is_stream = matches!(output, Some(Output::Stderr | Output::Stdout));
    let form = Form::compile(encoder.as_ref(), is_stream && std::io::stderr().is_terminal())
        .map_err(|why| LogError::Form { log: name.to_owned(), why })?;
    let with_stack = match with_stacktrace.as_str() {
        "" => None,
        level => Some(least(level)?),
    };
    Ok(Target {
        level: least(level)?,
        include: include.clone(),
        exclude: exclude.clone(),
        form: Arc::new(form),
        sampling: sampling.as_ref().map(Sampling::new),
        with_caller: *with_caller,
        with_stack,
        writer: output.map(|output| open(name, &output, writers)).transpose()?,
    })
}

/// Opens an output, once for all logs of a configuration that write there.
fn open(name: &str, output: &Output, writers: &mut Writers) -> Result<Arc<Writer>, LogError> {
    let called = match output {
        Output::Stderr => "stderr".to_owned(),
        Output::Stdout => "stdout".to_owned(),
        Output::File(file) => file.filename.clone(),
        Output::Net(net) => net.address.clone(),
    };
    if let Some(writer) = writers.get(&called) {
        return Ok(Arc::clone(writer));
    }
    let writer = Writer::open(output).map_err(|error| LogError::Open {
        log: name.to_owned(),
        output: called.clone(),
        why: error.to_string(),
    })?;
    writers.insert(called, Arc::clone(&writer));
    Ok(writer)
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
            form: Arc::new(Form::compile(None, false).expect("the default is valid")),
            sampling: None,
            with_caller: false,
            with_stack: None,
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
        let error = Logs::open(Some(&config)).expect_err("it is wrong");
        assert_eq!(error.to_string(), format!("logging.logs.a: {expected}"));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        check_refused(r#"{"level":"LOUD"}"#, "unrecognized level: \"LOUD\"");
        check_refused(
            r#"{"writer":{"output":"file","filename":"/proc/none/x"}}"#,
            "opening log writer /proc/none/x: No such file or directory (os error 2)",
        );
        check_refused(
            r#"{"encoder":{"format":"filter","fields":{"a":{"filter":"regexp","regexp":"("}}}}"#,
            "encoder: filter a: bad expression \"(\"",
        );
    }

    #[test]
    fn a_writer_stays_open_for_the_next_configuration() {
        let path = std::env::temp_dir().join(format!("pogo-logs-{}.log", std::process::id()));
        let json = serde_json::json!({"logs": {"default": {
            "writer": {"output": "file", "filename": path},
            "encoder": {"format": "json", "time_key": ""},
            "with_caller": true,
        }}});
        let config = serde_json::from_value(json).expect("a configuration");
        let first = Logs::open(Some(&config)).expect("it opens");
        let second = Logs::open(Some(&config)).expect("it opens");
        assert!(Arc::ptr_eq(&first.writers[0], &second.writers[0]));
        drop(first);
        second.write(Level::Warn, "a", "b", |o| o.int("n", 1));
        second.flush(Duration::from_secs(5));
        let line = std::fs::read_to_string(&path).expect("it was written");
        std::fs::remove_file(path).expect("it is there");
        assert!(line.starts_with(r#"{"level":"warn","logger":"a","caller":"src/logging.rs:"#));
        assert!(line.ends_with("\"msg\":\"b\",\"n\":1}\n"), "{line}");
    }
}
