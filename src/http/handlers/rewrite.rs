//! `rewrite`: changes method and URI of the request, without the client noticing.
//!
//! ```caddyfile
//! rewrite /old/* /new{path}
//! uri strip_prefix /api
//! uri query -utm_source
//! ```
//!
//! Placeholders are filled from the URI as it was before any of the changes. What a path
//! placeholder brings is a path: a `?` or a `%` in it does not start a query or an escape.

mod query;

use crate::config::handlers::Rewrite as Config;
use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::ProvisionError;
use crate::http::uri::{self, Target};
use http::Method;
use memchr::memchr2;
use query::Query;
use regex::bytes::Regex;
use std::borrow::Cow;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Rewrite {
    method: Template,
    path: Option<Template>,
    /// There is nothing but the path.
    path_only: bool,
    /// Keys and values, each pair with its `=` if it has one.
    query: Option<Vec<Pair>>,
    strip_prefix: Template,
    strip_suffix: Template,
    texts: Vec<Text>,
    expressions: Vec<(Regex, Template)>,
    query_ops: Option<Query>,
}

/// A text that is replaced in path and query.
#[derive(Debug)]
struct Text {
    find: Template,
    replace: Template,
    /// How often at most, in the path and in the query.
    limit: usize,
}

/// One part of a query.
#[derive(Debug)]
struct Pair {
    key: Template,
    value: Option<Template>,
}

impl Pair {
    fn new(text: &str) -> Self {
        let template = |text: &str| Template::new(text, Unknown::Vanishes);
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        Self { key: template(key), value: (!value.is_empty()).then(|| template(value)) }
    }

    fn fill(&self, ex: &Exchange<'_>) -> Vec<u8> {
        let mut pair = self.key.fill_with(ex, escape_query_key).into_owned();
        if let Some(value) = &self.value {
            pair.push(b'=');
            pair.extend_from_slice(
                &value.fill_with(ex, |_, value| uri::escape_query(&value).into()),
            );
        }
        pair
    }
}

impl Rewrite {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let template = |text: &str| Template::new(text, Unknown::Vanishes);
        // A fragment is nothing that a server sees.
        let uri = config.uri.split('#').next().unwrap_or_default();
        let (path, query) = match uri.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (uri, None),
        };
        let texts = config.uri_substring.iter().map(|one| Text {
            find: template(&one.find),
            replace: template(&one.replace),
            limit: usize::try_from(one.limit).ok().filter(|n| *n > 0).unwrap_or(usize::MAX),
        });
        let expressions = config.path_regexp.iter().map(|one| {
            let regex = Regex::new(&one.find).map_err(|error| {
                ProvisionError::expression("rewrite: path_regexp", &one.find, &error)
            })?;
            Ok((regex, template(&one.replace)))
        });
        Ok(Self {
            texts: texts.collect(),
            expressions: expressions.collect::<Result<_, _>>()?,
            method: template(&config.method),
            path: (!path.is_empty()).then(|| template(path)),
            path_only: *config == Config { uri: path.to_owned(), ..Config::default() },
            query: query.map(|q| q.split('&').filter(|p| !p.is_empty()).map(Pair::new).collect()),
            query_ops: config.query.as_ref().map(Query::provision).transpose()?,
            strip_prefix: template(&config.strip_path_prefix),
            strip_suffix: template(&config.strip_path_suffix),
        })
    }

    pub(super) fn run(&self, ex: &mut Exchange<'_>) {
        if !self.method.is_empty() {
            let method = self.method.fill(ex).to_ascii_uppercase();
            // A method that HTTP does not allow leaves the request's own.
            if let Ok(method) = Method::from_bytes(&method) {
                ex.method = method;
            }
        }
        if self.path_only && self.keeps_path(ex) {
            return;
        }
        let mut target = ex.target.clone();
        self.replace(ex, &mut target);
        if !self.strip_prefix.is_empty() {
            let mut prefix = self.strip_prefix.fill(ex).into_owned();
            if !prefix.starts_with(b"/") {
                prefix.insert(0, b'/');
            }
            let path = cleaned(&target, &prefix);
            if let Some(at) = prefix_end(&path, &prefix) {
                let _ = target.set_escaped_path(&path[at..]);
            }
        }
        if !self.strip_suffix.is_empty() {
            let suffix = self.strip_suffix.fill(ex).into_owned();
            let path = cleaned(&target, &suffix);
            if let Some(at) = suffix_start(&path, &suffix) {
                let _ = target.set_escaped_path(&path[..at]);
            }
        }
        self.substitute(ex, &mut target);
        if let Some(ops) = &self.query_ops {
            target.query = ops.change(ex, target.query());
        }
        ex.target = target;
    }

    /// Whether the path that is to be is the one that is there: `try_files` finds most files
    /// by their own names.
    fn keeps_path(&self, ex: &Exchange<'_>) -> bool {
        let path = self.path.as_ref().map(|path| path.fill_with(ex, escape_path_value));
        let is_plain = |path: &[u8]| memchr2(b'%', b'?', path).is_none();
        path.is_some_and(|path| is_plain(&path) && ex.target.is_plain_path(&path))
    }

    fn substitute(&self, ex: &Exchange<'_>, target: &mut Target) {
        for Text { find, replace, limit } in &self.texts {
            let (find, replace) = (find.fill(ex), replace.fill(ex));
            let path = cleaned(target, &find);
            let _ = target.set_escaped_path(&replace_text(&path, &find, &replace, *limit));
            if let Some(query) = &mut target.query {
                *query = replace_text(query, &find, &replace, *limit);
            }
        }
        for (regex, replace) in &self.expressions {
            let replace = replace.fill(ex);
            let path = cleaned(target, regex.as_str().as_bytes());
            let _ = target.set_escaped_path(&regex.replace_all(&path, &*replace));
        }
    }

    fn replace(&self, ex: &Exchange<'_>, target: &mut Target) {
        let mut injected = None;
        if let Some(template) = &self.path {
            let filled = template.fill_with(ex, escape_path_value);
            let (path, query) = match filled.iter().position(|b| *b == b'?') {
                Some(at) => (&filled[..at], Some(filled[at + 1..].to_vec())),
                None => (&*filled, None),
            };
            injected = query;
            let decoded = uri::unescape(path).map_or_else(|| path.to_vec(), Cow::into_owned);
            target.set_path(decoded);
        }
        if let Some(pairs) = &self.query {
            let pairs = pairs.iter().map(|pair| pair.fill(ex));
            let filled: Vec<_> = pairs.filter(|pair| !pair.is_empty()).collect();
            let query = filled.join(&b'&');
            target.query = (!query.is_empty()).then_some(query);
        } else if injected.is_some() {
            target.query = injected;
        }
    }
}

/// Replaces the first `limit` occurrences; an empty text occurs nowhere.
fn replace_text(text: &[u8], find: &[u8], replace: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut rest, mut left) = (text, limit);
    while let Some(first) = rest.first() {
        match rest.strip_prefix(find).filter(|_| left > 0 && !find.is_empty()) {
            Some(behind) => {
                out.extend_from_slice(replace);
                (rest, left) = (behind, left - 1);
            }
            None => {
                out.push(*first);
                rest = &rest[1..];
            }
        }
    }
    out
}

/// The escaped path, cleaned; slashes are merged unless `part` has double ones.
fn cleaned(target: &Target, part: &[u8]) -> Vec<u8> {
    let merge = !part.windows(2).any(|w| w == b"//");
    uri::clean_request_path(&target.escaped_path(), merge).into_owned()
}

fn escape_path_value<'a>(name: &str, value: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
    if memchr2(b'%', b'?', &value).is_none() {
        return value;
    }
    let is_path = name.starts_with("http.request.uri.path")
        || name.starts_with("http.request.orig_uri.path")
        || name.starts_with("http.matchers.file.");
    if !is_path {
        return value;
    }
    let escaped = value.iter().flat_map(|b| match b {
        b'%' => b"%25".to_vec(),
        b'?' => b"%3F".to_vec(),
        b => vec![*b],
    });
    escaped.collect::<Vec<u8>>().into()
}

/// The query as a whole may stand in the place of a pair, and only there.
fn escape_query_key<'a>(name: &str, value: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
    match name {
        "http.request.uri.query" => value,
        _ => uri::escape_query(&value).into(),
    }
}

/// The next character of an escaped path, unless the other side has an escape too.
fn unit(path: &[u8], other: u8) -> (u8, usize) {
    let escaped = path.get(..3).filter(|p| p[0] == b'%' && other != b'%').and_then(uri::unescape);
    escaped.map_or((path[0], 1), |c| (c[0], 3))
}

/// Where an escaped path goes on behind this prefix, in any case.
fn prefix_end(path: &[u8], prefix: &[u8]) -> Option<usize> {
    let mut at = 0;
    for wanted in prefix {
        if at >= path.len() {
            return None;
        }
        let (c, len) = unit(&path[at..], *wanted);
        if !c.eq_ignore_ascii_case(wanted) {
            return None;
        }
        at += len;
    }
    Some(at)
}

/// Where this suffix of an escaped path starts.
fn suffix_start(path: &[u8], suffix: &[u8]) -> Option<usize> {
    (0..=path.len())
        .find(|at| prefix_end(&path[*at..], suffix).is_some_and(|len| at + len == path.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_found_in_any_case_and_through_escapes() {
        assert_eq!(prefix_end(b"/S/x", b"/s"), Some(2));
        assert_eq!(prefix_end(b"/%73/x", b"/s"), Some(4));
        assert_eq!(prefix_end(b"/t", b"/s"), None);
        assert_eq!(prefix_end(b"/s", b"/s/long"), None);
        assert_eq!(suffix_start(b"/a.html", b".html"), Some(2));
        assert_eq!(suffix_start(b"/a.html/", b".html"), None);
    }

    #[test]
    fn a_text_is_replaced_as_often_as_allowed() {
        assert_eq!(replace_text(b"/a/a/a", b"a", b"bb", 2), b"/bb/bb/a");
        assert_eq!(replace_text(b"/a/a", b"/a", b"", usize::MAX), b"");
        assert_eq!(replace_text(b"/a", b"", b"x", usize::MAX), b"/a");
    }

    #[test]
    fn a_path_value_brings_no_query_and_a_query_value_no_pair() {
        let value = |text: &'static [u8]| Cow::Borrowed(text);
        assert_eq!(*escape_path_value("http.request.uri.path", value(b"/a?b%")), *b"/a%3Fb%25");
        assert_eq!(*escape_path_value("http.request.uri", value(b"/a?b")), *b"/a?b");
        assert_eq!(*escape_query_key("http.request.uri.path", value(b"/x y&z")), *b"%2Fx+y%26z");
        assert_eq!(*escape_query_key("http.request.uri.query", value(b"a=1&b=2")), *b"a=1&b=2");
    }
}
