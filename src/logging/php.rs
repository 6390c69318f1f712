//! The lines of PHP and of its supervision, as lines of our logs.

use super::{Level, Logs};
use crate::php::log::{Level as PhpLevel, Line, Sink, Value};

impl From<PhpLevel> for Level {
    fn from(level: PhpLevel) -> Self {
        match level {
            PhpLevel::Debug => Self::Debug,
            PhpLevel::Info => Self::Info,
            PhpLevel::Warn => Self::Warn,
            PhpLevel::Error => Self::Error,
        }
    }
}

impl Sink for Logs {
    fn enabled(&self, level: PhpLevel) -> bool {
        self.targets.iter().any(|t| Level::from(level) >= t.level)
    }

    fn write(&self, line: &Line<'_>) {
        Self::write(self, line.level.into(), line.logger, line.message, |o| {
            for (key, value) in line.fields {
                match *value {
                    Value::Str(text) => o.str(key, text),
                    Value::Int(n) => o.int(key, n),
                    Value::Seconds(s) => o.float(key, s),
                    Value::Json(json) => o.raw(key, json.as_bytes()),
                }
            }
            let context = line.context.and_then(|c| serde_json::from_str(c).ok());
            let members: serde_json::Map<String, serde_json::Value> = context.unwrap_or_default();
            for (key, value) in &members {
                o.raw(key, value.to_string().as_bytes());
            }
        });
    }
}
