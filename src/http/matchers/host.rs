//! `host example.com *.example.com`: the host that was asked for, in any case.

use super::Key;
use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};
use crate::http::uri;

/// From this many names on, exact ones are found by a binary search.
const SEARCH_MIN: usize = 32;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct Host {
    /// Names without wildcards and placeholders, in lower case, sorted.
    exact: Vec<Vec<u8>>,
    /// Names with wildcards, by label.
    wild: Vec<Vec<u8>>,
    filled: Vec<Template>,
}

impl Host {
    pub(super) fn new(hosts: &[String]) -> Self {
        let mut matcher = Self { exact: Vec::new(), wild: Vec::new(), filled: Vec::new() };
        for host in hosts {
            let lower = host.to_lowercase().into_bytes();
            if host.contains('{') {
                matcher.filled.push(Template::new(host, Unknown::Vanishes));
            } else if host.contains('*') {
                matcher.wild.push(lower);
            } else {
                matcher.exact.push(lower);
            }
        }
        matcher.exact.sort();
        matcher
    }

    /// Its names, if all of them are plain.
    pub(super) fn keys(&self) -> Option<Vec<Key<'_>>> {
        let plain = self.wild.is_empty() && self.filled.is_empty();
        plain.then(|| self.exact.iter().map(|name| Key::Host(name)).collect())
    }

    pub(super) fn matches(&self, ex: &Exchange<'_>) -> bool {
        let host = uri::split_host(&ex.host).0;
        self.matches_name(host) || self.filled.iter().any(|t| matches_labels(&t.fill(ex), host))
    }

    fn matches_name(&self, host: &[u8]) -> bool {
        let exact = if self.exact.len() < SEARCH_MIN {
            self.exact.iter().any(|name| name.eq_ignore_ascii_case(host))
        } else {
            self.exact.binary_search(&host.to_ascii_lowercase()).is_ok()
        };
        exact || self.wild.iter().any(|pattern| matches_labels(pattern, host))
    }
}

/// Whether each label is the same or a `*` in the pattern.
fn matches_labels(pattern: &[u8], host: &[u8]) -> bool {
    let mut labels = host.split(|b| *b == b'.');
    let mut patterns = pattern.split(|b| *b == b'.');
    loop {
        match (patterns.next(), labels.next()) {
            (None, None) => return true,
            (Some(p), Some(l)) if p == b"*" || p.eq_ignore_ascii_case(l) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hosts: &[&str], host: &str, expected: bool) {
        let hosts: Vec<_> = hosts.iter().map(|h| (*h).to_owned()).collect();
        assert_eq!(Host::new(&hosts).matches_name(host.as_bytes()), expected, "{hosts:?} {host}");
    }

    #[test]
    fn a_star_is_one_label_and_case_does_not_matter() {
        check(&["a.test"], "A.Test", true);
        check(&["a.test"], "a.test.", false);
        check(&["*.b.test"], "x.B.test", true);
        check(&["*.b.test"], "x.y.b.test", false);
        check(&["*.b.test"], "b.test", false);
    }

    #[test]
    fn many_names_are_found_in_any_case() {
        let names: Vec<_> = (0..100).map(|i| format!("h{i}.test")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        check(&names, "H42.TEST", true);
        check(&names, "h100.test", false);
    }
}
