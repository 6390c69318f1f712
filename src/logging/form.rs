//! The form that entries have in a log: objects in JSON, or lines for people.

use super::filters::Filters;
use super::json::{self, Durations, Look, Object};
use super::{Level, append};
use crate::config::logging::encoders::{Encoder, Text};
use go_template::layout;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::io::Write as _;
use std::time::Duration;

/// What each entry has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'e> {
    pub(super) level: Level,
    /// Since 1970.
    pub(super) at: Duration,
    pub(super) logger: &'e str,
    pub(super) message: &'e str,
    /// The code that wrote it.
    pub(super) caller: Option<&'e str>,
    pub(super) stack: Option<&'e str>,
}

impl<'e> Entry<'e> {
    /// An entry that does not say where it comes from.
    pub(super) const fn new(level: Level, at: Duration, logger: &'e str, message: &'e str) -> Self {
        Self { level, at, logger, message, caller: None, stack: None }
    }
}

/// A compiled encoder.
#[derive(Debug)]
pub(super) struct Form {
    is_console: bool,
    /// Whether the level stands in front as the journal of systemd reads it.
    for_journal: bool,
    keys: Keys,
    ending: String,
    time: Time,
    level: Levels,
    durations: Durations,
    /// In the order in which fields come through them.
    filters: Vec<Filters>,
    /// Fields that are added, and how many filters they do not come through.
    added: Vec<(usize, append::Fields)>,
}

/// The names of an entry's parts; empty ones are left out.
#[derive(Debug)]
struct Keys {
    message: String,
    level: String,
    time: String,
    name: String,
    caller: String,
    stack: String,
}

#[derive(Debug)]
enum Time {
    Seconds,
    Millis,
    Nanos,
    /// A layout of Go's, and whether the time is local.
    Layout(String, bool),
}

#[derive(Clone, Copy, Debug)]
enum Levels {
    Lower,
    Upper,
    Color,
}

impl Form {
    /// Compiles an encoder. Without one it is for people when `on_terminal`.
    pub(super) fn compile(encoder: Option<&Encoder>, on_terminal: bool) -> Result<Self, String> {
        let (mut filters, mut added, mut for_journal) = (Vec::new(), Vec::new(), false);
        let mut encoder = encoder;
        loop {
            encoder = match encoder {
                Some(Encoder::Filter(filter)) => {
                    filters.push(Filters::compile(&filter.fields)?);
                    filter.wrap.as_deref()
                }
                Some(Encoder::Append(append)) => {
                    added.push((filters.len(), append::Fields::compile(&append.fields)));
                    append.wrap.as_deref()
                }
                Some(Encoder::Journald(journald)) => {
                    for_journal = true;
                    journald.wrap.as_deref()
                }
                Some(Encoder::Json(text)) => {
                    let form = Self::of(text, false);
                    return Ok(Self { for_journal, filters, added, ..form });
                }
                Some(Encoder::Console(text)) => {
                    let form = Self::of(text, true);
                    return Ok(Self { for_journal, filters, added, ..form });
                }
                None => {
                    let mut form = Self::of(&Text::default(), on_terminal);
                    if !has_colors() {
                        form.level = Levels::Lower;
                    }
                    return Ok(Self { for_journal, filters, added, ..form });
                }
            }
        }
    }

    fn of(text: &Text, is_console: bool) -> Self {
        let or = |key: &Option<String>, default: &str| match key {
            Some(key) => key.clone(),
            None => default.to_owned(),
        };
        let level = match text.level_format.as_str() {
            "upper" => Levels::Upper,
            "color" => Levels::Color,
            "" if is_console => Levels::Color,
            _ => Levels::Lower,
        };
        Self {
            is_console,
            for_journal: false,
            keys: Keys {
                message: or(&text.message_key, "msg"),
                level: or(&text.level_key, "level"),
                time: or(&text.time_key, "ts"),
                name: or(&text.name_key, "logger"),
                caller: or(&text.caller_key, "caller"),
                stack: or(&text.stacktrace_key, "stacktrace"),
            },
            ending: or(&text.line_ending, "\n"),
            time: Time::parse(&text.time_format, text.time_local, is_console),
            level,
            durations: Durations::parse(&text.duration_format),
            filters: Vec::new(),
            added: Vec::new(),
        }
    }

    /// An entry in this form.
    pub(super) fn encode(&self, entry: &Entry<'_>, fields: impl Fn(&mut Object<'_>)) -> Vec<u8> {
        let mut line = Vec::with_capacity(512);
        if self.for_journal {
            line.extend_from_slice(entry.level.journal().as_bytes());
        }
        if self.is_console {
            self.console(&mut line, entry, fields);
        } else {
            self.json(&mut line, entry, fields);
        }
        // An empty ending means the usual one.
        let ending = if self.ending.is_empty() { "\n" } else { &self.ending };
        line.extend_from_slice(ending.as_bytes());
        line
    }

    fn json(&self, line: &mut Vec<u8>, entry: &Entry<'_>, fields: impl Fn(&mut Object<'_>)) {
        let bare = Look { durations: self.durations, ..Look::default() };
        json::object_as(line, bare, |o| {
            part(o, &self.keys.level, self.level.text(entry.level));
            if !self.keys.time.is_empty() {
                match &self.time {
                    Time::Seconds => o.float(&self.keys.time, entry.at.as_secs_f64()),
                    Time::Layout(..) => o.str(&self.keys.time, &self.time.text(entry.at)),
                    time => o.raw(&self.keys.time, time.text(entry.at).as_bytes()),
                }
            }
            if !entry.logger.is_empty() {
                part(o, &self.keys.name, entry.logger);
            }
            part(o, &self.keys.caller, entry.caller.unwrap_or_default());
            if !self.keys.message.is_empty() {
                o.str(&self.keys.message, entry.message);
            }
            self.fields(o, entry.at, &fields);
            part(o, &self.keys.stack, entry.stack.unwrap_or_default());
        });
    }

    fn console(&self, line: &mut Vec<u8>, entry: &Entry<'_>, fields: impl Fn(&mut Object<'_>)) {
        let time = self.time.text(entry.at);
        let parts = [
            (&self.keys.time, time.as_str()),
            (&self.keys.level, self.level.text(entry.level)),
            (&self.keys.name, entry.logger),
            (&self.keys.caller, entry.caller.unwrap_or_default()),
        ];
        let mut shown: Vec<&[u8]> = parts
            .into_iter()
            .filter(|(key, text)| !key.is_empty() && !text.is_empty())
            .map(|(_, text)| text.as_bytes())
            .collect();
        if !self.keys.message.is_empty() {
            shown.push(entry.message.as_bytes());
        }
        let mut context = Vec::new();
        let look = Look { durations: self.durations, spaced: true, filters: &[] };
        json::object_as(&mut context, look, |o| self.fields(o, entry.at, &fields));
        if context != b"{}" {
            shown.push(&context);
        }
        line.extend_from_slice(&shown.join(&b"\t"[..]));
        if let Some(stack) = entry.stack.filter(|_| !self.keys.stack.is_empty()) {
            // Writing to memory does not fail.
            let _ = write!(line, "\n{stack}");
        }
    }

    fn fields(&self, o: &mut Object<'_>, at: Duration, fields: &impl Fn(&mut Object<'_>)) {
        o.filtered(&self.filters, |o| fields(o));
        for (behind, added) in &self.added {
            o.filtered(&self.filters[*behind..], |o| added.write(o, at));
        }
    }
}

/// A part of the entry, unless it or its key is empty.
fn part(o: &mut Object<'_>, key: &str, text: &str) {
    if !key.is_empty() && !text.is_empty() {
        o.str(key, text);
    }
}

/// Whether a terminal shows colours: people say so by their environment.
fn has_colors() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "xterm-mono")
}

impl Time {
    fn parse(format: &str, local: bool, is_console: bool) -> Self {
        let layout = match format {
            "" if is_console => "2006/01/02 15:04:05.000",
            "" | "unix_seconds_float" => return Self::Seconds,
            "unix_milli_float" => return Self::Millis,
            "unix_nano" => return Self::Nanos,
            // This one is local whatever the configuration says, as in Caddy.
            "iso8601" => return Self::Layout("2006-01-02T15:04:05.000Z0700".to_owned(), true),
            "rfc3339" => "2006-01-02T15:04:05Z07:00",
            "rfc3339_nano" => "2006-01-02T15:04:05.999999999Z07:00",
            "wall" => "2006/01/02 15:04:05",
            "wall_milli" => "2006/01/02 15:04:05.000",
            "wall_nano" => "2006/01/02 15:04:05.000000000",
            "common_log" => "02/Jan/2006:15:04:05 -0700",
            own => own,
        };
        Self::Layout(layout.to_owned(), local)
    }

    fn text(&self, at: Duration) -> String {
        match self {
            Self::Seconds => at.as_secs_f64().to_string(),
            Self::Millis => (at.as_secs_f64() * 1e3).to_string(),
            Self::Nanos => at.as_nanos().to_string(),
            Self::Layout(layout, local) => layout::format(layout, &moment(at, *local)),
        }
    }
}

/// A time since 1970, local or in UTC.
pub(super) fn moment(at: Duration, local: bool) -> Zoned {
    let nanos = i128::try_from(at.as_nanos()).unwrap_or_default();
    let zone = if local { TimeZone::system() } else { TimeZone::UTC };
    Timestamp::from_nanosecond(nanos).unwrap_or_default().to_zoned(zone)
}

impl Levels {
    const fn text(self, level: Level) -> &'static str {
        match (self, level) {
            (Self::Lower, level) => level.as_str(),
            (Self::Upper, Level::Debug) => "DEBUG",
            (Self::Upper, Level::Info) => "INFO",
            (Self::Upper, Level::Warn) => "WARN",
            (Self::Upper, Level::Error) => "ERROR",
            (Self::Color, Level::Debug) => "\x1b[35mDEBUG\x1b[0m",
            (Self::Color, Level::Info) => "\x1b[34mINFO\x1b[0m",
            (Self::Color, Level::Warn) => "\x1b[33mWARN\x1b[0m",
            (Self::Color, Level::Error) => "\x1b[31mERROR\x1b[0m",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an encoder makes of an entry with some fields.
    #[track_caller]
    fn check(encoder: &str, expected: &str) {
        let encoder: Encoder = serde_json::from_str(encoder).expect("an encoder");
        let form = Form::compile(Some(&encoder), false).expect("it is valid");
        let entry = Entry {
            level: Level::Info,
            at: Duration::from_millis(1_257_894_000_250),
            logger: "a.b",
            message: "done",
            caller: None,
            stack: None,
        };
        let line = form.encode(&entry, |o| {
            o.object("request", |o| {
                o.str("ip", "10.1.2.3");
                o.object("headers", |o| o.strings("Cookie", [&b"a=1"[..]]));
            });
            o.duration("took", Duration::from_micros(1_500));
        });
        assert_eq!(String::from_utf8_lossy(&line), expected);
    }

    #[test]
    fn an_entry_is_one_object() {
        check(
            r#"{"format":"json"}"#,
            "{\"level\":\"info\",\"ts\":1257894000.25,\"logger\":\"a.b\",\"msg\":\"done\",\
             \"request\":{\"ip\":\"10.1.2.3\",\"headers\":{\"Cookie\":[\"a=1\"]}},\
             \"took\":0.0015}\n",
        );
        check(
            r#"{"format":"json","message_key":"m","level_key":"","time_key":"t","name_key":"",
                "time_format":"rfc3339_nano","duration_format":"string","line_ending":"!"}"#,
            "{\"t\":\"2009-11-10T23:00:00.25Z\",\"m\":\"done\",\
             \"request\":{\"ip\":\"10.1.2.3\",\"headers\":{\"Cookie\":[\"a=1\"]}},\
             \"took\":\"1.5ms\"}!",
        );
    }

    #[test]
    fn people_get_a_line_with_colours() {
        check(
            r#"{"format":"console"}"#,
            "2009/11/10 23:00:00.250\t\x1b[34mINFO\x1b[0m\ta.b\tdone\t\
             {\"request\": {\"ip\": \"10.1.2.3\", \"headers\": {\"Cookie\": [\"a=1\"]}}, \
             \"took\": 0.0015}\n",
        );
        check(
            r#"{"format":"console","time_format":"unix_seconds_float","level_format":"upper",
                "name_key":"","duration_format":"ms"}"#,
            "1257894000.25\tINFO\tdone\t\
             {\"request\": {\"ip\": \"10.1.2.3\", \"headers\": {\"Cookie\": [\"a=1\"]}}, \
             \"took\": 1}\n",
        );
    }

    #[test]
    fn fields_are_filtered_and_added() {
        check(
            r#"{"format":"filter","wrap":{"format":"append","fields":{"n":1,"s":"x"},
                "wrap":{"format":"json"}},"fields":{
                "request>headers":{"filter":"delete"},"took":{"filter":"rename","name":"t"},
                "msg":{"filter":"delete"},"s":{"filter":"delete"},
                "request>ip":{"filter":"ip_mask","ipv4_cidr":8}}}"#,
            "{\"level\":\"info\",\"ts\":1257894000.25,\"logger\":\"a.b\",\"msg\":\"done\",\
             \"request\":{\"ip\":\"10.0.0.0\"},\"t\":0.0015,\"n\":1,\"s\":\"x\"}\n",
        );
        check(
            r#"{"format":"filter","fields":{"request":{"filter":"replace","value":"-"}},
                "wrap":{"format":"journald","wrap":{"format":"json","time_key":""}}}"#,
            "<6>{\"level\":\"info\",\"logger\":\"a.b\",\"msg\":\"done\",\"request\":\"-\",\
             \"took\":0.0015}\n",
        );
    }
}
