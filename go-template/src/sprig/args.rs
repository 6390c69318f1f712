//! What a function was called with.

use crate::print::sprint;
use crate::{Error, Fields, Result, Value};
use std::cell::RefCell;
use std::rc::Rc;

/// The arguments of a call.
pub(super) struct Args<'a>(pub(super) &'a [Value]);

impl Args<'_> {
    /// An argument.
    pub(super) fn get(&self, at: usize) -> Result<&Value> {
        let count = self.0.len();
        let missing =
            || Error::new(format!("wrong number of args: want at least {} got {count}", at + 1));
        self.0.get(at).ok_or_else(missing)
    }

    /// A text, or what something else prints as.
    pub(super) fn text(&self, at: usize) -> Result<String> {
        self.get(at).map(to_string)
    }

    /// A whole number; of anything that may be read as one.
    pub(super) fn int(&self, at: usize) -> Result<i64> {
        self.get(at).map(to_int)
    }

    /// A whole number that is no size to be afraid of.
    pub(super) fn size(&self, at: usize) -> Result<usize> {
        let n = self.int(at)?;
        if n > super::MADE_MAX {
            return Err(Error::new(format!("{n} is too large")));
        }
        Ok(usize::try_from(n).unwrap_or(0))
    }

    /// A fraction.
    pub(super) fn float(&self, at: usize) -> Result<f64> {
        self.get(at).map(to_float)
    }

    /// A list.
    pub(super) fn list(&self, at: usize) -> Result<Rc<Vec<Value>>> {
        self.get(at)?.items()
    }

    /// A map.
    pub(super) fn map(&self, at: usize) -> Result<Rc<RefCell<Fields>>> {
        self.get(at)?.fields()
    }

    /// The arguments from there on.
    pub(super) fn from(&self, at: usize) -> &[Value] {
        self.0.get(at..).unwrap_or(&[])
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }
}

/// A text, or what something else prints as.
pub(super) fn to_string(value: &Value) -> String {
    sprint(value)
}

/// A whole number of what may be read as one, or 0.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        Value::Bool(b) => (*b).into(),
        Value::Float(n) => truncated(*n),
        Value::Str(s) => whole(s).unwrap_or(0),
        Value::Object(object) => object.number().unwrap_or(0),
        _ => 0,
    }
}

/// A whole number with Go's signs of a base, or what stands before a point.
fn whole(text: &str) -> Option<i64> {
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let is_number = digits.chars().all(|c| c.is_ascii_alphanumeric());
    i64::from_str_radix(&format!("{sign}{digits}"), base).ok().filter(|_| is_number)
}

/// A fraction of what may be read as one, or 0.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Float(n) => *n,
        Value::Str(s) => s.parse().unwrap_or(0.0),
        other => widened(to_int(other)),
    }
}

/// The whole part of a fraction; the nearest number when it does not fit.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is what is meant")]
pub(crate) const fn truncated(n: f64) -> i64 {
    n as i64
}

/// The nearest fraction.
pub(super) const fn widened(n: i64) -> f64 {
    n as f64
}
