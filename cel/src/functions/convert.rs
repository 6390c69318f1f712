//! From one type to another.

use super::{Function, none, time};
use crate::value::{Value, double_text, widen, widen_unsigned};
use jiff::{SignedDuration, Timestamp};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "dyn" => |a| Ok(a[0].clone()),
        "type" => |a| Ok(Value::Type(a[0].kind_name())),
        "bool" => |a| match a {
            [Value::Bool(value)] => Ok(Value::Bool(*value)),
            [Value::Text(text)] => match text.as_str() {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Value::Bool(true)),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Value::Bool(false)),
                _ => wrong("string", "bool"),
            },
            _ => none(),
        },
        "bytes" => |a| match a {
            [Value::Bytes(bytes)] => Ok(Value::Bytes(bytes.clone())),
            [Value::Text(text)] => Ok(Value::Bytes(text.clone().into_bytes())),
            _ => none(),
        },
        "double" => |a| match a {
            [Value::Double(value)] => Ok(Value::Double(*value)),
            [Value::Int(value)] => Ok(Value::Double(widen(*value))),
            [Value::Uint(value)] => Ok(Value::Double(widen_unsigned(*value))),
            [Value::Text(text)] => match text.parse() {
                Ok(value) => Ok(Value::Double(value)),
                Err(_) => wrong("string", "double"),
            },
            _ => none(),
        },
        "int" => int,
        "uint" => uint,
        "string" => string,
        "timestamp" => timestamp,
        "duration" => |a| match a {
            [Value::Duration(value)] => Ok(Value::Duration(*value)),
            [Value::Int(nanoseconds)] => {
                Ok(Value::Duration(SignedDuration::from_nanos(*nanoseconds)))
            }
            [Value::Text(text)] => match time::parse_duration(text) {
                Some(value) => Ok(Value::Duration(value)),
                None => wrong("string", "google.protobuf.Duration"),
            },
            _ => none(),
        },
        _ => return None,
    })
}

fn wrong(from: &str, to: &str) -> Result<Value, String> {
    Err(format!("type conversion error from '{from}' to '{to}'"))
}

fn int(a: &[Value]) -> Result<Value, String> {
    let overflow = || "integer overflow".to_owned();
    Ok(Value::Int(match a {
        [Value::Int(value)] => *value,
        [Value::Uint(value)] => i64::try_from(*value).map_err(|_| overflow())?,
        // Beyond these no fraction is left, and the bounds themselves are not exact.
        [Value::Double(value)] if value.abs() < 9_223_372_036_854_775_807.0 => {
            #[expect(clippy::cast_possible_truncation, reason = "it cuts fractions off")]
            let whole = *value as i64;
            whole
        }
        [Value::Double(_)] => return Err(overflow()),
        [Value::Text(text)] => match text.parse() {
            Ok(value) => value,
            Err(_) => return wrong("string", "int"),
        },
        [Value::Timestamp(at)] => at.as_second(),
        [Value::Duration(value)] => i64::try_from(value.as_nanos()).map_err(|_| overflow())?,
        _ => return none(),
    }))
}

fn uint(a: &[Value]) -> Result<Value, String> {
    let overflow = || "unsigned integer overflow".to_owned();
    Ok(Value::Uint(match a {
        [Value::Uint(value)] => *value,
        [Value::Int(value)] => u64::try_from(*value).map_err(|_| overflow())?,
        [Value::Double(value)] if (0.0..18_446_744_073_709_551_615.0).contains(value) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it cuts fractions off, and is not negative"
            )]
            let whole = *value as u64;
            whole
        }
        [Value::Double(_)] => return Err(overflow()),
        [Value::Text(text)] => match text.parse() {
            Ok(value) => value,
            Err(_) => return wrong("string", "uint"),
        },
        _ => return none(),
    }))
}

fn string(a: &[Value]) -> Result<Value, String> {
    Ok(Value::Text(match a {
        [Value::Bytes(bytes)] => String::from_utf8(bytes.clone())
            .map_err(|_| "invalid UTF-8 in bytes, cannot convert to string".to_owned())?,
        [Value::Timestamp(at)] => at.to_string(),
        [Value::Duration(value)] => time::duration_text(*value),
        [Value::Double(value)] => double_text(*value),
        [value] => value.to_text().ok_or("no such overload")?,
        _ => return none(),
    }))
}

fn timestamp(a: &[Value]) -> Result<Value, String> {
    match a {
        [Value::Timestamp(at)] => Ok(Value::Timestamp(*at)),
        [Value::Int(seconds)] => {
            let at = Timestamp::from_second(*seconds).ok().filter(time::is_in_range);
            at.map(Value::Timestamp).ok_or_else(|| "timestamp overflow".to_owned())
        }
        [Value::Text(text)] => {
            // Nothing but date, time and offset, with these letters between.
            let is_plain = text.len() >= 20 && text.as_bytes()[10] == b'T' && !text.contains('[');
            let at = text.parse::<Timestamp>().ok().filter(|_| is_plain);
            at.filter(time::is_in_range)
                .map(Value::Timestamp)
                .ok_or_else(|| format!("invalid RFC 3339 timestamp {text:?}"))
        }
        _ => none(),
    }
}
