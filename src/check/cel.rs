//! Expressions of the Common Expression Language (CEL), as matchers have them.

use super::{fault::Invalid, matchers};
use crate::go;
use crate::http::expression;
use cel::{Expr, Library, Program, Wrong};
use regex::Regex;

/// Checks an expression and the matchers that it calls.
///
/// # Errors
/// What Caddy says.
pub(super) fn check(expression: &str) -> Result<(), String> {
    let source = expression::with_placeholders(expression);
    Program::compile(&source, &Checks).map(drop).map_err(|wrong| wrong.what)
}

/// What expressions may call, without what it does.
struct Checks;

impl Library for Checks {
    type Call = ();

    fn call(&self, function: &str, arguments: &[Expr], at: usize) -> Option<Result<(), Wrong>> {
        let set = expression::matcher(function, arguments, at, "")?;
        Some(set.and_then(|set| {
            matchers::check(&set).map_err(|fault| Wrong::whole(Invalid::from(fault).message))
        }))
    }

    fn value(&self, _: &str) {}

    fn regex(&self, pattern: &str) -> Result<Regex, String> {
        go::regexp::compile(pattern)
    }
}
