//! Regular expressions, RE2's as in Go.

use super::Plain;
use super::args::Args;
use crate::{Error, Result, Value};
use regex::{NoExpand, Regex};

/// The functions by name. Those with `must` are the same: an error is an error.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("regexMatch", is_match),
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
    ("regexQuoteMeta", |a| Ok(regex::escape(&a.text(0)?).into())),
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

fn split(a: &Args<'_>) -> Result<Value> {
    let text = a.text(1)?;
    Ok(match limit(a)? {
        0 => Value::list([]),
        usize::MAX => Value::strings(pattern(a)?.split(&text)),
        max => Value::strings(pattern(a)?.splitn(&text, max)),
    })
}
