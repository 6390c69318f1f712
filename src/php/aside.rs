//! What any worker may say at any time, besides what it was asked: lines for the log,
//! and tasks. Says too how a line of a script becomes one of the server's log.

use super::floor::{Floor, Worker};
use super::log::{Level, Line, SCRIPT, SUPERVISOR, Value};
use php_wire::frame::{FrameError, Header, Kind};
use php_wire::response::{Log, Source};
use php_wire::task::{Spawn, spawner_of};
use std::borrow::Cow;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aside {
    /// It was said aside, and is dealt with.
    Heard,
    /// The same, and the worker has tasks now.
    Spawned,
    /// It is part of the conversation.
    No,
}

/// Deals with a message if it was said aside. `uri` is that of the request, if one is served.
pub(crate) fn hear(
    floor: &Floor,
    worker: &Worker,
    uri: Option<&[u8]>,
    header: Header,
    payload: &[u8],
) -> Result<Aside, FrameError> {
    match header.kind {
        Kind::Log => log_line(floor, worker, uri, &Log::decode(payload)?),
        Kind::Spawn => {
            let spawn = Spawn::decode(payload)?;
            // A worker without a table of pools spawns nothing, and none another's tasks.
            let own = spawner_of(header.id) == u64::from(worker.serial);
            let Some(tasks) = floor.tasks.as_ref().filter(|_| own) else {
                return Err(FrameError::Payload("SPAWN"));
            };
            tasks.spawn(worker.serial, header.id, spawn.pool, spawn.message);
            return Ok(Aside::Spawned);
        }
        Kind::Await => {
            if let Some(tasks) = &floor.tasks {
                tasks.awaits(worker.serial, header.id);
            }
        }
        Kind::Forget => {
            if let Some(tasks) = &floor.tasks {
                tasks.forget(worker.serial, header.id);
            }
        }
        _ => return Ok(Aside::No),
    }
    Ok(Aside::Heard)
}

/// How long a line may be, and what comes along with it: many wait for a slow disk.
const LINE_MAX: usize = 64 * 1024;

/// Writes a script's line to the server's log, cut to [`LINE_MAX`].
fn log_line(floor: &Floor, worker: &Worker, uri: Option<&[u8]>, log: &Log<'_>) {
    let (level, syslog) = level_of(log);
    if !floor.log.enabled(level) {
        return;
    }
    let message = String::from_utf8_lossy(&log.message[..log.message.len().min(LINE_MAX)]);
    let message = message.trim_end_matches('\n');
    let context = Some(log.context).filter(|c| (1..=LINE_MAX).contains(&c.len()));
    let context = context.and_then(|c| std::str::from_utf8(c).ok());
    let uri = uri.map(String::from_utf8_lossy);
    let mut fields: Vec<(&str, Value<'_>)> = Vec::with_capacity(3);
    if let Some(syslog) = syslog {
        fields.push(("syslog_level", Value::Str(syslog)));
    }
    match &uri {
        Some(uri) => fields.push(("uri", Value::Str(uri))),
        None => fields.push(("pid", Value::Int(worker.pid().into()))),
    }
    let logger = if uri.is_some() { SCRIPT } else { SUPERVISOR };
    floor.log.write(&Line { level, logger, message, fields: &fields, context });
}

/// A line's level here, and the name of its level in syslog if it has one.
fn level_of(log: &Log<'_>) -> (Level, Option<&'static str>) {
    if log.source == Source::Call {
        let level = match log.level {
            ..0 => Level::Debug,
            0..4 => Level::Info,
            4..8 => Level::Warn,
            8.. => Level::Error,
        };
        return (level, None);
    }
    let (level, name) = match log.level {
        0 => (Level::Error, "emerg"),
        1 => (Level::Error, "alert"),
        2 => (Level::Error, "crit"),
        3 => (Level::Error, "err"),
        4 => (Level::Warn, "warning"),
        5 => (Level::Info, "notice"),
        7 => (Level::Debug, "debug"),
        _ => (Level::Info, "info"),
    };
    (level, Some(name))
}

/// What a worker wrote while it booted, for the error that says that it did not come up.
#[derive(Debug, Default)]
pub(crate) struct BootOutput(String);

impl BootOutput {
    /// More of it does not help anybody.
    const MAX: usize = 16 * 1024;

    /// Keeps a message if it is a line of the script.
    pub(crate) fn keep(&mut self, header: Header, payload: &[u8]) {
        let Ok(log) = Log::decode(payload) else { return };
        if header.kind != Kind::Log || log.source == Source::Call {
            return;
        }
        let text: Cow<'_, str> = String::from_utf8_lossy(log.message);
        let text = text.trim_end_matches('\n');
        if self.0.len() + text.len() < Self::MAX {
            self.0.push_str(text);
            self.0.push('\n');
        }
    }

    /// All of it.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: Source, level: i64, expected: (Level, Option<&'static str>)) {
        let log = Log { source, level, message: b"m", context: b"" };
        assert_eq!(level_of(&log), expected);
    }

    #[test]
    fn levels_are_those_of_their_source() {
        check(Source::Call, -4, (Level::Debug, None));
        check(Source::Call, 2, (Level::Info, None));
        check(Source::Call, 4, (Level::Warn, None));
        check(Source::Call, i64::MAX, (Level::Error, None));
        check(Source::ErrorLog, 3, (Level::Error, Some("err")));
        check(Source::ErrorLog, 5, (Level::Info, Some("notice")));
        check(Source::Output, 6, (Level::Info, Some("info")));
        check(Source::ErrorLog, 99, (Level::Info, Some("info")));
    }

    #[test]
    fn the_output_of_a_boot_is_kept_up_to_a_bound() {
        let mut output = BootOutput::default();
        let keep = |output: &mut BootOutput, source, message: &[u8]| {
            let mut w = php_wire::codec::Writer::default();
            Log { source, level: 6, message, context: b"" }.encode(&mut w);
            output.keep(Header::new(Kind::Log, 0, 0, w.0.len()), &w.0);
        };
        keep(&mut output, Source::Output, b"one\n");
        keep(&mut output, Source::ErrorLog, b"two");
        keep(&mut output, Source::Call, b"not this");
        keep(&mut output, Source::Output, &vec![b'x'; BootOutput::MAX]);
        assert_eq!(output.into_text(), "one\ntwo\n");
    }
}
