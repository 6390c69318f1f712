//! Lists.

use super::Plain;
use super::args::{Args, to_int, to_string};
use crate::{Error, Result, Value};

/// The functions by name. Those with `must` are the same: an error is an error.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("list", |a| Ok(Value::list(a.from(0).iter().cloned()))),
    ("tuple", |a| Ok(Value::list(a.from(0).iter().cloned()))),
    ("append", append),
    ("mustAppend", append),
    ("push", append),
    ("mustPush", append),
    ("prepend", prepend),
    ("mustPrepend", prepend),
    ("first", |a| Ok(a.list(0)?.first().cloned().unwrap_or(Value::Nil))),
    ("mustFirst", |a| Ok(a.list(0)?.first().cloned().unwrap_or(Value::Nil))),
    ("last", |a| Ok(a.list(0)?.last().cloned().unwrap_or(Value::Nil))),
    ("mustLast", |a| Ok(a.list(0)?.last().cloned().unwrap_or(Value::Nil))),
    ("rest", rest),
    ("mustRest", rest),
    ("initial", initial),
    ("mustInitial", initial),
    ("reverse", |a| Ok(Value::list(a.list(0)?.iter().rev().cloned()))),
    ("mustReverse", |a| Ok(Value::list(a.list(0)?.iter().rev().cloned()))),
    ("uniq", uniq),
    ("mustUniq", uniq),
    ("without", without),
    ("mustWithout", without),
    ("has", has),
    ("mustHas", has),
    ("slice", slice),
    ("mustSlice", slice),
    ("concat", concat),
    ("chunk", chunk),
    ("mustChunk", chunk),
    ("compact", compact),
    ("mustCompact", compact),
    ("join", join),
    ("sortAlpha", sort),
    ("split", |a| split_map(a, None)),
    ("splitn", |a| split_map(a, Some(if a.int(1)? < 0 { usize::MAX } else { a.size(1)? }))),
    ("splitList", |a| {
        let (separator, text) = (a.text(0)?, a.text(1)?);
        Ok(Value::strings(split(&text, &separator, usize::MAX)))
    }),
    ("toStrings", |a| Ok(Value::strings(strings(a.get(0)?)))),
    ("until", |a| range(0, a.int(0)?, if a.int(0)? < 0 { -1 } else { 1 })),
    ("untilStep", |a| range(a.int(0)?, a.int(1)?, a.int(2)?)),
    ("seq", seq),
];

fn append(a: &Args<'_>) -> Result<Value> {
    if matches!(a.get(0)?, Value::Nil) {
        return Err(Error::new("Cannot push on type nil"));
    }
    Ok(Value::list(a.list(0)?.iter().cloned().chain([a.get(1)?.clone()])))
}

fn prepend(a: &Args<'_>) -> Result<Value> {
    Ok(Value::list([a.get(1)?.clone()].into_iter().chain(a.list(0)?.iter().cloned())))
}

fn rest(a: &Args<'_>) -> Result<Value> {
    let items = a.list(0)?;
    Ok(Value::list(items.iter().skip(1).cloned()))
}

fn initial(a: &Args<'_>) -> Result<Value> {
    let items = a.list(0)?;
    Ok(Value::list(items.iter().take(items.len().saturating_sub(1)).cloned()))
}

fn uniq(a: &Args<'_>) -> Result<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in a.list(0)?.iter() {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn without(a: &Args<'_>) -> Result<Value> {
    let items = a.list(0)?;
    Ok(Value::list(items.iter().filter(|item| !a.from(1).contains(item)).cloned()))
}

fn has(a: &Args<'_>) -> Result<Value> {
    let needle = a.get(0)?;
    Ok(Value::Bool(a.list(1)?.contains(needle)))
}

fn slice(a: &Args<'_>) -> Result<Value> {
    let items = a.list(0)?;
    let from = if a.len() > 1 { a.size(1)? } else { 0 };
    let to = if a.len() > 2 { a.size(2)? } else { items.len() };
    let part = items.get(from..to);
    let outside = || Error::new(format!("slice bounds out of range [{from}:{to}]"));
    Ok(Value::list(part.ok_or_else(outside)?.iter().cloned()))
}

fn concat(a: &Args<'_>) -> Result<Value> {
    let mut all = Vec::new();
    for list in a.from(0) {
        all.extend(list.items()?.iter().cloned());
    }
    Ok(Value::list(all))
}

fn chunk(a: &Args<'_>) -> Result<Value> {
    let (size, items) = (a.size(0)?, a.list(1)?);
    if size == 0 {
        return Err(Error::new("chunk: the size must be above 0"));
    }
    Ok(Value::list(items.chunks(size).map(|part| Value::list(part.iter().cloned()))))
}

fn compact(a: &Args<'_>) -> Result<Value> {
    let items = a.list(0)?;
    Ok(Value::list(items.iter().filter(|item| item.is_true()).cloned()))
}

/// The items as texts, without those that are nothing; of what is no list, itself.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => {
            items.iter().filter(|item| !matches!(item, Value::Nil)).map(to_string).collect()
        }
        Value::Nil => Vec::new(),
        other => vec![to_string(other)],
    }
}

fn join(a: &Args<'_>) -> Result<Value> {
    Ok(strings(a.get(1)?).join(&a.text(0)?).into())
}

fn sort(a: &Args<'_>) -> Result<Value> {
    let mut texts = strings(a.get(0)?);
    texts.sort();
    Ok(Value::strings(texts))
}

/// The parts of a text; its letters when the separator is empty.
fn split(text: &str, separator: &str, max: usize) -> Vec<String> {
    if separator.is_empty() {
        return text.chars().map(String::from).collect();
    }
    text.splitn(max, separator).map(str::to_owned).collect()
}

/// The parts of a text as `_0`, `_1` and so on.
fn split_map(a: &Args<'_>, max: Option<usize>) -> Result<Value> {
    let text = a.text(if max.is_some() { 2 } else { 1 })?;
    let parts = split(&text, &a.text(0)?, max.unwrap_or(usize::MAX));
    let named = parts.into_iter().enumerate().map(|(i, part)| (format!("_{i}"), part.into()));
    Ok(Value::from_pairs(named))
}

fn numbers(from: i64, to: i64, step: i64) -> Result<Vec<i64>> {
    let is_endless = step == 0 || (to > from) != (step > 0);
    if is_endless || from == to {
        return Ok(Vec::new());
    }
    if (i128::from(to) - i128::from(from)) / i128::from(step) > super::MADE_MAX.into() {
        return Err(Error::new("too many numbers"));
    }
    let next = |n: &i64| n.checked_add(step).filter(|n| if step > 0 { *n < to } else { *n > to });
    Ok(std::iter::successors(Some(from), next).collect())
}

fn range(from: i64, to: i64, step: i64) -> Result<Value> {
    Ok(Value::list(numbers(from, to, step)?.into_iter().map(Value::Int)))
}

/// The numbers that the command `seq` prints, by blanks.
fn seq(a: &Args<'_>) -> Result<Value> {
    let n: Vec<i64> = a.from(0).iter().map(to_int).collect();
    let toward = |from: i64, to: i64| if to < from { -1 } else { 1 };
    let (from, to, step) = match *n.as_slice() {
        [to] => (1, to, toward(1, to)),
        [from, to] => (from, to, toward(from, to)),
        [from, step, to] if step != 0 && toward(from, to) == step.signum() => (from, to, step),
        _ => return Ok("".into()),
    };
    let end = to.saturating_add(step.signum());
    let all = numbers(from, end, step)?;
    Ok(all.iter().map(i64::to_string).collect::<Vec<_>>().join(" ").into())
}
