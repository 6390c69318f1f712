//! `uri query`: changes of a query's pairs.
//!
//! They are done in this order: rename, set, add, replace, delete. The query comes out
//! sorted by key and freshly escaped, as Go's `url.Values` write it.

use crate::config::handlers::{QueryArgument, QueryOps, QueryReplacement};
use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::ProvisionError;
use crate::http::uri;
use regex::bytes::Regex;
use std::collections::BTreeMap;

/// Compiled changes.
#[derive(Debug)]
pub(super) struct Query {
    rename: Vec<(Template, Template)>,
    set: Vec<(Template, Template)>,
    add: Vec<(Template, Template)>,
    replace: Vec<Replace>,
    delete: Vec<Template>,
}

#[derive(Debug)]
struct Replace {
    key: Template,
    search: Search,
    by: Template,
}

#[derive(Debug)]
enum Search {
    Text(Template),
    Regexp(Regex),
}

/// The pairs of a query by their keys.
type Pairs = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

impl Query {
    pub(super) fn provision(config: &QueryOps) -> Result<Self, ProvisionError> {
        let template = |text: &String| Template::new(text, Unknown::Vanishes);
        let pairs = |arguments: &[QueryArgument]| {
            arguments.iter().map(|one| (template(&one.key), template(&one.val))).collect()
        };
        let replace = config.replace.iter().enumerate().map(|(index, one)| {
            let place = format!("query replace operation {index}");
            Replace::provision(one, &place)
        });
        Ok(Self {
            rename: pairs(&config.rename),
            set: pairs(&config.set),
            add: pairs(&config.add),
            replace: replace.collect::<Result<_, _>>()?,
            delete: config.delete.iter().map(template).collect(),
        })
    }

    /// The query that this one becomes; none when nothing is left.
    pub(super) fn change(&self, ex: &Exchange<'_>, query: &[u8]) -> Option<Vec<u8>> {
        let mut pairs = Pairs::new();
        for (key, value) in uri::query_pairs(query) {
            pairs.entry(key).or_default().push(value);
        }
        let filled = |list: &[(Template, Template)]| {
            let filled =
                list.iter().map(|(k, v)| (k.fill(ex).into_owned(), v.fill(ex).into_owned()));
            filled.filter(|(key, _)| !key.is_empty()).collect::<Vec<_>>()
        };
        for (from, to) in filled(&self.rename).into_iter().filter(|(_, to)| !to.is_empty()) {
            let values = pairs.remove(&from).unwrap_or_default();
            if from != to {
                pairs.insert(to, values);
            }
        }
        for (key, value) in filled(&self.set) {
            pairs.insert(key, vec![value]);
        }
        for (key, value) in filled(&self.add) {
            pairs.entry(key).or_default().push(value);
        }
        for replace in &self.replace {
            replace.change(ex, &mut pairs);
        }
        for key in &self.delete {
            pairs.remove(&*key.fill(ex));
        }
        let query = encode(&pairs);
        (!query.is_empty()).then_some(query)
    }
}

impl Replace {
    fn provision(config: &QueryReplacement, place: &str) -> Result<Self, ProvisionError> {
        let known = |text: &str| Template::new(text, Unknown::Stays);
        let search = if config.search_regexp.is_empty() {
            Search::Text(known(&config.search))
        } else {
            let text = &config.search_regexp;
            let regexp = Regex::new(text);
            Search::Regexp(regexp.map_err(|e| ProvisionError::expression(place, text, &e))?)
        };
        let key = Template::new(&config.key, Unknown::Vanishes);
        Ok(Self { key, search, by: known(&config.replace) })
    }

    fn change(&self, ex: &Exchange<'_>, pairs: &mut Pairs) {
        let (key, by) = (self.key.fill(ex), self.by.fill(ex));
        let meant = pairs.iter_mut().filter(|(name, _)| *key == *b"*" || ***name == *key);
        for value in meant.flat_map(|(_, values)| values) {
            *value = match &self.search {
                Search::Text(text) => replace_all(value, &text.fill(ex), &by),
                Search::Regexp(regexp) => regexp.replace_all(value, &*by).into_owned(),
            };
        }
    }
}

/// Go's `strings.ReplaceAll`: an empty text is found around each character.
fn replace_all(text: &[u8], find: &[u8], by: &[u8]) -> Vec<u8> {
    if !find.is_empty() {
        return super::replace_text(text, find, by, usize::MAX);
    }
    let mut out = by.to_vec();
    for c in String::from_utf8_lossy(text).chars() {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        out.extend_from_slice(by);
    }
    out
}

fn encode(pairs: &Pairs) -> Vec<u8> {
    let pair =
        |key: &[u8], value: &[u8]| [uri::escape_query(key), uri::escape_query(value)].join(&b'=');
    let all = pairs.iter().flat_map(|(key, values)| values.iter().map(|v| pair(key, v)));
    all.collect::<Vec<_>>().join(&b'&')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_written_sorted_and_escaped() {
        let mut pairs = Pairs::new();
        pairs.insert(b"b".to_vec(), vec![b"2".to_vec(), b"x y".to_vec()]);
        pairs.insert(b"a&".to_vec(), vec![b"".to_vec()]);
        pairs.insert(b"none".to_vec(), Vec::new());
        assert_eq!(encode(&pairs), b"a%26=&b=2&b=x+y");
    }

    #[test]
    fn nothing_is_found_around_each_character() {
        assert_eq!(replace_all("aé".as_bytes(), b"", b"-"), "-a-é-".as_bytes());
        assert_eq!(replace_all(b"aXb", b"X", b""), b"ab");
    }
}
