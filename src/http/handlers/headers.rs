//! `headers`: changes fields of the request and of the answer.
//!
//! ```caddyfile
//! header X-Frame-Options DENY
//! header >Set-Cookie (.*) "$1; Secure"
//! request_header -X-Forwarded-User
//! ```
//!
//! Fields of the answer are changed at once, so that later handlers see and override
//! them, or, when deferred or bound to some answers, as the answer goes out. The order is:
//! delete everything (`*`), add, set, delete, replace.

use crate::config::handlers::{HeaderOps, Headers as Config, Replacement, ResponseMatcher};
use crate::http::exchange::Exchange;
use crate::http::matchers::matches_value;
use crate::http::placeholder::{Template, Unknown};
use crate::http::response::Filter;
use crate::http::server::ProvisionError;
use http::{HeaderMap, HeaderName, HeaderValue};
use regex::bytes::Regex;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Headers {
    request: Option<Ops>,
    response: Option<Ops>,
    deferred: bool,
    require: Option<Answers>,
}

#[derive(Debug)]
struct Ops {
    clear: bool,
    add: Vec<(Template, Vec<Template>)>,
    set: Vec<(Template, Vec<Template>)>,
    delete: Vec<Template>,
    replace: Vec<(Template, Vec<Replace>)>,
}

#[derive(Debug)]
struct Replace {
    search: Search,
    by: Template,
}

#[derive(Debug)]
enum Search {
    Text(Template),
    Regexp(Regex),
}

/// Which answers are meant, compiled.
#[derive(Debug)]
pub(super) struct Answers {
    status: Vec<i64>,
    headers: Vec<(String, Option<Vec<Template>>)>,
}

/// The deferred changes of one handler.
struct Deferred<'s>(&'s Headers);

impl Headers {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let response = config.response.as_ref();
        Ok(Self {
            request: config.request.as_ref().map(Ops::provision).transpose()?,
            response: response.map(|r| Ops::provision(&r.ops)).transpose()?,
            deferred: response.is_some_and(|r| r.deferred || r.require.is_some()),
            require: response.and_then(|r| r.require.as_ref()).map(Answers::new),
        })
    }

    pub(super) fn needs_body(&self) -> bool {
        let ops = self.request.iter().chain(&self.response);
        ops.flat_map(|o| o.add.iter().chain(&o.set)).flat_map(|(_, v)| v).any(Template::needs_body)
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        if let Some(ops) = &self.request {
            let changes = ops.fill(ex);
            let host = changes.set.iter().rev().find(|(name, _)| name == "host");
            let host = host.and_then(|(_, values)| values.last()).cloned();
            ex.change_headers(|headers, current| {
                changes.apply(headers);
                headers.remove(http::header::HOST);
                if let Some(host) = host {
                    *current = host.as_bytes().to_vec();
                }
            });
        }
        match &self.response {
            Some(_) if self.deferred => ex.response.filter(Deferred(self)),
            Some(ops) => {
                let changes = ops.fill(ex);
                changes.apply(&mut ex.response.headers);
            }
            None => {}
        }
    }
}

impl Filter for Deferred<'_> {
    fn head(&mut self, ex: &mut Exchange<'_>, _first: usize) -> bool {
        if self.0.require.as_ref().is_none_or(|r| r.matches(ex))
            && let Some(ops) = &self.0.response
        {
            let changes = ops.fill(ex);
            changes.apply(&mut ex.response.headers);
        }
        false
    }
}

impl Answers {
    pub(super) fn new(config: &ResponseMatcher) -> Self {
        let compile = |v: &String| Template::new(v, Unknown::Vanishes);
        let headers = config.headers.iter().map(|(name, values)| {
            let values = values.as_ref().map(|values| values.iter().map(compile).collect());
            (name.to_ascii_lowercase(), values)
        });
        Self { status: config.status_code.clone(), headers: headers.collect() }
    }

    /// Whether the answer, as it stands, is one of them.
    pub(super) fn matches(&self, ex: &Exchange<'_>) -> bool {
        let status = i64::from(ex.response.status);
        let of_class = |wanted: &i64| *wanted == status || *wanted == status / 100;
        if !self.status.is_empty() && !self.status.iter().any(of_class) {
            return false;
        }
        self.headers.iter().all(|(name, values)| {
            let present = ex.response.headers.get_all(name);
            let Some(values) = values else { return present.iter().next().is_none() };
            values.iter().any(|wanted| {
                let wanted = wanted.fill(ex);
                present.iter().any(|value| matches_value(&wanted, value.as_bytes()))
            })
        })
    }
}

impl Ops {
    fn provision(config: &HeaderOps) -> Result<Self, ProvisionError> {
        let stays = |text: &String| Template::new(text, Unknown::Stays);
        let fields = |fields: &BTreeMap<String, Vec<String>>| {
            let compile = |(name, values): (&String, &Vec<String>)| {
                (stays(name), values.iter().map(stays).collect())
            };
            fields.iter().map(compile).collect()
        };
        let replace = config.replace.iter().map(|(name, list)| {
            let list = list.iter().map(Replace::provision).collect::<Result<_, _>>()?;
            Ok((stays(name), list))
        });
        Ok(Self {
            clear: config.delete.iter().any(|d| d == "*"),
            add: fields(&config.add),
            set: fields(&config.set),
            delete: config.delete.iter().filter(|d| *d != "*").map(stays).collect(),
            replace: replace.collect::<Result<_, _>>()?,
        })
    }

    /// The changes for this request.
    fn fill(&self, ex: &Exchange<'_>) -> Changes<'_> {
        let fields = |fields: &[(Template, Vec<Template>)]| {
            let fill = |(name, values): &(Template, Vec<Template>)| {
                let values = values.iter().map(|v| value(&v.fill(ex))).collect();
                (name.fill_text(ex).to_ascii_lowercase(), values)
            };
            fields.iter().map(fill).collect()
        };
        let replace = self.replace.iter().map(|(name, list)| {
            let list = list.iter().map(|r| {
                let text = match &r.search {
                    Search::Text(text) => Found::Text(text.fill(ex).into_owned()),
                    Search::Regexp(regexp) => Found::Regexp(regexp),
                };
                (text, r.by.fill(ex).into_owned())
            });
            (name.fill_text(ex).to_ascii_lowercase(), list.collect())
        });
        Changes {
            clear: self.clear,
            add: fields(&self.add),
            set: fields(&self.set),
            delete: self.delete.iter().map(|d| d.fill_text(ex).to_ascii_lowercase()).collect(),
            replace: replace.collect(),
        }
    }
}

impl Replace {
    fn provision(config: &Replacement) -> Result<Self, ProvisionError> {
        let search = if config.search_regexp.is_empty() {
            Search::Text(Template::new(&config.search, Unknown::Stays))
        } else {
            let text = &config.search_regexp;
            let regexp = Regex::new(text)
                .map_err(|error| ProvisionError::expression("headers", text, &error))?;
            Search::Regexp(regexp)
        };
        Ok(Self { search, by: Template::new(&config.replace, Unknown::Stays) })
    }
}

/// Changes with all placeholders filled; names in lower case.
struct Changes<'c> {
    clear: bool,
    add: Vec<(String, Vec<HeaderValue>)>,
    set: Vec<(String, Vec<HeaderValue>)>,
    delete: Vec<String>,
    replace: Vec<(String, Substitutions<'c>)>,
}

/// What is found, and what it becomes.
type Substitutions<'c> = Vec<(Found<'c>, Vec<u8>)>;

enum Found<'c> {
    Text(Vec<u8>),
    Regexp(&'c Regex),
}

impl Changes<'_> {
    fn apply(&self, headers: &mut HeaderMap) {
        if self.clear {
            headers.clear();
        }
        for (name, values) in &self.add {
            // A name that placeholders made impossible is left out.
            let Ok(name) = name.parse::<HeaderName>() else { continue };
            for value in values {
                headers.append(&name, value.clone());
            }
        }
        for (name, values) in &self.set {
            let Ok(name) = name.parse::<HeaderName>() else { continue };
            headers.remove(&name);
            for value in values {
                headers.append(&name, value.clone());
            }
        }
        for pattern in &self.delete {
            delete(headers, pattern);
        }
        for (name, list) in &self.replace {
            replace(headers, name, list);
        }
    }
}

fn delete(headers: &mut HeaderMap, pattern: &str) {
    if !pattern.contains('*') {
        headers.remove(pattern);
        return;
    }
    let named = headers.keys().filter(|k| matches_value(pattern.as_bytes(), k.as_str().as_bytes()));
    for name in named.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

fn replace(headers: &mut HeaderMap, name: &str, list: &[(Found<'_>, Vec<u8>)]) {
    let change = |current: &mut HeaderValue| {
        let mut text = Cow::Borrowed(current.as_bytes());
        for (search, by) in list {
            text = match search {
                Found::Text(search) => replace_text(&text, search, by).into(),
                Found::Regexp(regexp) => {
                    // Go and this crate read `$1` and `${name}` alike.
                    regexp.replace_all(&text, by.as_slice()).into_owned().into()
                }
            };
        }
        let changed = value(&text);
        *current = changed;
    };
    let named: Vec<HeaderName> = match name {
        "*" => headers.keys().cloned().collect(),
        name => name.parse().into_iter().collect(),
    };
    for name in named {
        if let http::header::Entry::Occupied(mut entry) = headers.entry(name) {
            entry.iter_mut().for_each(change);
        }
    }
}

fn replace_text(text: &[u8], search: &[u8], by: &[u8]) -> Vec<u8> {
    if search.is_empty() {
        return text.to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(search.len()).position(|w| w == search) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by);
        rest = &rest[at + search.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// A field's value; line breaks become spaces and other control characters vanish.
pub(super) fn value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).unwrap_or_else(|_| {
        let spaced = text.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b });
        let clean: Vec<u8> = spaced.filter(|b| *b == b'\t' || (*b >= 0x20 && *b != 0x7f)).collect();
        HeaderValue::from_bytes(&clean).expect("only bytes that a value may hold are left")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes() -> Changes<'static> {
        Changes {
            clear: false,
            add: Vec::new(),
            set: Vec::new(),
            delete: Vec::new(),
            replace: Vec::new(),
        }
    }

    #[test]
    fn fields_are_added_set_deleted_and_replaced_in_this_order() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", value(b"1"));
        headers.append("x-b", value(b"2"));
        headers.append("x-ver", value(b"app-v12-v13"));
        let regexp = Regex::new("v\\d+").expect("valid");
        let changes = Changes {
            add: vec![("x-a".into(), vec![value(b"more")])],
            set: vec![("x-c".into(), vec![value(b"set")])],
            delete: vec!["x-b*".into()],
            replace: vec![("x-ver".into(), vec![(Found::Regexp(&regexp), b"v0".to_vec())])],
            ..changes()
        };
        changes.apply(&mut headers);
        let shown: Vec<_> = headers.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
        assert_eq!(headers.get_all("x-a").iter().count(), 2, "{shown:?}");
        assert_eq!((headers.get("x-b"), headers.get("x-c")), (None, Some(&value(b"set"))));
        assert_eq!(headers["x-ver"], "app-v0-v0");
    }

    #[test]
    fn a_value_cannot_end_its_line() {
        assert_eq!(value(b"a\r\nSet-Cookie: b\0"), "a  Set-Cookie: b");
    }

    #[test]
    fn text_is_replaced_everywhere() {
        assert_eq!(replace_text(b"aXbX", b"X", b"--"), b"a--b--");
    }
}
