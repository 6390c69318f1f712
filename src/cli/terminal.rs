//! What the commands say: results on standard output, errors and warnings on standard error.
//!
//! For people at a terminal an error is a line `Error: …`, as is one of the command line
//! itself everywhere; otherwise it is a JSON line like
//! those of the log, as Caddy has it, so that what collects the log understands it.

use super::args::Usage;
use crate::adapter::Warning;
use crate::config::JsonError;
use crate::instance::LoadError;
use caddyfile_parser::parse::Fact;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes a command's result. A reader that has gone away is no error of ours.
pub(super) fn print(text: impl AsRef<[u8]>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Reports why a command failed.
pub(super) fn error(error: &anyhow::Error) {
    let text = format!("{error:#}");
    let excerpt = error.downcast_ref::<Excerpt>();
    let json = error.downcast_ref::<JsonError>();
    let load = error.downcast_ref::<LoadError>();
    let path = json.map(|json| json.path.as_str()).or(load.and_then(LoadError::path));
    if error.is::<Usage>() || io::stderr().is_terminal() {
        let source_line = excerpt.map_or("", |excerpt| excerpt.source_line.as_str());
        let path = path.map(|path| format!("  at {path}\n")).unwrap_or_default();
        let hint = json.and_then(|json| json.hint).map(|hint| format!("  {hint}\n"));
        write(&format!("Error: {text}\n{source_line}{path}{}", hint.unwrap_or_default()));
    } else {
        let place = excerpt.and_then(|excerpt| excerpt.place.as_ref());
        let place = place.map(|(file, line)| (file.as_str(), *line));
        let mut line = log_line("error", "", &text, place);
        let facts = [("path", path), ("hint", json.and_then(|json| json.hint))];
        for (name, fact) in facts.into_iter().filter_map(|(name, fact)| Some((name, fact?))) {
            append(&mut line, name, &json!(fact));
        }
        write(&line);
    }
}

/// Reports what looks odd in a Caddyfile.
pub(super) fn warn(warning: &Warning) {
    let place = warning.place.as_ref().map(|(file, line)| (file.as_str(), *line));
    if io::stderr().is_terminal() {
        let place = place.map(|(file, line)| format!("{file}:{line}: ")).unwrap_or_default();
        write(&format!("Warning: {place}{}\n", warning.message));
    } else {
        let mut line = log_line("warn", warning.logger, &warning.message, place);
        for (name, fact) in &warning.fields {
            let value = match fact {
                Fact::Text(text) => json!(text),
                Fact::List(texts) => json!(texts),
            };
            append(&mut line, name, &value);
        }
        write(&line);
    }
}

/// An error in a file that can show the line it is about.
#[derive(Debug)]
pub(super) struct Excerpt {
    /// The whole error, one line.
    pub(super) message: String,
    /// The file and the line, from 1, when they are known.
    pub(super) place: Option<(String, u32)>,
    /// The place, its source line with a caret under it, and a hint; ends with a newline or is empty.
    pub(super) source_line: String,
}

impl std::fmt::Display for Excerpt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Excerpt {}

fn log_line(level: &str, logger: &str, text: &str, place: Option<(&str, u32)>) -> String {
    let ts = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
    let mut line = format!("{{\"level\":{},\"ts\":{ts:.6}", json!(level));
    if !logger.is_empty() {
        line.push_str(&format!(",\"logger\":{}", json!(logger)));
    }
    line.push_str(&format!(",\"msg\":{}", json!(text)));
    if let Some((file, number)) = place {
        line.push_str(&format!(",\"file\":{},\"line\":{number}", json!(file)));
    }
    line.push_str("}\n");
    line
}

/// Adds a field to a log line.
fn append(line: &mut String, name: &str, value: &serde_json::Value) {
    line.insert_str(line.len() - "}\n".len(), &format!(",{}:{value}", json!(name)));
}

/// There is nowhere left to report that standard error cannot be written.
fn write(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_json_with_the_place() {
        let line = log_line("warn", "", "say \"x\"", Some(("Caddyfile", 3)));
        let v: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(v["msg"], "say \"x\"");
        assert_eq!(v["file"], "Caddyfile");
        assert_eq!(v["line"], 3);
        assert!(v["ts"].as_f64().expect("a number") > 1e9);
    }
}
