//! Calls in an expression that are matchers.

use crate::config::matchers::{File, IpRanges, MatcherSet, Regexp, Tls, UrlPattern};
use cel::{Expr, Kind, Value, Wrong};
use std::collections::BTreeMap;

/// The matcher that is called at an offset; `None` when the function is none, or none with
/// so many arguments. What it captures has `name`, unless it is given one.
///
/// # Errors
/// Caddy's, when a matcher cannot be asked with these arguments.
pub fn matcher(
    function: &str,
    arguments: &[Expr],
    at: usize,
    name: &str,
) -> Option<Result<MatcherSet, Wrong>> {
    let mut set = MatcherSet::default();
    let ranges = |ranges: Vec<String>| Some(IpRanges { ranges });
    let filled = match (function, arguments.len()) {
        ("client_ip", _) => texts(arguments).map(|texts| set.client_ip = ranges(texts)),
        ("file", _) => file(arguments, at).map(|file| set.file = Some(file)),
        ("header", 1) => map(&arguments[0]).map(|fields| {
            set.header = Some(fields.into_iter().map(|(k, v)| (k, Some(v))).collect());
        }),
        ("header_regexp", 2 | 3) => {
            of_field(arguments, name).map(|regexps| set.header_regexp = Some(regexps))
        }
        ("host", _) => texts(arguments).map(|hosts| set.host = Some(hosts)),
        ("method", _) => texts(arguments).map(|methods| set.method = Some(methods)),
        ("path", _) => texts(arguments).map(|paths| set.path = Some(paths)),
        ("path_regexp", 1 | 2) => {
            regexp(arguments, name).map(|regexp| set.path_regexp = Some(regexp))
        }
        ("protocol", 1) => {
            literal(&arguments[0]).map(|text| set.protocol = Some(text.to_lowercase()))
        }
        ("query", 1) => map(&arguments[0]).map(|query| set.query = Some(query)),
        ("remote_ip", _) => texts(arguments).map(|texts| set.remote_ip = ranges(texts)),
        ("tls", _) => tls(arguments).map(|tls| set.tls = Some(tls)),
        ("url_pattern", 1) => literal(&arguments[0]).map(|pattern| {
            set.url_pattern = Some(UrlPattern { pattern, ..UrlPattern::default() });
        }),
        ("vars", 1) => map(&arguments[0]).map(|vars| set.vars = Some(vars)),
        ("vars_regexp", 2 | 3) => {
            of_field(arguments, name).map(|regexps| set.vars_regexp = Some(regexps))
        }
        _ => return None,
    };
    Some(filled.map(|()| set))
}

/// A text that is known when the configuration is loaded; matchers fill its placeholders.
fn text(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Literal(Value::Text(text)) => Some(text.clone()),
        Kind::Call { function, target: None, arguments } => match (function.as_str(), &**arguments)
        {
            ("_+_", [a, b]) => Some(text(a)? + &text(b)?),
            ("ph", [Expr { kind: Kind::Name(request), .. }, name]) if request == "req" => {
                text(name).map(|name| format!("{{{name}}}"))
            }
            _ => None,
        },
        _ => None,
    }
}

fn literal(expr: &Expr) -> Result<String, Wrong> {
    text(expr).ok_or_else(|| Wrong::at(expr.at, "matcher argument must be a string literal"))
}

fn texts(arguments: &[Expr]) -> Result<Vec<String>, Wrong> {
    if arguments.is_empty() {
        return Err(Wrong::nowhere("matcher requires at least one argument"));
    }
    let one = |expr: &Expr| {
        text(expr).ok_or_else(|| Wrong::at(expr.at, "matcher arguments must be string constants"))
    };
    arguments.iter().map(one).collect()
}

/// Keys with a text or a list of texts each.
fn map(argument: &Expr) -> Result<BTreeMap<String, Vec<String>>, Wrong> {
    let Kind::Map(entries) = &argument.kind else {
        return Err(Wrong::at(argument.at, "matcher requires a map literal argument"));
    };
    let entry = |(key, value): &(Expr, Expr)| {
        // Caddy marks the character behind it.
        let name = text(key)
            .ok_or_else(|| Wrong::at(key.at + 1, "matcher map keys must be string literals"))?;
        let values = match &value.kind {
            Kind::List(items) => items.iter().map(text).collect(),
            _ => text(value).map(|value| vec![value]),
        };
        let wrong = "matcher map values must be string or list literals";
        Ok((name, values.ok_or_else(|| Wrong::at(value.at, wrong))?))
    };
    entries.iter().map(entry).collect()
}

/// `pattern`, or `name, pattern`.
fn regexp(arguments: &[Expr], name: &str) -> Result<Regexp, Wrong> {
    let texts = arguments.iter().map(literal).collect::<Result<Vec<_>, _>>()?;
    let (name, pattern) = match texts.as_slice() {
        [name, pattern] => (name.as_str(), pattern),
        texts => (name, &texts[0]),
    };
    Ok(Regexp { name: name.to_owned(), pattern: pattern.clone() })
}

/// `field, pattern`, or `name, field, pattern`.
fn of_field(arguments: &[Expr], name: &str) -> Result<BTreeMap<String, Regexp>, Wrong> {
    let texts = arguments.iter().map(literal).collect::<Result<Vec<_>, _>>()?;
    let (name, field, pattern) = match texts.as_slice() {
        [name, field, pattern] => (name.as_str(), field, pattern),
        texts => (name, &texts[0], &texts[1]),
    };
    let regexp = Regexp { name: name.to_owned(), pattern: pattern.clone() };
    Ok(BTreeMap::from([(field.clone(), regexp)]))
}

fn tls(arguments: &[Expr]) -> Result<Tls, Wrong> {
    let states = arguments.iter().map(literal).collect::<Result<Vec<_>, _>>()?;
    let handshake_complete = match states.first().map(String::as_str) {
        Some("early_data") => Some(false),
        Some("handshake_complete") => Some(true),
        _ => None,
    };
    Ok(Tls { handshake_complete })
}

/// Names of files, or a map of the matcher's settings.
fn file(arguments: &[Expr], at: usize) -> Result<File, Wrong> {
    let wrong = || Wrong::at(at + 1, "matcher requires either a map or string literal argument");
    if let [argument @ Expr { kind: Kind::Map(_), .. }] = arguments {
        return settings(argument).ok_or_else(wrong);
    }
    let names: Option<Vec<_>> = arguments.iter().map(text).collect();
    Ok(File { try_files: names.ok_or_else(wrong)?, ..File::default() })
}

fn settings(argument: &Expr) -> Option<File> {
    let mut file = File::default();
    for (key, mut values) in map(argument).ok()? {
        match key.as_str() {
            "root" => file.root = values.pop()?,
            "try_files" => file.try_files = values,
            "try_policy" => file.try_policy = values.pop()?,
            "split_path" => file.split_path = values,
            _ => return None,
        }
    }
    Some(file)
}
