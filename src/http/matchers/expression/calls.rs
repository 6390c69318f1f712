//! Calls in an expression that are no functions of values: placeholders, and the other
//! matchers.

use super::parse::Tree;
use super::value::Value;
use crate::config::matchers::{File, IpRanges, MatcherSet, Regexp, Tls};
use std::collections::BTreeMap;

/// The name of the placeholder that `ph(req, "name")` stands for.
pub(super) fn placeholder<'t>(function: &str, arguments: &'t [Tree]) -> Option<&'t str> {
    match arguments {
        [Tree::Name(request, _), Tree::Literal(Value::Text(name))]
            if function == "ph" && request == "req" =>
        {
            Some(name)
        }
        _ => None,
    }
}

/// The matcher that is called; `None` when the function is none. What it captures has
/// `name`, unless it is given one.
pub(super) fn matcher(
    function: &str,
    arguments: &[Tree],
    name: &str,
) -> Option<Result<MatcherSet, String>> {
    let mut set = MatcherSet::default();
    let wrong = || format!("the arguments of the matcher {function} are not supported");
    let filled = match function {
        "client_ip" => texts(arguments).map(|ranges| set.client_ip = Some(IpRanges { ranges })),
        "file" => file(arguments).map(|file| set.file = Some(file)),
        "header" => map(arguments).map(|fields| {
            set.header = Some(fields.into_iter().map(|(k, v)| (k, Some(v))).collect());
        }),
        "header_regexp" => {
            of_field(arguments, name).map(|regexps| set.header_regexp = Some(regexps))
        }
        "host" => texts(arguments).map(|hosts| set.host = Some(hosts)),
        "method" => texts(arguments).map(|methods| set.method = Some(methods)),
        "path" => texts(arguments).map(|paths| set.path = Some(paths)),
        "path_regexp" => regexp(arguments, name).map(|regexp| set.path_regexp = Some(regexp)),
        "protocol" => texts(arguments).filter(|texts| texts.len() == 1).map(|mut texts| {
            set.protocol = texts.pop().map(|text| text.to_lowercase());
        }),
        "query" => map(arguments).map(|query| set.query = Some(query)),
        "remote_ip" => texts(arguments).map(|ranges| set.remote_ip = Some(IpRanges { ranges })),
        "tls" => tls(arguments).map(|tls| set.tls = Some(tls)),
        "vars" => map(arguments).map(|vars| set.vars = Some(vars)),
        "vars_regexp" => of_field(arguments, name).map(|regexps| set.vars_regexp = Some(regexps)),
        _ => return None,
    };
    Some(filled.ok_or_else(wrong).map(|()| set))
}

/// A type's name in errors.
pub(super) const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null_type",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Double(_) => "double",
        Value::Text(_) => "string",
        Value::List(_) => "list(dyn)",
        Value::Map(_) => "map(dyn, dyn)",
    }
}

/// A text that is known when the configuration is loaded; matchers fill its placeholders.
fn text(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Literal(value) => value.to_text(),
        Tree::Call(function, arguments, _) if function == "+" => {
            arguments.iter().map(text).collect()
        }
        Tree::Call(function, arguments, _) => {
            placeholder(function, arguments).map(|name| format!("{{{name}}}"))
        }
        _ => None,
    }
}

fn texts(trees: &[Tree]) -> Option<Vec<String>> {
    match trees {
        [Tree::List(items)] => items.iter().map(text).collect(),
        trees => trees.iter().map(text).collect(),
    }
}

/// Keys with a text or a list of texts each.
fn map(arguments: &[Tree]) -> Option<BTreeMap<String, Vec<String>>> {
    let [Tree::Map(entries)] = arguments else { return None };
    let entry =
        |(key, value): &(Tree, Tree)| Some((text(key)?, texts(std::slice::from_ref(value))?));
    entries.iter().map(entry).collect()
}

/// `pattern`, or `name, pattern`.
fn regexp(arguments: &[Tree], name: &str) -> Option<Regexp> {
    match texts(arguments)?.as_slice() {
        [pattern] => Some(Regexp { name: name.to_owned(), pattern: pattern.clone() }),
        [name, pattern] => Some(Regexp { name: name.clone(), pattern: pattern.clone() }),
        _ => None,
    }
}

/// `field, pattern`, or `name, field, pattern`.
fn of_field(arguments: &[Tree], name: &str) -> Option<BTreeMap<String, Regexp>> {
    let texts = texts(arguments)?;
    let (name, field, pattern) = match texts.as_slice() {
        [field, pattern] => (name, field, pattern),
        [name, field, pattern] => (name.as_str(), field, pattern),
        _ => return None,
    };
    let regexp = Regexp { name: name.to_owned(), pattern: pattern.clone() };
    Some(BTreeMap::from([(field.clone(), regexp)]))
}

fn tls(arguments: &[Tree]) -> Option<Tls> {
    let handshake_complete = match texts(arguments)?.as_slice() {
        [] => None,
        [state] if state == "any" => None,
        [state] if state == "early_data" => Some(false),
        [state] if state == "handshake_complete" => Some(true),
        _ => return None,
    };
    Some(Tls { handshake_complete })
}

/// Names of files, or a map of the matcher's settings.
fn file(arguments: &[Tree]) -> Option<File> {
    if !matches!(arguments, [Tree::Map(_)]) {
        return Some(File { try_files: texts(arguments)?, ..File::default() });
    }
    let mut file = File::default();
    for (key, mut values) in map(arguments)? {
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
