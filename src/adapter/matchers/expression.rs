//! `expression`: requests for which an expression of the Common Expression Language is
//! true.

use super::Definition;
use crate::adapter::error::Result;
use crate::config::matchers::Expression;
use caddyfile_parser::Dispenser;

/// Reads `expression EXPRESSION`, once, as one word in quotes or as words that are joined by
/// spaces and keep their quotes, because the expression needs them. Only an expression
/// in one word gets the matcher's name.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    d.next();
    let expression = if d.count_remaining_args() > 1 {
        Expression { expr: d.remaining_args_raw().join(" "), name: String::new() }
    } else if d.next_arg() {
        Expression { expr: d.val().to_owned(), name: into.name.to_owned() }
    } else {
        return Err(d.arg_err().into());
    };
    if d.next() {
        let text = "repeated expression matchers are not supported, combine them into one \
                    expression with &&";
        return Err(d.err(text).into());
    }
    into.set.expression = Some(expression);
    Ok(())
}
