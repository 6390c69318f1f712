//! Texts of values, JSON, encodings and paths.

use super::Plain;
use super::args::Args;
use crate::{Error, Result, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::BASE32;
use serde_json::{Map, Number};

/// The functions by name. Those with `must` are the same: an error is an error.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("toString", |a| Ok(a.text(0)?.into())),
    ("fromJson", |a| Ok(parse(&a.text(0)?).unwrap_or(Value::Nil))),
    ("mustFromJson", |a| parse(&a.text(0)?)),
    ("toJson", |a| Ok(escaped(&to_json(a)?.to_string()).into())),
    ("mustToJson", |a| Ok(escaped(&to_json(a)?.to_string()).into())),
    ("toPrettyJson", pretty),
    ("mustToPrettyJson", pretty),
    ("toRawJson", |a| Ok(to_json(a)?.to_string().into())),
    ("mustToRawJson", |a| Ok(to_json(a)?.to_string().into())),
    ("b64enc", |a| Ok(STANDARD.encode(a.text(0)?).into())),
    ("b64dec", |a| Ok(decoded(STANDARD.decode(a.text(0)?)))),
    ("b32enc", |a| Ok(BASE32.encode(a.text(0)?.as_bytes()).into())),
    ("b32dec", |a| Ok(decoded(BASE32.decode(a.text(0)?.as_bytes())))),
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

fn to_json(a: &Args<'_>) -> Result<serde_json::Value> {
    Ok(json_of(a.get(0)?))
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Nil | Value::Func(_) => serde_json::Value::Null,
        Value::Bool(b) => (*b).into(),
        Value::Int(n) => (*n).into(),
        Value::Float(n) => json_number(*n),
        Value::Str(s) => (**s).into(),
        Value::List(items) => items.iter().map(json_of).collect(),
        Value::Map(fields) => {
            let fields = fields.borrow();
            let fields: Map<_, _> = fields.iter().map(|(k, v)| (k.clone(), json_of(v))).collect();
            fields.into()
        }
        Value::Object(object) => match object.as_map() {
            Some(map) => json_of(&map),
            None => object.print().into(),
        },
    }
}

/// A fraction without places is written without them.
fn json_number(n: f64) -> serde_json::Value {
    let whole = super::args::truncated(n);
    if n.fract() == 0.0 && n.abs() < 1e15 {
        return whole.into();
    }
    Number::from_f64(n).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

/// What could be taken for HTML is escaped.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

fn pretty(a: &Args<'_>) -> Result<Value> {
    let text = serde_json::to_string_pretty(&to_json(a)?);
    Ok(escaped(&text.map_err(|e| Error::new(e.to_string()))?).into())
}

/// A text that was encoded, or why it could not be read: the error is the text.
fn decoded<E: std::fmt::Display>(bytes: std::result::Result<Vec<u8>, E>) -> Value {
    match bytes {
        Ok(bytes) => String::from_utf8_lossy(&bytes).as_ref().into(),
        Err(e) => e.to_string().into(),
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
