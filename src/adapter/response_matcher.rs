//! Which answers are meant: `status 404 5xx`, `header Content-Type text/*`.

use super::error::Result;
use super::matchers;
use super::values::{expect_args, integer, unknown};
use crate::config::handlers::ResponseMatcher;
use caddyfile_parser::Dispenser;

/// Reads the segment that `d` is on, in a line or in a block: `match status 2xx`.
pub(super) fn parse(d: &mut Dispenser) -> Result<ResponseMatcher> {
    let mut d = d.new_from_next_segment();
    d.next();
    let mut matcher = ResponseMatcher::default();
    let nesting = d.nesting();
    while d.next_arg() || d.next_block(nesting) {
        match d.val().to_owned().as_str() {
            "header" => {
                let mut segment = d.new_from_next_segment();
                matchers::parse_fields(&mut segment, &mut matcher.headers)?;
            }
            "status" => {
                for status in expect_args(&mut d)? {
                    matcher.status_code.push(parse_status(&d, &status)?);
                }
            }
            other => {
                let text = format!("unrecognized response matcher {other}");
                return Err(unknown(&d, text, &["header", "status"]));
            }
        }
    }
    Ok(matcher)
}

/// A status, or the first digit of a class.
fn parse_status(d: &Dispenser, text: &str) -> Result<u16> {
    let status = if text.len() == 3 { text.strip_suffix("xx").unwrap_or(text) } else { text };
    let bad = |error: String| d.err(format!("bad status value '{status}': {error}"));
    let number = integer(status).map_err(bad)?;
    u16::try_from(number).map_err(|_| bad("out of range".to_owned()).into())
}
