//! Texts.

use super::Plain;
use super::args::{Args, to_string};
use super::{crypto::random_below, names};
use crate::functions::quoted;
use crate::{Error, Result, Value};

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("hello", |_| Ok(Value::str("Hello!"))),
    ("abbrev", |a| Ok(abbrev(0, a.int(0)?, &a.text(1)?).into())),
    ("abbrevboth", |a| Ok(abbrev(a.int(0)?, a.int(1)?, &a.text(2)?).into())),
    ("trunc", trunc),
    ("trim", |a| Ok(a.text(0)?.trim().into())),
    ("upper", |a| Ok(a.text(0)?.to_uppercase().into())),
    ("lower", |a| Ok(a.text(0)?.to_lowercase().into())),
    ("title", |a| Ok(by_word(&a.text(0)?, parts_words, |c| c.to_uppercase().to_string()).into())),
    ("untitle", |a| {
        Ok(by_word(&a.text(0)?, char::is_whitespace, |c| c.to_lowercase().to_string()).into())
    }),
    ("substr", substr),
    ("repeat", repeat),
    ("trimall", trim_all),
    ("trimAll", trim_all),
    ("trimSuffix", |a| {
        let (suffix, text) = (a.text(0)?, a.text(1)?);
        Ok(text.strip_suffix(&suffix).unwrap_or(&text).into())
    }),
    ("trimPrefix", |a| {
        let (prefix, text) = (a.text(0)?, a.text(1)?);
        Ok(text.strip_prefix(&prefix).unwrap_or(&text).into())
    }),
    ("nospace", |a| Ok(a.text(0)?.split_whitespace().collect::<String>().into())),
    ("initials", |a| {
        let text = a.text(0)?;
        let firsts = text.split_whitespace().filter_map(|word| word.chars().next());
        Ok(firsts.collect::<String>().into())
    }),
    ("randAlphaNum", |a| random(a.size(0)?, &[('0', '9'), ('A', 'Z'), ('a', 'z')])),
    ("randAlpha", |a| random(a.size(0)?, &[('A', 'Z'), ('a', 'z')])),
    ("randAscii", |a| random(a.size(0)?, &[(' ', '~')])),
    ("randNumeric", |a| random(a.size(0)?, &[('0', '9')])),
    ("swapcase", |a| Ok(a.text(0)?.chars().map(swapped).collect::<String>().into())),
    ("shuffle", shuffle),
    ("snakecase", |a| Ok(names::joined(&a.text(0)?, '_').into())),
    ("kebabcase", |a| Ok(names::joined(&a.text(0)?, '-').into())),
    ("camelcase", |a| Ok(names::camel(&a.text(0)?).into())),
    ("wrap", |a| Ok(wrap(&a.text(1)?, a.size(0)?, "\n", false).into())),
    ("wrapWith", |a| Ok(wrap(&a.text(2)?, a.size(0)?, &a.text(1)?, true).into())),
    ("contains", |a| Ok(a.text(1)?.contains(&a.text(0)?).into())),
    ("hasPrefix", |a| Ok(a.text(1)?.starts_with(&a.text(0)?).into())),
    ("hasSuffix", |a| Ok(a.text(1)?.ends_with(&a.text(0)?).into())),
    ("quote", |a| Ok(each(a, quoted).into())),
    ("squote", |a| Ok(each(a, |value| format!("'{}'", to_string(value))).into())),
    ("cat", |a| Ok(each(a, to_string).into())),
    ("indent", |a| Ok(indent(a.size(0)?, &a.text(1)?)?.into())),
    ("nindent", |a| Ok(format!("\n{}", indent(a.size(0)?, &a.text(1)?)?).into())),
    ("replace", |a| Ok(a.text(2)?.replace(&a.text(0)?, &a.text(1)?).into())),
    ("plural", |a| Ok(if a.int(2)? == 1 { a.text(0)? } else { a.text(1)? }.into())),
];

/// Bytes of a text that need not end where a letter does, as Sprig cuts them.
fn cut(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Cuts a text to a width, with `...` where something is missing.
fn abbrev(left: i64, right: i64, text: &str) -> String {
    let (left, right) = (usize::try_from(left).unwrap_or(0), usize::try_from(right).unwrap_or(0));
    let len = text.len();
    if right < 4 || (left > 0 && right < 7) || right >= len {
        return text.to_owned();
    }
    let left = left.min(len).min(len - (right - 3));
    let part = |from: usize, to: usize| cut(&text.as_bytes()[from..to.min(len)]);
    if left <= 4 {
        return format!("{}...", part(0, right - 3));
    }
    if left + right - 3 < len {
        return format!("...{}...", part(left, left + right - 6));
    }
    format!("...{}", part(len - (right - 3), len))
}

fn trunc(a: &Args<'_>) -> Result<Value> {
    let (len, text) = (a.int(0)?, a.text(1)?);
    let kept = usize::try_from(len.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(match len {
        _ if kept >= text.len() => text.into(),
        0.. => cut(&text.as_bytes()[..kept]).into(),
        _ => cut(&text.as_bytes()[text.len() - kept..]).into(),
    })
}

/// Whether a title has words on both sides of this.
fn parts_words(c: char) -> bool {
    if c.is_ascii() { !(c.is_ascii_alphanumeric() || c == '_') } else { c.is_whitespace() }
}

/// Changes the first letter of each word.
fn by_word(text: &str, parts: fn(char) -> bool, change: impl Fn(char) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    for c in text.chars() {
        if at_start {
            out.push_str(&change(c))
        } else {
            out.push(c)
        }
        at_start = parts(c);
    }
    out
}

fn substr(a: &Args<'_>) -> Result<Value> {
    let (start, end, text) = (a.int(0)?, a.int(1)?, a.text(2)?);
    let len = text.len();
    let at = |n: i64| usize::try_from(n).unwrap_or(0).min(len);
    let (from, to) = match (start, end) {
        (..0, end) => (0, at(end)),
        (start, end) if end < 0 || at(end) >= len => (at(start), len),
        (start, end) => (at(start), at(end)),
    };
    if from > to {
        return Err(Error::new(format!("slice bounds out of range [{from}:{to}]")));
    }
    Ok(cut(&text.as_bytes()[from..to]).into())
}

fn repeat(a: &Args<'_>) -> Result<Value> {
    let (times, text) = (a.size(0)?, a.text(1)?);
    if a.int(0)? < 0 {
        return Err(Error::new("strings: negative Repeat count"));
    }
    bounded(times.saturating_mul(text.len()))?;
    Ok(text.repeat(times).into())
}

fn bounded(len: usize) -> Result<()> {
    if i64::try_from(len).is_ok_and(|len| len <= super::MADE_MAX) {
        return Ok(());
    }
    Err(Error::new(format!("{len} bytes are too many")))
}

fn trim_all(a: &Args<'_>) -> Result<Value> {
    let (set, text) = (a.text(0)?, a.text(1)?);
    Ok(text.trim_matches(|c| set.contains(c)).into())
}

/// So many random characters of these ranges.
fn random(len: usize, ranges: &[(char, char)]) -> Result<Value> {
    let all: Vec<char> = ranges.iter().flat_map(|(from, to)| *from..=*to).collect();
    let chars = (0..len).map(|_| Ok(all[random_below(all.len())?]));
    Ok(chars.collect::<Result<String>>()?.into())
}

fn swapped(c: char) -> String {
    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
}

fn shuffle(a: &Args<'_>) -> Result<Value> {
    let mut chars: Vec<char> = a.text(0)?.chars().collect();
    for last in (1..chars.len()).rev() {
        chars.swap(last, random_below(last + 1)?);
    }
    Ok(chars.into_iter().collect::<String>().into())
}

/// Breaks lines at blanks, which go; words that are too long only when they may be cut.
fn wrap(text: &str, width: usize, line_break: &str, cuts: bool) -> String {
    let width = width.max(1);
    let mut rest = text.as_bytes();
    let mut out = Vec::with_capacity(text.len() + 16);
    let blank = |bytes: &[u8]| bytes.iter().position(|b| *b == b' ');
    while rest.len() > width {
        if let [b' ', after @ ..] = rest {
            rest = after;
            continue;
        }
        let last = rest[..=width].iter().rposition(|b| *b == b' ');
        let (end, next) = match last {
            Some(at) => (at, at + 1),
            None if cuts => (width, width),
            None => match blank(&rest[width..]) {
                Some(at) => (width + at, width + at + 1),
                None => break,
            },
        };
        out.extend_from_slice(&rest[..end]);
        out.extend_from_slice(line_break.as_bytes());
        rest = &rest[next..];
    }
    out.extend_from_slice(rest);
    cut(&out)
}

/// All arguments that are something, by blanks.
fn each(a: &Args<'_>, write: impl Fn(&Value) -> String) -> String {
    let there = a.from(0).iter().filter(|value| !matches!(value, Value::Nil));
    there.map(write).collect::<Vec<_>>().join(" ")
}

fn indent(width: usize, text: &str) -> Result<String> {
    bounded(width.saturating_mul(text.matches('\n').count() + 1))?;
    let blanks = " ".repeat(width);
    Ok(format!("{blanks}{}", text.replace('\n', &format!("\n{blanks}"))))
}
