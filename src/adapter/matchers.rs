//! Request matchers, a file per word that users type; and the definitions of named ones:
//!
//! ```caddyfile
//! @api {
//!     path /api/*
//!     method GET POST
//! }
//! @static file
//! ```
//!
//! To add a matcher: a file with its `parse`, and a line in [`TABLE`].

mod file;
mod header;
mod host;
mod method;
mod not;
mod path;

pub(super) use header::parse_fields;

use super::error::{Error, Result};
use super::scope::Matchers;
use crate::config::matchers::MatcherSet;
use caddyfile_parser::{Dispenser, Segment, Token};

/// A matcher's word and the function that reads all its uses in one set, one segment
/// after the other.
type Matcher = (&'static str, fn(&mut Dispenser, &mut MatcherSet) -> Result<()>);

/// The matchers.
const TABLE: &[Matcher] = &[
    ("file", file::parse),
    ("header", header::parse),
    ("host", host::parse),
    ("method", method::parse),
    ("not", not::parse),
    ("path", path::parse),
];

/// Reads a definition, `@name …`, into `matchers`.
///
/// # Errors
///
/// When the name is taken, or a matcher is not known or wrong.
pub(super) fn define(segment: Segment, matchers: &mut Matchers) -> Result<()> {
    let mut d = Dispenser::new(segment.0);
    d.next();
    let name = d.val().to_owned();
    if matchers.contains_key(&name) {
        let text = format!("matcher is defined more than once: {name}");
        return Err(Error::blame(&d.token(), text));
    }
    let mut set = MatcherSet::default();
    if d.next_arg() {
        let first = d.token();
        if first.quoted() {
            // A quoted word is an expression that has lost its name.
            let word = Token { text: "expression".to_owned(), ..first.clone() };
            parse_one("expression", vec![word, first], &mut set, Error::blame)?;
        }
        d.prev();
    }
    for (word, tokens) in by_word(&mut d) {
        parse_one(&word, tokens, &mut set, Error::blame)?;
    }
    matchers.insert(name, set);
    Ok(())
}

/// Reads the set in the arguments or the block that follow, as `not` and `lb_retry_match` have it.
pub(super) fn parse_nested(d: &mut Dispenser) -> Result<MatcherSet> {
    let mut set = MatcherSet::default();
    for (word, tokens) in by_word(d) {
        let unknown = |_: &Token, text: String| Error::from(d.err(text));
        parse_one(&word, tokens, &mut set, unknown)?;
    }
    Ok(set)
}

/// The segments that follow, those of the same matcher in a row, in the order of their
/// first use.
fn by_word(d: &mut Dispenser) -> Vec<(String, Vec<Token>)> {
    let mut all: Vec<(String, Vec<Token>)> = Vec::new();
    let nesting = d.nesting();
    while d.next_arg() || d.next_block(nesting) {
        let word = d.val().to_owned();
        let tokens = d.next_segment().0;
        match all.iter_mut().find(|(known, _)| *known == word) {
            Some((_, earlier)) => earlier.extend(tokens),
            None => all.push((word, tokens)),
        }
    }
    all
}

fn parse_one(
    word: &str,
    tokens: Vec<Token>,
    set: &mut MatcherSet,
    unknown: impl FnOnce(&Token, String) -> Error,
) -> Result<()> {
    let Some((_, parse)) = TABLE.iter().find(|(name, _)| *name == word) else {
        let text =
            format!("getting matcher module '{word}': module not registered: http.matchers.{word}");
        let first = tokens.first().expect("a segment starts with its word");
        let known = TABLE.iter().map(|(name, _)| *name);
        return Err(unknown(first, text).relocate(first).suggest(known));
    };
    parse(&mut Dispenser::new(tokens), set)
}

/// Reads all arguments of all uses of a matcher that takes a plain list.
fn parse_list(d: &mut Dispenser, word: &str) -> Result<Vec<String>> {
    let mut list = Vec::new();
    while d.next() {
        list.extend(d.remaining_args());
        expect_no_block(d, word)?;
    }
    Ok(list)
}

fn expect_no_block(d: &mut Dispenser, word: &str) -> Result<()> {
    if d.next_block(0) {
        return Err(d.err(format!("malformed {word} matcher: blocks are not supported")).into());
    }
    Ok(())
}
