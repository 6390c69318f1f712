//! Values, and which are alike.

use crate::types::Type;
use jiff::{SignedDuration, Timestamp};
use std::cmp::Ordering;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that is not negative.
    Uint(u64),
    /// A floating-point number.
    Double(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A moment.
    Timestamp(Timestamp),
    /// A span of time, of up to 292 years.
    Duration(SignedDuration),
    /// Values.
    List(Vec<Value>),
    /// Values by their keys.
    Map(Vec<(Value, Value)>),
    /// A type, by its name.
    Type(String),
}

impl Value {
    /// Its type, without the types of what it holds.
    pub fn kind(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Double(_) => Type::Double,
            Self::Text(_) => Type::Text,
            Self::Bytes(_) => Type::Bytes,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Duration(_) => Type::Duration,
            Self::List(_) => Type::list(Type::Dyn),
            Self::Map(_) => Type::map(Type::Dyn, Type::Dyn),
            Self::Type(_) => Type::Type(Box::new(Type::Dyn)),
        }
    }

    /// The name of its type.
    pub(crate) fn kind_name(&self) -> String {
        match self {
            Self::List(_) => "list".to_owned(),
            Self::Map(_) => "map".to_owned(),
            Self::Type(_) => "type".to_owned(),
            other => other.kind().to_string(),
        }
    }

    /// The text that a simple value is written as.
    pub fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::Text(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) => value.to_string(),
            Self::Double(value) => double_text(*value),
            _ => return None,
        })
    }

    /// Whether two values are the same. Numbers are by what they are worth; values of
    /// different types are not.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                let has = |(key, value): &(Self, Self)| {
                    find(b, key).is_some_and(|other| value.equals(other))
                };
                a.len() == b.len() && a.iter().all(has)
            }
            _ => match number_order(self, other) {
                Some(order) => order == Some(Ordering::Equal),
                None => self == other,
            },
        }
    }

    /// Their order, if they have one.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            _ => number_order(self, other).flatten(),
        }
    }
}

/// The value of a key.
pub(crate) fn find<'v>(entries: &'v [(Value, Value)], key: &Value) -> Option<&'v Value> {
    entries.iter().find(|(one, _)| one.equals(key)).map(|(_, value)| value)
}

/// The order of two numbers; `None` if they are no numbers, and within, if they have none.
fn number_order(a: &Value, b: &Value) -> Option<Option<Ordering>> {
    use Value::{Double, Int, Uint};
    Some(match (a, b) {
        (Int(a), Int(b)) => Some(a.cmp(b)),
        (Uint(a), Uint(b)) => Some(a.cmp(b)),
        (Int(a), Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Uint(a), Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Double(a), Double(b)) => a.partial_cmp(b),
        (Int(a), Double(b)) => widen(*a).partial_cmp(b),
        (Double(a), Int(b)) => a.partial_cmp(&widen(*b)),
        (Uint(a), Double(b)) => widen_unsigned(*a).partial_cmp(b),
        (Double(a), Uint(b)) => a.partial_cmp(&widen_unsigned(*b)),
        _ => return None,
    })
}

/// A number as `%g` of C and Go writes it, with as few digits as tell it from others.
pub(crate) fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[expect(clippy::cast_precision_loss, reason = "as CEL compares and converts them")]
pub(crate) const fn widen(value: i64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "as CEL compares and converts them")]
pub(crate) const fn widen_unsigned(value: u64) -> f64 {
    value as f64
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A number of things.
pub(crate) fn count(things: usize) -> Value {
    Value::Int(i64::try_from(things).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, text) in [
            (1.0, "1"),
            (0.5, "0.5"),
            (123456.0, "123456"),
            (1e6, "1e+06"),
            (1234567.0, "1.234567e+06"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(double_text(value), text);
        }
    }

    #[test]
    fn numbers_of_any_type_are_compared_by_their_worth() {
        assert!(Value::Int(1).equals(&Value::Double(1.0)));
        assert!(!Value::Int(-1).equals(&Value::Uint(u64::MAX)));
        assert!(!Value::Int(1).equals(&Value::from("1")));
        assert_eq!(Value::Uint(2).order(&Value::Double(1.5)), Some(Ordering::Greater));
        assert_eq!(Value::Double(f64::NAN).order(&Value::Int(1)), None);
    }
}
