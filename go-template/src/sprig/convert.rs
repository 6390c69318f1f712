//! Texts of values, JSON, encodings and paths.

use super::Plain;
use super::json::{self, Style};
use crate::{Error, Result, Value};
use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};
use data_encoding::BASE32;

const PLAIN: Style = Style { is_pretty: false, escapes_html: true };
const PRETTY: Style = Style { is_pretty: true, escapes_html: true };
const RAW: Style = Style { is_pretty: false, escapes_html: false };

/// The functions by name. Those with `must` are the same: an error is an error.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("toString", |a| Ok(a.text(0)?.into())),
    ("fromJson", |a| Ok(parse(&a.text(0)?).unwrap_or(Value::Nil))),
    ("mustFromJson", |a| parse(&a.text(0)?)),
    ("toJson", |a| Ok(json::write(a.get(0)?, PLAIN).into())),
    ("mustToJson", |a| Ok(json::write(a.get(0)?, PLAIN).into())),
    ("toPrettyJson", |a| Ok(json::write(a.get(0)?, PRETTY).into())),
    ("mustToPrettyJson", |a| Ok(json::write(a.get(0)?, PRETTY).into())),
    ("toRawJson", |a| Ok(json::write(a.get(0)?, RAW).into())),
    ("mustToRawJson", |a| Ok(json::write(a.get(0)?, RAW).into())),
    ("b64enc", |a| Ok(STANDARD.encode(a.text(0)?).into())),
    ("b64dec", |a| Ok(unbase64(&a.text(0)?).into())),
    ("b32enc", |a| Ok(BASE32.encode(a.text(0)?.as_bytes()).into())),
    ("b32dec", |a| Ok(unbase32(&a.text(0)?).into())),
    ("base", |a| Ok(base(&a.text(0)?).into())),
    ("osBase", |a| Ok(base(&a.text(0)?).into())),
    ("dir", |a| Ok(dir(&a.text(0)?).into())),
    ("osDir", |a| Ok(dir(&a.text(0)?).into())),
    ("clean", |a| Ok(clean(&a.text(0)?).into())),
    ("osClean", |a| Ok(clean(&a.text(0)?).into())),
    ("ext", |a| Ok(ext(&a.text(0)?).into())),
    ("osExt", |a| Ok(ext(&a.text(0)?).into())),
    ("isAbs", |a| Ok(a.text(0)?.starts_with('/').into())),
    ("osIsAbs", |a| Ok(a.text(0)?.starts_with('/').into())),
];

fn parse(text: &str) -> Result<Value> {
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|e| Error::new(e.to_string()))?;
    Ok(json.into())
}

/// A text that was encoded, or why it could not be read: the error is the text.
fn unbase64(text: &str) -> String {
    match STANDARD.decode(text) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(DecodeError::InvalidByte(at, _)) => format!("illegal base64 data at input byte {at}"),
        // The group that is not complete.
        Err(_) => format!("illegal base64 data at input byte {}", text.len() / 4 * 4),
    }
}

fn unbase32(text: &str) -> String {
    match BASE32.decode(text.as_bytes()) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("illegal base32 data at input byte {}", error.position),
    }
}

fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => "/".to_owned(),
    }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |at| &path[..=at]))
}

fn ext(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or("");
    name.rfind('.').map_or_else(String::new, |at| name[at..].to_owned())
}

/// The shortest path that means the same.
pub(crate) fn clean(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}
