//! Maps.

use super::Plain;
use super::args::{Args, to_string};
use crate::{Error, Fields, Result, Value};
use std::cell::RefCell;
use std::rc::Rc;

/// How deep values may be nested in a map that is changed.
const DEPTH_MAX: usize = 200;

/// The functions by name. Those with `must` are the same: an error is an error.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("dict", dict),
    ("get", |a| Ok(a.map(0)?.borrow().get(&a.text(1)?).cloned().unwrap_or_else(|| "".into()))),
    ("set", |a| {
        let (map, value) = (a.map(0)?, a.get(2)?);
        refuse_cycle(&map, value, 0)?;
        map.borrow_mut().insert(a.text(1)?, value.clone());
        Ok(a.get(0)?.clone())
    }),
    ("unset", |a| {
        a.map(0)?.borrow_mut().remove(&a.text(1)?);
        Ok(a.get(0)?.clone())
    }),
    ("hasKey", |a| Ok(a.map(0)?.borrow().contains_key(&a.text(1)?).into())),
    ("pluck", pluck),
    ("keys", keys),
    ("values", |a| Ok(Value::list(a.map(0)?.borrow().values().cloned()))),
    ("pick", |a| chosen(a, true)),
    ("omit", |a| chosen(a, false)),
    ("merge", |a| merge(a, false)),
    ("mustMerge", |a| merge(a, false)),
    ("mergeOverwrite", |a| merge(a, true)),
    ("mustMergeOverwrite", |a| merge(a, true)),
    ("deepCopy", |a| Ok(copied(a.get(0)?))),
    ("mustDeepCopy", |a| Ok(copied(a.get(0)?))),
    ("dig", dig),
];

fn dict(a: &Args<'_>) -> Result<Value> {
    let pairs = a.from(0).chunks(2).map(|pair| {
        let value = pair.get(1).cloned().unwrap_or_else(|| "".into());
        (to_string(&pair[0]), value)
    });
    Ok(Value::map(pairs.collect()))
}

fn pluck(a: &Args<'_>) -> Result<Value> {
    let key = a.text(0)?;
    let mut found = Vec::new();
    for map in a.from(1) {
        found.extend(map.fields()?.borrow().get(&key).cloned());
    }
    Ok(Value::list(found))
}

fn keys(a: &Args<'_>) -> Result<Value> {
    let mut all = Vec::new();
    for map in a.from(0) {
        all.extend(map.fields()?.borrow().keys().cloned());
    }
    Ok(Value::strings(all))
}

/// A map of the entries that are named, or of all others.
fn chosen(a: &Args<'_>, named: bool) -> Result<Value> {
    let names: Vec<String> = a.from(1).iter().map(to_string).collect();
    let map = a.map(0)?;
    let map = map.borrow();
    let kept = map.iter().filter(|(key, _)| names.contains(key) == named);
    Ok(Value::map(kept.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

/// Merges maps into the first one, which is returned.
fn merge(a: &Args<'_>, overwrites: bool) -> Result<Value> {
    let target = a.map(0)?;
    for source in a.from(1) {
        // A copy, as it may be the same map.
        let source = source.fields()?.borrow().clone();
        merge_into(&target, source, overwrites)?;
    }
    Ok(a.get(0)?.clone())
}

fn merge_into(target: &Rc<RefCell<Fields>>, source: Fields, overwrites: bool) -> Result<()> {
    for (key, value) in source {
        refuse_cycle(target, &value, 0)?;
        let held = target.borrow().get(&key).cloned();
        match (held, &value) {
            (Some(Value::Map(inner)), Value::Map(more)) => {
                let more = more.borrow().clone();
                merge_into(&inner, more, overwrites)?;
            }
            (Some(held), _) if held.is_true() && !overwrites => {}
            // Nothing fills no gap.
            (_, Value::Nil) if !overwrites => {}
            _ => drop(target.borrow_mut().insert(key, value)),
        }
    }
    Ok(())
}

/// Refuses to put a map into itself: it could neither be printed nor copied.
fn refuse_cycle(map: &Rc<RefCell<Fields>>, value: &Value, depth: usize) -> Result<()> {
    if depth > DEPTH_MAX {
        return Err(Error::new("maps and lists are nested too deep"));
    }
    match value {
        Value::Map(inner) if Rc::ptr_eq(inner, map) => {
            Err(Error::new("a map cannot be a part of itself"))
        }
        Value::Map(inner) => {
            inner.borrow().values().try_for_each(|value| refuse_cycle(map, value, depth + 1))
        }
        Value::List(items) => items.iter().try_for_each(|item| refuse_cycle(map, item, depth + 1)),
        _ => Ok(()),
    }
}

/// A copy that shares no map with the original.
fn copied(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::list(items.iter().map(copied)),
        Value::Map(fields) => {
            Value::map(fields.borrow().iter().map(|(k, v)| (k.clone(), copied(v))).collect())
        }
        other => other.clone(),
    }
}

/// `dig "a" "b" DEFAULT MAP`.
fn dig(a: &Args<'_>) -> Result<Value> {
    let [path @ .., default, map] = a.from(0) else {
        return Err(Error::new("dig needs at least three arguments"));
    };
    if path.is_empty() {
        return Err(Error::new("dig needs at least three arguments"));
    }
    let mut value = map.clone();
    for key in path {
        let next = value.fields()?.borrow().get(&to_string(key)).cloned();
        let Some(next) = next else { return Ok(default.clone()) };
        value = next;
    }
    Ok(value)
}
