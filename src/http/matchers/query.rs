//! `query key=value…`: the query has each of these keys with one of its values; `*` stands
//! for any. A matcher without keys means that there is no query.

use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};
use crate::http::uri;
use std::collections::BTreeMap;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct Query(Vec<(Template, Vec<Template>)>);

impl Query {
    pub(super) fn new(query: &BTreeMap<String, Vec<String>>) -> Self {
        let template = |text: &String| Template::new(text, Unknown::Vanishes);
        let compile = |(key, values): (&String, &Vec<String>)| {
            (template(key), values.iter().map(template).collect())
        };
        Self(query.iter().map(compile).collect())
    }

    pub(super) fn matches(&self, ex: &Exchange<'_>) -> bool {
        let query = ex.target.query();
        if self.0.is_empty() {
            return uri::query_pairs(query).next().is_none();
        }
        // What servers behind this one may read otherwise matches nothing.
        if !is_well_formed(query) {
            return false;
        }
        let pairs: Vec<_> = uri::query_pairs(query).collect();
        self.0.iter().all(|(key, values)| {
            let key = key.fill(ex);
            let mut there = pairs.iter().filter(|(name, _)| **name == *key).map(|(_, value)| value);
            let wanted: Vec<_> = values.iter().map(|value| value.fill(ex)).collect();
            there.any(|value| wanted.iter().any(|one| **one == *b"*" || **one == **value))
        })
    }
}

/// Whether no pair has a `;` or a `%` that begins no escape.
fn is_well_formed(query: &[u8]) -> bool {
    let is_escape = |at: usize| {
        query.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    !query.contains(&b';')
        && query.iter().enumerate().all(|(at, byte)| *byte != b'%' || is_escape(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_can_be_read_in_two_ways_is_not_well_formed() {
        let check = |query: &str, expected| {
            assert_eq!(is_well_formed(query.as_bytes()), expected, "{query}");
        };
        check("", true);
        check("a=1&b=%2F&&c", true);
        check("a;b=1", false);
        check("a=%2", false);
        check("a=%zz", false);
    }
}
