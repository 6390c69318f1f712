//! Which answers are meant, as `encode`, `header`, `intercept` and `reverse_proxy` name
//! them:
//!
//! ```caddyfile
//! match status 404 5xx
//! @broken {
//!     status 5xx
//!     header X-Retry *
//!     header !X-Fine
//! }
//! ```
//!
//! Statuses are alternatives, and so are the values of one header field.

use super::error::Result;
use super::matchers;
use super::values::{expect_args, integer, unknown};
use crate::config::handlers::ResponseMatcher;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

const WORDS: [&str; 2] = ["header", "status"];

/// Response matchers by the names that a directive's block gives them, with their `@`.
pub(super) type ResponseMatchers = BTreeMap<String, ResponseMatcher>;

/// Reads the definition that `d` is on, `@name …` in a line or with a block.
///
/// # Errors
///
/// When the name is taken, or something in it is wrong.
pub(super) fn define(d: &mut Dispenser, matchers: &mut ResponseMatchers) -> Result<()> {
    let mut d = d.new_from_next_segment();
    d.next();
    let name = d.val().to_owned();
    if matchers.contains_key(&name) {
        return Err(d.err(format!("matcher is defined more than once: {name}")).into());
    }
    let matcher = parse_tests(&mut d)?;
    matchers.insert(name, matcher);
    Ok(())
}

/// Finds the matcher that an argument names.
///
/// # Errors
///
/// When the argument is no name of a matcher, or that of none of `matchers`.
pub(super) fn find(
    d: &Dispenser,
    name: &str,
    matchers: &ResponseMatchers,
) -> Result<ResponseMatcher> {
    let Some(bare) = name.strip_prefix('@') else {
        return Err(d.err("must use a named response matcher, starting with '@'").into());
    };
    let Some(matcher) = matchers.get(name) else {
        let text = format!("no named response matcher defined with name '{bare}'");
        let known: Vec<&str> = matchers.keys().map(String::as_str).collect();
        return Err(unknown(d, text, &known));
    };
    Ok(matcher.clone())
}

/// Reads the segment that `d` is on, which has no name: `match status 2xx`.
///
/// # Errors
///
/// When something in it is wrong.
pub(super) fn parse(d: &mut Dispenser) -> Result<ResponseMatcher> {
    let mut d = d.new_from_next_segment();
    d.next();
    parse_tests(&mut d)
}

/// Reads what follows the name: one test on its line, or any in a block.
fn parse_tests(d: &mut Dispenser) -> Result<ResponseMatcher> {
    let mut matcher = ResponseMatcher::default();
    let nesting = d.nesting();
    while d.next_arg() || d.next_block(nesting) {
        match d.val().to_owned().as_str() {
            "header" => {
                let mut segment = d.new_from_next_segment();
                matchers::parse_fields(&mut segment, &mut matcher.headers)?;
            }
            "status" => {
                for status in expect_args(d)? {
                    matcher.status_code.push(parse_status(d, &status)?);
                }
            }
            other => {
                return Err(unknown(d, format!("unrecognized response matcher {other}"), &WORDS));
            }
        }
    }
    Ok(matcher)
}

/// A status, or the first digit of a class.
fn parse_status(d: &Dispenser, text: &str) -> Result<i64> {
    let status = if text.len() == 3 { text.strip_suffix("xx").unwrap_or(text) } else { text };
    integer(status).map_err(|error| d.err(format!("bad status value '{status}': {error}")).into())
}
