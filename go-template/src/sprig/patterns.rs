//! Regular expressions, RE2's as in Go.

use super::Plain;
use super::args::Args;
use crate::{Error, Result, Value};
use regex::{NoExpand, Regex};

/// The functions by name. Those with `must` are the same: an error is an error.
pub(super) const TABLE: &[(&str, Plain)] = &[
    // Only here a pattern that is none matches nothing, whatever the text is.
    ("regexMatch", |a| Ok(is_match(a).unwrap_or(Value::Bool(false)))),
    ("mustRegexMatch", is_match),
    ("regexFindAll", find_all),
    ("mustRegexFindAll", find_all),
    ("regexFind", find),
    ("mustRegexFind", find),
    ("regexReplaceAll", |a| replace(a, false)),
    ("mustRegexReplaceAll", |a| replace(a, false)),
    ("regexReplaceAllLiteral", |a| replace(a, true)),
    ("mustRegexReplaceAllLiteral", |a| replace(a, true)),
    ("regexSplit", split),
    ("mustRegexSplit", split),
    ("regexQuoteMeta", |a| {
        let text = a.text(0)?;
        let escaped = |c: char| [Some('\\').filter(|_| r"\.+*?()|[]{}^$".contains(c)), Some(c)];
        Ok(text.chars().flat_map(escaped).flatten().collect::<String>().into())
    }),
];

fn pattern(a: &Args<'_>) -> Result<Regex> {
    Regex::new(&a.text(0)?).map_err(|e| Error::new(format!("error parsing regexp: {e}")))
}

/// How many at most, where a negative number is all.
fn limit(a: &Args<'_>) -> Result<usize> {
    Ok(usize::try_from(a.int(2)?).unwrap_or(usize::MAX))
}

fn is_match(a: &Args<'_>) -> Result<Value> {
    Ok(pattern(a)?.is_match(&a.text(1)?).into())
}

fn find_all(a: &Args<'_>) -> Result<Value> {
    let text = a.text(1)?;
    let found = pattern(a)?;
    let found = found.find_iter(&text).take(limit(a)?).map(|found| found.as_str());
    Ok(Value::strings(found))
}

fn find(a: &Args<'_>) -> Result<Value> {
    let text = a.text(1)?;
    Ok(pattern(a)?.find(&text).map_or("", |found| found.as_str()).into())
}

fn replace(a: &Args<'_>, literally: bool) -> Result<Value> {
    let (text, with) = (a.text(1)?, a.text(2)?);
    let pattern = pattern(a)?;
    let replaced = if literally {
        pattern.replace_all(&text, NoExpand(&with))
    } else {
        pattern.replace_all(&text, with.as_str())
    };
    Ok(replaced.as_ref().into())
}

/// The parts between matches. Those of nothing part letters, but not at the ends.
fn split(a: &Args<'_>) -> Result<Value> {
    let (text, pattern, limit) = (a.text(1)?, pattern(a)?, limit(a)?);
    if limit == 0 {
        return Ok(Value::list([]));
    }
    let (mut parts, mut start) = (Vec::new(), 0);
    for found in pattern.find_iter(&text) {
        if parts.len() + 1 == limit || (found.is_empty() && found.start() == text.len()) {
            break;
        }
        if found.end() > 0 {
            parts.push(&text[start..found.start()]);
            start = found.end();
        }
    }
    parts.push(&text[start..]);
    Ok(Value::strings(parts))
}
