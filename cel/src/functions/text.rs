//! Texts.

use super::{Function, index, none};
use crate::value::{Value, count};
use regex::Regex;

/// How long a text may be that a function makes of others.
const LENGTH_MAX: usize = 16 * 1024 * 1024;

pub(super) fn find(name: &str) -> Option<Function> {
    use Value::{Bool, Int, List, Text};
    Some(match name {
        "contains" => |a| match a {
            [Text(text), Text(part)] => Ok(Bool(text.contains(part.as_str()))),
            _ => none(),
        },
        "startsWith" => |a| match a {
            [Text(text), Text(part)] => Ok(Bool(text.starts_with(part.as_str()))),
            _ => none(),
        },
        "endsWith" => |a| match a {
            [Text(text), Text(part)] => Ok(Bool(text.ends_with(part.as_str()))),
            _ => none(),
        },
        "matches" => |a| match a {
            [Text(text), Text(pattern)] => {
                let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
                Ok(Bool(regex.is_match(text)))
            }
            _ => none(),
        },
        "charAt" => |a| match a {
            [Text(text), Int(at)] => {
                let at = index(*at, text.chars().count())?;
                Ok(Text(text.chars().nth(at).map(String::from).unwrap_or_default()))
            }
            _ => none(),
        },
        "format" => |a| match a {
            [Text(format), List(arguments)] => super::format::format(format, arguments).map(Text),
            _ => none(),
        },
        "indexOf" => |a| search(a, 0, first),
        "lastIndexOf" => |a| search(a, usize::MAX, last),
        "join" => join,
        "lowerAscii" => |a| match a {
            [Text(text)] => Ok(Text(text.to_ascii_lowercase())),
            _ => none(),
        },
        "upperAscii" => |a| match a {
            [Text(text)] => Ok(Text(text.to_ascii_uppercase())),
            _ => none(),
        },
        "replace" => replace,
        "split" => split,
        "substring" => substring,
        "trim" => |a| match a {
            [Text(text)] => Ok(Text(text.trim().to_owned())),
            _ => none(),
        },
        "strings.quote" => |a| match a {
            [Text(text)] => Ok(Text(quoted(text))),
            _ => none(),
        },
        _ => return None,
    })
}

/// A text between quotes, with its control characters told apart.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Looks for a part, from some character on or `from` another.
fn search(a: &[Value], from: usize, find: fn(&str, &str, usize) -> Value) -> Result<Value, String> {
    match a {
        [Value::Text(text), Value::Text(part)] => Ok(find(text, part, from)),
        [Value::Text(text), Value::Text(part), Value::Int(at)] => {
            let from = usize::try_from(*at).map_err(|_| format!("index out of range: {at}"))?;
            Ok(find(text, part, from))
        }
        _ => none(),
    }
}

/// Where a part begins first, in characters, not before `from`; else -1.
fn first(text: &str, part: &str, from: usize) -> Value {
    let length = text.chars().count();
    if part.is_empty() && from <= length {
        return count(from);
    }
    let Some((start, _)) = text.char_indices().nth(from) else { return Value::Int(-1) };
    let found = text[start..].find(part);
    found.map_or(Value::Int(-1), |at| count(text[..start + at].chars().count()))
}

/// Where a part begins last, in characters, not behind `from`; else -1.
fn last(text: &str, part: &str, from: usize) -> Value {
    let length = text.chars().count();
    if part.is_empty() {
        return if from == usize::MAX || from <= length {
            count(from.min(length))
        } else {
            Value::Int(-1)
        };
    }
    let end = text.char_indices().nth(from).map_or(text.len(), |(at, _)| at + part.len());
    let end = (end.min(text.len())..=text.len()).find(|end| text.is_char_boundary(*end));
    let found = text[..end.unwrap_or(text.len())].rfind(part);
    found.map_or(Value::Int(-1), |at| count(text[..at].chars().count()))
}

fn join(a: &[Value]) -> Result<Value, String> {
    let (items, between) = match a {
        [Value::List(items)] => (items, ""),
        [Value::List(items), Value::Text(between)] => (items, between.as_str()),
        _ => return none(),
    };
    let text = |item: &Value| match item {
        Value::Text(text) => Ok(text.clone()),
        _ => Err("no such overload".to_owned()),
    };
    let texts = items.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::Text(texts.join(between)))
}

fn replace(a: &[Value]) -> Result<Value, String> {
    let (text, from, to, most) = match a {
        [Value::Text(text), Value::Text(from), Value::Text(to)] => (text, from, to, usize::MAX),
        [Value::Text(text), Value::Text(from), Value::Text(to), Value::Int(most)] => {
            // Fewer than none is as often as it is there.
            (text, from, to, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return none(),
    };
    let times = text.matches(from.as_str()).count().min(most);
    if text.len().saturating_add(times.saturating_mul(to.len())) > LENGTH_MAX {
        return Err("the text would be too long".to_owned());
    }
    Ok(Value::Text(text.replacen(from.as_str(), to, most)))
}

fn split(a: &[Value]) -> Result<Value, String> {
    let (text, at, most) = match a {
        [Value::Text(text), Value::Text(at)] => (text, at, usize::MAX),
        [Value::Text(text), Value::Text(at), Value::Int(most)] => {
            (text, at, usize::try_from(*most).unwrap_or(usize::MAX))
        }
        _ => return none(),
    };
    let parts: Vec<Value> = match (at.as_str(), most) {
        (_, 0) => Vec::new(),
        ("", _) => {
            let mut rest = text.as_str();
            let mut parts = Vec::new();
            while let Some(c) = rest.chars().next() {
                let end = if parts.len() + 1 == most { rest.len() } else { c.len_utf8() };
                parts.push(Value::from(&rest[..end]));
                rest = &rest[end..];
            }
            parts
        }
        (at, most) => text.splitn(most, at).map(Value::from).collect(),
    };
    Ok(Value::List(parts))
}

fn substring(a: &[Value]) -> Result<Value, String> {
    let (Value::Text(text), Value::Int(start)) = (&a[0], &a[1]) else { return none() };
    let length = text.chars().count();
    let from = index(*start, length)?;
    let to = match a.get(2) {
        None => length,
        Some(Value::Int(end)) if end < start => {
            return Err(format!("invalid substring range. start: {start}, end: {end}"));
        }
        Some(Value::Int(end)) => index(*end, length)?,
        Some(_) => return none(),
    };
    Ok(Value::Text(text.chars().skip(from).take(to - from).collect()))
}
