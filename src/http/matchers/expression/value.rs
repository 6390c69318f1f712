//! Values of expressions, and what operators and functions make of them.

use regex::Regex;
use std::cmp::Ordering;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

/// Functions of values only, by the names and signs under which they are called.
const FUNCTIONS: [(&str, usize); 23] = [
    ("!", 1),
    ("!=", 2),
    ("%", 2),
    ("*", 2),
    ("+", 2),
    ("-", 2),
    ("/", 2),
    ("<", 2),
    ("<=", 2),
    ("==", 2),
    (">", 2),
    (">=", 2),
    ("[]", 2),
    ("contains", 2),
    ("double", 1),
    ("endsWith", 2),
    ("in", 2),
    ("int", 1),
    ("matches", 2),
    ("neg", 1),
    ("size", 1),
    ("startsWith", 2),
    ("string", 1),
];

/// Functions of one text that yield a text.
const TEXT_FUNCTIONS: [&str; 3] = ["lowerAscii", "trim", "upperAscii"];

/// Whether there is a function of that name with so many arguments.
pub(super) fn is_function(name: &str, arguments: usize) -> bool {
    FUNCTIONS.contains(&(name, arguments)) || arguments == 1 && TEXT_FUNCTIONS.contains(&name)
}

/// Calls a function. The error is CEL's.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    use Value::{Bool, Double, Int, List, Map, Text};
    Ok(match (name, arguments) {
        ("!", [Bool(value)]) => Bool(!value),
        ("neg", [Int(value)]) => Int(value.checked_neg().ok_or("integer overflow")?),
        ("neg", [Double(value)]) => Double(-value),
        ("==", [a, b]) => Bool(equal(a, b)),
        ("!=", [a, b]) => Bool(!equal(a, b)),
        ("<" | "<=" | ">" | ">=", [a, b]) => {
            let order = compare(a, b).ok_or("no such overload")?;
            Bool(match name {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            })
        }
        ("in", [item, List(items)]) => Bool(items.iter().any(|one| equal(one, item))),
        ("in", [key, Map(entries)]) => Bool(entries.iter().any(|(one, _)| equal(one, key))),
        ("[]", [List(items), Int(index)]) => {
            let item = usize::try_from(*index).ok().and_then(|index| items.get(index));
            item.cloned().ok_or_else(|| format!("index out of bounds: {index}"))?
        }
        ("[]", [Map(entries), key]) => {
            let entry = entries.iter().find(|(one, _)| equal(one, key));
            entry.map(|(_, value)| value.clone()).ok_or("no such key")?
        }
        ("+", [Text(a), Text(b)]) => Text(format!("{a}{b}")),
        ("+", [List(a), List(b)]) => List([a.as_slice(), b].concat()),
        ("+" | "-" | "*" | "/" | "%", [Int(a), Int(b)]) => Int(arithmetic(name, *a, *b)?),
        ("+", [Double(a), Double(b)]) => Double(a + b),
        ("-", [Double(a), Double(b)]) => Double(a - b),
        ("*", [Double(a), Double(b)]) => Double(a * b),
        ("/", [Double(a), Double(b)]) => Double(a / b),
        ("contains", [Text(text), Text(part)]) => Bool(text.contains(part.as_str())),
        ("startsWith", [Text(text), Text(part)]) => Bool(text.starts_with(part.as_str())),
        ("endsWith", [Text(text), Text(part)]) => Bool(text.ends_with(part.as_str())),
        ("matches", [Text(text), Text(pattern)]) => {
            Bool(Regex::new(pattern).map_err(|error| error.to_string())?.is_match(text))
        }
        ("lowerAscii", [Text(text)]) => Text(text.to_ascii_lowercase()),
        ("upperAscii", [Text(text)]) => Text(text.to_ascii_uppercase()),
        ("trim", [Text(text)]) => Text(text.trim().to_owned()),
        ("size", [Text(text)]) => length(text.chars().count()),
        ("size", [List(items)]) => length(items.len()),
        ("size", [Map(entries)]) => length(entries.len()),
        ("string", [value]) => Text(value.to_text().ok_or("no such overload")?),
        ("int", [Int(value)]) => Int(*value),
        ("int", [Text(text)]) => Int(text.parse().map_err(|_| "type conversion error")?),
        #[expect(clippy::cast_possible_truncation, reason = "int() cuts fractions off")]
        ("int", [Double(value)]) => Int(*value as i64),
        ("double", [Double(value)]) => Double(*value),
        ("double", [Int(value)]) => Double(widen(*value)),
        ("double", [Text(text)]) => Double(text.parse().map_err(|_| "type conversion error")?),
        _ => return Err("no such overload".to_owned()),
    })
}

impl Value {
    /// The text of a simple value.
    pub(super) fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::Text(text) => text.clone(),
            Self::Int(value) => value.to_string(),
            Self::Double(value) => value.to_string(),
            Self::Bool(value) => value.to_string(),
            _ => return None,
        })
    }
}

fn length(items: usize) -> Value {
    Value::Int(i64::try_from(items).unwrap_or(i64::MAX))
}

fn arithmetic(sign: &str, a: i64, b: i64) -> Result<i64, String> {
    let result = match sign {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        _ if b == 0 => return Err("division by zero".to_owned()),
        "/" => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    result.ok_or_else(|| "integer overflow".to_owned())
}

/// Whether two values are the same; values of different types are not.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(_), Value::Double(_)) | (Value::Double(_), Value::Int(_)) => {
            compare(a, b) == Some(Ordering::Equal)
        }
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        _ => a == b,
    }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Double(b)) => widen(*a).partial_cmp(b),
        (Value::Double(a), Value::Int(b)) => a.partial_cmp(&widen(*b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "as CEL compares and converts them")]
fn widen(value: i64) -> f64 {
    value as f64
}
