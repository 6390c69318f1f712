//! Lists.

use super::{Function, none};
use crate::value::Value;
use std::cmp::Ordering;

/// How many items a list may have that a function makes of a number.
const ITEMS_MAX: i64 = 1_000_000;

pub(super) fn find(name: &str) -> Option<Function> {
    use Value::{Int, List, Text};
    Some(match name {
        "distinct" => |a| match a {
            [List(items)] => {
                let mut found: Vec<Value> = Vec::new();
                for item in items {
                    if !found.iter().any(|one| one.equals(item)) {
                        found.push(item.clone());
                    }
                }
                Ok(List(found))
            }
            _ => none(),
        },
        "flatten" => |a| match a {
            [List(items)] => Ok(List(flat(items, 1))),
            [List(_), Int(depth)] if *depth < 0 => {
                Err("flatten(): level must be non-negative".to_owned())
            }
            [List(items), Int(depth)] => Ok(List(flat(items, *depth))),
            _ => none(),
        },
        "lists.range" => |a| match a {
            [Int(length)] if *length < 0 => {
                Err("lists.range: size must be non-negative".to_owned())
            }
            [Int(length)] if *length > ITEMS_MAX => {
                Err(format!("lists.range: size must be at most {ITEMS_MAX}"))
            }
            [Int(length)] => Ok(List((0..*length).map(Int).collect())),
            _ => none(),
        },
        "reverse" => |a| match a {
            [List(items)] => Ok(List(items.iter().rev().cloned().collect())),
            [Text(text)] => Ok(Text(text.chars().rev().collect())),
            _ => none(),
        },
        "slice" => |a| match a {
            [List(items), Int(from), Int(to)] => slice(items, *from, *to),
            _ => none(),
        },
        "sort" => |a| match a {
            [List(items)] => sorted(items, items),
            _ => none(),
        },
        "@sortByAssociatedKeys" => |a| match a {
            [List(items), List(keys)] => sorted(items, keys),
            _ => none(),
        },
        _ => return None,
    })
}

/// The items with those of lists among them in their places, down to a depth.
fn flat(items: &[Value], depth: i64) -> Vec<Value> {
    items
        .iter()
        .flat_map(|item| match item {
            Value::List(inner) if depth > 0 => flat(inner, depth - 1),
            other => vec![other.clone()],
        })
        .collect()
}

fn slice(items: &[Value], from: i64, to: i64) -> Result<Value, String> {
    let wrong = |why: &str| Err(format!("cannot slice({from}, {to}), {why}"));
    let (Ok(start), Ok(end)) = (usize::try_from(from), usize::try_from(to)) else {
        return wrong("negative indexes not supported");
    };
    if start > end {
        return wrong("start index must be less than or equal to end index");
    }
    match items.get(start..end) {
        Some(items) => Ok(Value::List(items.to_vec())),
        None => wrong(&format!("list is length {}", items.len())),
    }
}

/// The items in the order of their keys, which must be of one type that has one.
fn sorted(items: &[Value], keys: &[Value]) -> Result<Value, String> {
    let Some(first) = keys.first() else { return Ok(Value::List(Vec::new())) };
    let is_ordered = first.order(first).is_some() || matches!(first, Value::Double(_));
    if !is_ordered {
        return Err("list elements must be comparable".to_owned());
    }
    if keys.iter().any(|key| key.kind() != first.kind()) {
        return Err("list elements must have the same type".to_owned());
    }
    let mut pairs: Vec<(&Value, &Value)> = keys.iter().zip(items).collect();
    pairs.sort_by(|(a, _), (b, _)| a.order(b).unwrap_or(Ordering::Equal));
    Ok(Value::List(pairs.into_iter().map(|(_, item)| item.clone()).collect()))
}
