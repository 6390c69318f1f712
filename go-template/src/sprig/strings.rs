//! Texts.

use super::Plain;
use super::args::{Args, to_string};
use super::crypto::random_below;
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
    ("title", |a| Ok(by_word(&a.text(0)?, |c| c.to_uppercase().to_string()).into())),
    ("untitle", |a| Ok(by_word(&a.text(0)?, |c| c.to_lowercase().to_string()).into())),
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
    ("snakecase", |a| Ok(words(&a.text(0)?).join("_").into())),
    ("kebabcase", |a| Ok(words(&a.text(0)?).join("-").into())),
    ("camelcase", |a| {
        let words = words(&a.text(0)?);
        Ok(words.iter().map(|word| capitalized(word)).collect::<String>().into())
    }),
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

/// Cuts a text to a width, with `...` where something is missing.
fn abbrev(left: i64, right: i64, text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (left, right) = (usize::try_from(left).unwrap_or(0), usize::try_from(right).unwrap_or(0));
    if right < 4 || (left > 0 && right < 7) || right >= chars.len() {
        return text.to_owned();
    }
    let left = left.min(chars.len());
    let part = |from: usize, to: usize| chars[from..to.min(chars.len())].iter().collect::<String>();
    if left <= 4 {
        return format!("{}...", part(0, right - 3));
    }
    if chars.len() - left < right - 3 {
        let from = chars.len() - (right - 3);
        return format!("...{}", part(from, chars.len()));
    }
    format!("...{}...", part(left, left + right - 6))
}

fn trunc(a: &Args<'_>) -> Result<Value> {
    let (len, text) = (a.int(0)?, a.text(1)?);
    let total = text.chars().count();
    let kept = usize::try_from(len.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(match len {
        _ if kept >= total => text.into(),
        0.. => text.chars().take(kept).collect::<String>().into(),
        _ => text.chars().skip(total - kept).collect::<String>().into(),
    })
}

/// Changes the first letter of each word.
fn by_word(text: &str, change: impl Fn(char) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    for c in text.chars() {
        if at_start {
            out.push_str(&change(c))
        } else {
            out.push(c)
        }
        at_start = !(c.is_alphanumeric() || c == '_' || c == '\'');
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
    Ok(String::from_utf8_lossy(&text.as_bytes()[from..to]).as_ref().into())
}

fn repeat(a: &Args<'_>) -> Result<Value> {
    let (times, text) = (a.size(0)?, a.text(1)?);
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

/// The words of a name, in small letters: they end where a sign stands, where small
/// letters turn to capitals, and before the last of several capitals.
fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = vec![String::new()];
    for (i, c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = i.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(i + 1);
        let is_hump = before.is_some_and(|b| b.is_lowercase() || b.is_numeric());
        let ends_capitals =
            before.is_some_and(char::is_uppercase) && after.is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && (is_hump || ends_capitals) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

/// Breaks lines at blanks; long words only when they may be cut.
fn wrap(text: &str, width: usize, line_break: &str, cuts: bool) -> String {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let fits = line.is_empty() || line.chars().count() + 1 + word.len() <= width;
        if !fits {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        while cuts && word.len() > width {
            let rest = word.split_off(width);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        line.extend(word);
    }
    lines.push(line);
    lines.join(line_break)
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
