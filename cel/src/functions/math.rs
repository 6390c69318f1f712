//! Numbers.

use super::{Function, none};
use crate::value::{Value, widen, widen_unsigned};
use std::cmp::Ordering;

pub(super) fn find(name: &str) -> Option<Function> {
    use Value::{Bool, Double, Int, Uint};
    Some(match name {
        "math.@max" => |a| extreme(a, Ordering::Greater),
        "math.@min" => |a| extreme(a, Ordering::Less),
        "math.abs" => |a| match a {
            [Int(value)] => {
                value.checked_abs().map(Int).ok_or_else(|| "integer overflow".to_owned())
            }
            [Uint(value)] => Ok(Uint(*value)),
            [Double(value)] => Ok(Double(value.abs())),
            _ => none(),
        },
        "math.sign" => |a| match a {
            [Int(value)] => Ok(Int(value.signum())),
            [Uint(value)] => Ok(Uint(u64::from(*value > 0))),
            [Double(value)] if *value == 0.0 => Ok(Double(0.0)),
            [Double(value)] => Ok(Double(value.signum())),
            _ => none(),
        },
        "math.ceil" => |a| double(a, |value| Double(value.ceil())),
        "math.floor" => |a| double(a, |value| Double(value.floor())),
        "math.round" => |a| double(a, |value| Double(value.round())),
        "math.trunc" => |a| double(a, |value| Double(value.trunc())),
        "math.isInf" => |a| double(a, |value| Bool(value.is_infinite())),
        "math.isNaN" => |a| double(a, |value| Bool(value.is_nan())),
        "math.isFinite" => |a| double(a, |value| Bool(value.is_finite())),
        "math.sqrt" => |a| match a {
            [Int(value)] => Ok(Double(widen(*value).sqrt())),
            [Uint(value)] => Ok(Double(widen_unsigned(*value).sqrt())),
            [Double(value)] => Ok(Double(value.sqrt())),
            _ => none(),
        },
        "math.bitAnd" => |a| bits(a, |a, b| a & b),
        "math.bitOr" => |a| bits(a, |a, b| a | b),
        "math.bitXor" => |a| bits(a, |a, b| a ^ b),
        "math.bitNot" => |a| match a {
            [Int(value)] => Ok(Int(!value)),
            [Uint(value)] => Ok(Uint(!value)),
            _ => none(),
        },
        "math.bitShiftLeft" => |a| shift(a, "math.bitShiftLeft", u64::checked_shl),
        "math.bitShiftRight" => |a| shift(a, "math.bitShiftRight", u64::checked_shr),
        _ => return None,
    })
}

fn double(a: &[Value], of: fn(f64) -> Value) -> Result<Value, String> {
    match a {
        [Value::Double(value)] => Ok(of(*value)),
        _ => none(),
    }
}

fn bits(a: &[Value], of: fn(u64, u64) -> u64) -> Result<Value, String> {
    Ok(match a {
        [Value::Int(a), Value::Int(b)] => {
            Value::Int(of(a.cast_unsigned(), b.cast_unsigned()).cast_signed())
        }
        [Value::Uint(a), Value::Uint(b)] => Value::Uint(of(*a, *b)),
        _ => return none(),
    })
}

/// Moves bits; those of negative numbers move like others. Beyond the width none is left.
fn shift(a: &[Value], name: &str, of: fn(u64, u32) -> Option<u64>) -> Result<Value, String> {
    let Value::Int(by) = a[1] else { return none() };
    if by < 0 {
        return Err(format!("{name}() negative offset: {by}"));
    }
    let moved = |value| u32::try_from(by).ok().and_then(|by| of(value, by)).unwrap_or(0);
    Ok(match &a[0] {
        Value::Int(value) => Value::Int(moved(value.cast_unsigned()).cast_signed()),
        Value::Uint(value) => Value::Uint(moved(*value)),
        _ => return none(),
    })
}

/// The number, of a list or of arguments, that no other one is beyond.
fn extreme(a: &[Value], beyond: Ordering) -> Result<Value, String> {
    let numbers = match a {
        [Value::List(items)] => items.as_slice(),
        numbers => numbers,
    };
    let is_number = |one: &Value| matches!(one, Value::Int(_) | Value::Uint(_) | Value::Double(_));
    if !numbers.iter().all(is_number) {
        return none();
    }
    let mut numbers = numbers.iter();
    let first = numbers.next().ok_or("math.@max(list) argument must not be empty")?;
    let found =
        numbers.fold(first, |best, one| if one.order(best) == Some(beyond) { one } else { best });
    Ok(found.clone())
}
