//! Operators.

use super::{Function, none};
use crate::value::{Value, count, find as find_key};
use std::cmp::Ordering;

const OVERFLOW: &str = "integer overflow";
const UNSIGNED_OVERFLOW: &str = "unsigned integer overflow";

pub(super) fn find(name: &str) -> Option<Function> {
    use Value::{Bool, Double, Int};
    Some(match name {
        "!_" => |a| match a {
            [Bool(value)] => Ok(Bool(!value)),
            _ => none(),
        },
        "-_" => |a| match a {
            [Int(value)] => value.checked_neg().map(Int).ok_or_else(|| OVERFLOW.to_owned()),
            [Double(value)] => Ok(Double(-value)),
            _ => none(),
        },
        "_+_" => add,
        "_-_" => subtract,
        "_*_" => multiply,
        "_/_" => divide,
        "_%_" => remainder,
        "_==_" => |a| Ok(Bool(a[0].equals(&a[1]))),
        "_!=_" => |a| Ok(Bool(!a[0].equals(&a[1]))),
        "_<_" => |a| order(a, Ordering::is_lt),
        "_<=_" => |a| order(a, Ordering::is_le),
        "_>_" => |a| order(a, Ordering::is_gt),
        "_>=_" => |a| order(a, Ordering::is_ge),
        "@in" => |a| match a {
            [item, Value::List(items)] => Ok(Bool(items.iter().any(|one| one.equals(item)))),
            [key, Value::Map(entries)] => Ok(Bool(find_key(entries, key).is_some())),
            _ => none(),
        },
        "_[_]" => at,
        "size" => |a| match a {
            [Value::Text(text)] => Ok(count(text.chars().count())),
            [Value::Bytes(bytes)] => Ok(count(bytes.len())),
            [Value::List(items)] => Ok(count(items.len())),
            [Value::Map(entries)] => Ok(count(entries.len())),
            _ => none(),
        },
        _ => return None,
    })
}

fn order(a: &[Value], is: fn(Ordering) -> bool) -> Result<Value, String> {
    match a[0].order(&a[1]) {
        Some(order) => Ok(Value::Bool(is(order))),
        None if a.iter().any(|one| matches!(one, Value::Double(n) if n.is_nan())) => {
            Err("NaN values cannot be ordered".to_owned())
        }
        None => none(),
    }
}

fn at(a: &[Value]) -> Result<Value, String> {
    match a {
        [Value::List(items), Value::Int(index)] => {
            let item = usize::try_from(*index).ok().and_then(|index| items.get(index));
            item.cloned().ok_or_else(|| format!("index out of bounds: {index}"))
        }
        [Value::Map(entries), key] => find_key(entries, key).cloned().ok_or_else(|| {
            let key = key.to_text().unwrap_or_default();
            format!("no such key: {key}")
        }),
        _ => none(),
    }
}

fn add(a: &[Value]) -> Result<Value, String> {
    use Value::{Bytes, Double, Duration, Int, List, Text, Timestamp, Uint};
    Ok(match a {
        [Int(a), Int(b)] => Int(a.checked_add(*b).ok_or(OVERFLOW)?),
        [Uint(a), Uint(b)] => Uint(a.checked_add(*b).ok_or(UNSIGNED_OVERFLOW)?),
        [Double(a), Double(b)] => Double(a + b),
        [Text(a), Text(b)] => Text(format!("{a}{b}")),
        [Bytes(a), Bytes(b)] => Bytes([a.as_slice(), b].concat()),
        [List(a), List(b)] => List([a.as_slice(), b].concat()),
        [Timestamp(at), Duration(by)] | [Duration(by), Timestamp(at)] => {
            super::time::shifted(*at, *by)?
        }
        [Duration(a), Duration(b)] => super::time::span(a.checked_add(*b))?,
        _ => return none(),
    })
}

fn subtract(a: &[Value]) -> Result<Value, String> {
    use Value::{Double, Duration, Int, Timestamp, Uint};
    Ok(match a {
        [Int(a), Int(b)] => Int(a.checked_sub(*b).ok_or(OVERFLOW)?),
        [Uint(a), Uint(b)] => Uint(a.checked_sub(*b).ok_or(UNSIGNED_OVERFLOW)?),
        [Double(a), Double(b)] => Double(a - b),
        [Timestamp(at), Duration(by)] => super::time::shifted(*at, -*by)?,
        [Timestamp(a), Timestamp(b)] => super::time::span(Some(a.duration_since(*b)))?,
        [Duration(a), Duration(b)] => super::time::span(a.checked_sub(*b))?,
        _ => return none(),
    })
}

fn multiply(a: &[Value]) -> Result<Value, String> {
    use Value::{Double, Int, Uint};
    Ok(match a {
        [Int(a), Int(b)] => Int(a.checked_mul(*b).ok_or(OVERFLOW)?),
        [Uint(a), Uint(b)] => Uint(a.checked_mul(*b).ok_or(UNSIGNED_OVERFLOW)?),
        [Double(a), Double(b)] => Double(a * b),
        _ => return none(),
    })
}

fn divide(a: &[Value]) -> Result<Value, String> {
    use Value::{Double, Int, Uint};
    Ok(match a {
        [Int(_), Int(0)] | [Uint(_), Uint(0)] => return Err("division by zero".to_owned()),
        [Int(a), Int(b)] => Int(a.checked_div(*b).ok_or(OVERFLOW)?),
        [Uint(a), Uint(b)] => Uint(a / b),
        [Double(a), Double(b)] => Double(a / b),
        _ => return none(),
    })
}

fn remainder(a: &[Value]) -> Result<Value, String> {
    use Value::{Int, Uint};
    Ok(match a {
        [Int(_), Int(0)] | [Uint(_), Uint(0)] => return Err("modulus by zero".to_owned()),
        [Int(a), Int(b)] => Int(a.checked_rem(*b).ok_or(OVERFLOW)?),
        [Uint(a), Uint(b)] => Uint(a % b),
        _ => return none(),
    })
}
