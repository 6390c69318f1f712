//! What functions make of values. A function takes what any of its overloads takes.

mod convert;
mod format;
mod list;
mod math;
mod operator;
mod text;
pub(crate) mod time;

use crate::value::Value;

/// A function of values; the error is CEL's.
pub(crate) type Function = fn(&[Value]) -> Result<Value, String>;

/// The function of a name or sign.
pub(crate) fn find(name: &str) -> Option<Function> {
    operator::find(name)
        .or_else(|| convert::find(name))
        .or_else(|| text::find(name))
        .or_else(|| list::find(name))
        .or_else(|| math::find(name))
        .or_else(|| time::find(name))
}

/// Whether a function converts a value, which is done once if the value is known.
pub(crate) fn is_conversion(name: &str) -> bool {
    name != "type" && name != "dyn" && convert::find(name).is_some()
}

/// No overload takes these.
fn none() -> Result<Value, String> {
    Err("no such overload".to_owned())
}

/// An index as far as it is one into so many things.
fn index(at: i64, length: usize) -> Result<usize, String> {
    usize::try_from(at)
        .ok()
        .filter(|at| *at <= length)
        .ok_or_else(|| format!("index out of range: {at}"))
}
