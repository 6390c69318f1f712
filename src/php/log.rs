//! Where the lines of PHP and of its supervision go.
//!
//! This room writes no log itself: it hands [`Line`]s to a [`Sink`], which whoever
//! owns the loggers provides. A sink must not block.

use std::sync::Arc;

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

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Str(&'a str),
    /// A number.
    Int(i64),
    /// A span of time, in seconds.
    Seconds(f64),
    /// JSON, already written.
    Json(&'a str),
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// How bad it is.
    pub level: Level,
    /// Who speaks: [`SUPERVISOR`], [`SCRIPT`] or [`TASKS`].
    pub logger: &'a str,
    /// What is said.
    pub message: &'a str,
    /// More about it, in order.
    pub fields: &'a [(&'a str, Value<'a>)],
    /// A JSON object that a script gave along, whose members become fields.
    pub context: Option<&'a str>,
}

/// The logger of pools and workers.
pub const SUPERVISOR: &str = "frankenphp";
/// The logger of what scripts write.
pub const SCRIPT: &str = "http.handlers.php";
/// The logger of task pools.
pub const TASKS: &str = "pogo";

/// Takes lines.
pub trait Sink: Send + Sync {
    /// Whether lines of this level are kept at all.
    fn enabled(&self, level: Level) -> bool;

    /// Takes a line; must not block.
    fn write(&self, line: &Line<'_>);
}

/// A sink that many parts share.
pub type Log = Arc<dyn Sink>;

/// Drops every line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Sink for Silent {
    fn enabled(&self, _level: Level) -> bool {
        false
    }

    fn write(&self, _line: &Line<'_>) {}
}
