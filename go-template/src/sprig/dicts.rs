//! Maps.

use super::Plain;
use super::args::{Args, to_string};
use crate::{Error, Fields, Result, Value};

/// The functions by name. Those with `must` are the same: an error is an error.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("dict", dict),
    ("get", |a| Ok(a.map(0)?.borrow().get(&a.text(1)?).cloned().unwrap_or_else(|| "".into()))),
    ("set", |a| {
        a.map(0)?.borrow_mut().insert(a.text(1)?, a.get(2)?.clone());
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
        merge_into(&mut target.borrow_mut(), source, overwrites);
    }
    Ok(a.get(0)?.clone())
}

fn merge_into(target: &mut Fields, source: Fields, overwrites: bool) {
    for (key, value) in source {
        match (target.get(&key), &value) {
            (Some(Value::Map(inner)), Value::Map(more)) => {
                let more = more.borrow().clone();
                if let Ok(mut inner) = inner.try_borrow_mut() {
                    merge_into(&mut inner, more, overwrites);
                }
            }
            (Some(held), _) if held.is_true() && !overwrites => {}
            // Nothing fills no gap.
            (_, Value::Nil) if !overwrites => {}
            _ => {
                target.insert(key, value);
            }
        }
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
