//! `text.format([…])`.

use super::time::duration_text;
use crate::value::{Value, double_text};
use std::fmt::Write;

/// Digits behind the point, at most.
const PRECISION_MAX: usize = 1000;

/// The text with each clause replaced by the argument that it is for.
pub(super) fn format(format: &str, arguments: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut index = 0;
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut precision = String::new();
        let mut clause = chars.next();
        if clause == Some('.') {
            clause = chars.next();
            while let Some(digit) = clause.filter(char::is_ascii_digit) {
                precision.push(digit);
                clause = chars.next();
            }
        }
        let clause = match clause {
            Some('%') => {
                out.push('%');
                continue;
            }
            Some(clause) => clause,
            None => return Err("unexpected end of string".to_owned()),
        };
        let digits = precision.parse().unwrap_or(6).min(PRECISION_MAX);
        let Some(argument) = arguments.next() else {
            return Err(format!("index {index} out of range"));
        };
        index += 1;
        out.push_str(&one(clause, digits, argument)?);
    }
    Ok(out)
}

/// One argument by its clause.
fn one(clause: char, digits: usize, argument: &Value) -> Result<String, String> {
    let wrong = |only: &str| {
        let given = argument.kind_name();
        Err(format!("error during formatting: {only}, was given {given}"))
    };
    Ok(match (clause, argument) {
        ('s', value) => text(value),
        ('d', Value::Int(value)) => value.to_string(),
        ('d', Value::Uint(value)) => value.to_string(),
        ('d', Value::Double(value)) => plain(*value),
        ('d', _) => return wrong("decimal clause can only be used on ints, uints, and doubles"),
        ('f' | 'e', Value::Int(value)) => float(clause, digits, crate::value::widen(*value)),
        ('f' | 'e', Value::Uint(value)) => {
            float(clause, digits, crate::value::widen_unsigned(*value))
        }
        ('f' | 'e', Value::Double(value)) => float(clause, digits, *value),
        ('f', _) => {
            return wrong("fixed-point clause can only be used on ints, uints, and doubles");
        }
        ('e', _) => return wrong("scientific clause can only be used on ints, uints, and doubles"),
        ('b', Value::Int(value)) => based(*value, |n| format!("{n:b}")),
        ('b', Value::Uint(value)) => format!("{value:b}"),
        ('b', Value::Bool(value)) => u8::from(*value).to_string(),
        ('b', _) => return wrong("only integers and bools can be formatted as binary"),
        ('o', Value::Int(value)) => based(*value, |n| format!("{n:o}")),
        ('o', Value::Uint(value)) => format!("{value:o}"),
        ('o', _) => {
            return wrong("octal clause can only be used on integers");
        }
        ('x', value) => match hex(value) {
            Some(text) => text,
            None => {
                return wrong("only integers, byte buffers, and strings can be formatted as hex");
            }
        },
        ('X', value) => match hex(value) {
            Some(text) => text.to_uppercase(),
            None => {
                return wrong("only integers, byte buffers, and strings can be formatted as hex");
            }
        },
        _ => {
            let what = "could not parse formatting clause: unrecognized formatting clause";
            return Err(format!("{what} \"{clause}\""));
        }
    })
}

fn based(value: i64, digits: fn(u64) -> String) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", digits(value.unsigned_abs()))
}

fn hex(value: &Value) -> Option<String> {
    let digits = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut out, byte| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
    };
    Some(match value {
        Value::Int(value) => based(*value, |n| format!("{n:x}")),
        Value::Uint(value) => format!("{value:x}"),
        Value::Text(text) => digits(text.as_bytes()),
        Value::Bytes(bytes) => digits(bytes),
        _ => return None,
    })
}

/// A fraction without an exponent.
fn plain(value: f64) -> String {
    match value.is_finite() {
        true => value.to_string(),
        false => double_text(value).trim_start_matches('+').replace("Inf", "Infinity"),
    }
}

fn float(clause: char, digits: usize, value: f64) -> String {
    if !value.is_finite() {
        return plain(value);
    }
    if clause == 'f' {
        return format!("{value:.digits$}");
    }
    let text = format!("{value:.digits$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Any value as people read it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Double(value) => plain(*value),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Timestamp(at) => at.to_string(),
        Value::Duration(span) => duration_text(*span),
        Value::Type(name) => name.clone(),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(k, v)| format!("{}: {}", text(k), text(v))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        simple => simple.to_text().unwrap_or_default(),
    }
}
