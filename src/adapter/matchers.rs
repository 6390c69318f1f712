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

mod client_ip;
mod expression;
mod file;
mod header;
mod header_regexp;
mod host;
mod method;
mod not;
mod path;
mod path_regexp;
mod protocol;
mod query;
mod remote_ip;
mod tls;
mod url_pattern;
mod vars;
mod vars_regexp;

pub(super) use header::parse_fields;

use super::error::{Error, Result};
use super::scope::Matchers;
use crate::config::NO_PLUGINS;
use crate::config::matchers::{MatcherSet, Regexp};
use caddyfile_parser::{Dispenser, Segment, Token};

/// The set that is being defined.
struct Definition<'a> {
    /// What has been read of it.
    set: &'a mut MatcherSet,
    /// Its name without the `@`, which regular expressions in it have, too; empty for a
    /// set without a name, as `not` has it.
    name: &'a str,
    /// How many sets it is in.
    nesting: usize,
}

/// How deep sets may be nested: who reads them recurses.
const NESTING_MAX: usize = 100;

/// A matcher's word and the function that reads all its uses in one set, one segment
/// after the other.
type Matcher = (&'static str, fn(&mut Dispenser, &mut Definition<'_>) -> Result<()>);

/// The matchers.
const TABLE: &[Matcher] = &[
    ("client_ip", client_ip::parse),
    ("expression", expression::parse),
    ("file", file::parse),
    ("header", header::parse),
    ("header_regexp", header_regexp::parse),
    ("host", host::parse),
    ("method", method::parse),
    ("not", not::parse),
    ("path", path::parse),
    ("path_regexp", path_regexp::parse),
    ("protocol", protocol::parse),
    ("query", query::parse),
    ("remote_ip", remote_ip::parse),
    ("tls", tls::parse),
    ("url_pattern", url_pattern::parse),
    ("vars", vars::parse),
    ("vars_regexp", vars_regexp::parse),
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
    let mut into = Definition { set: &mut set, name: &name[1..], nesting: 0 };
    let starts_quoted = d.next_arg() && d.token().quoted();
    if starts_quoted {
        parse_one("expression", expression_of(d.token()), &mut into, Error::blame)?;
    } else {
        d.reset();
        d.next();
        for (word, tokens) in by_word(&mut d, |_| false) {
            parse_one(&word, tokens, &mut into, Error::blame)?;
        }
    }
    matchers.insert(name, set);
    Ok(())
}

/// Reads the set in the arguments or the block that follow, as `lb_retry_match` has it.
pub(super) fn parse_set(d: &mut Dispenser) -> Result<MatcherSet> {
    parse_nested(d, 0)
}

/// Reads the set in the arguments or the block that follow, as `not` has it, which itself is
/// in so many.
fn parse_nested(d: &mut Dispenser, nesting: usize) -> Result<MatcherSet> {
    if nesting > NESTING_MAX {
        return Err(d.err(format!("matchers are nested more than {NESTING_MAX} deep")).into());
    }
    let mut set = MatcherSet::default();
    let mut into = Definition { set: &mut set, name: "", nesting };
    for (word, tokens) in by_word(d, Token::quoted) {
        let unknown = |_: &Token, text: String| Error::from(d.err(text));
        parse_one(&word, tokens, &mut into, unknown)?;
    }
    Ok(set)
}

/// The segments that follow, those of the same matcher in a row, in the order of their
/// first use. A word for which `is_expression` holds is a segment of its own.
fn by_word(d: &mut Dispenser, is_expression: fn(&Token) -> bool) -> Vec<(String, Vec<Token>)> {
    let mut all: Vec<(String, Vec<Token>)> = Vec::new();
    let nesting = d.nesting();
    while d.next_arg() || d.next_block(nesting) {
        let (word, tokens) = if is_expression(&d.token()) {
            ("expression".to_owned(), expression_of(d.token()))
        } else {
            (d.val().to_owned(), d.next_segment().0)
        };
        match all.iter_mut().find(|(known, _)| *known == word) {
            Some((_, earlier)) => earlier.extend(tokens),
            None => all.push((word, tokens)),
        }
    }
    all
}

/// A quoted word is an expression that has lost its name: this is with it.
fn expression_of(text: Token) -> Vec<Token> {
    vec![Token { text: "expression".to_owned(), ..text.clone() }, text]
}

fn parse_one(
    word: &str,
    tokens: Vec<Token>,
    into: &mut Definition<'_>,
    unknown: impl FnOnce(&Token, String) -> Error,
) -> Result<()> {
    let Some((_, parse)) = TABLE.iter().find(|(name, _)| *name == word) else {
        let text =
            format!("getting matcher module '{word}': module not registered: http.matchers.{word}");
        let first = tokens.first().expect("a segment starts with its word");
        let known = TABLE.iter().map(|(name, _)| *name);
        return Err(unknown(first, text).relocate(first).suggest(known).or_hint(NO_PLUGINS));
    };
    parse(&mut Dispenser::new(tokens), into)
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

/// Reads `[NAME] FIELD EXPRESSION` behind a matcher's word, which is loaded.
fn parse_field_regexp(d: &mut Dispenser, default_name: &str) -> Result<(String, Regexp)> {
    let Some([first, second]) = d.args() else {
        return Err(d.arg_err().into());
    };
    let (name, field, pattern) = match d.args() {
        Some([third]) => (first, second, third),
        None => (String::new(), first, second),
    };
    let name = if name.is_empty() { default_name.to_owned() } else { name };
    Ok((field, Regexp { name, pattern }))
}

fn expect_no_block(d: &mut Dispenser, word: &str) -> Result<()> {
    if d.next_block(0) {
        return Err(d.err(format!("malformed {word} matcher: blocks are not supported")).into());
    }
    Ok(())
}
