//! `handle_errors`: directives that answer errors.

use super::parse_subroute;
use crate::adapter::error::Result;
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::integer;
use crate::config::handlers::Handler;
use crate::config::http::Route;
use crate::config::matchers::{Expression, MatcherSet};
use caddyfile_parser::{Dispenser, Error as LanguageError};

/// The status of the error that is being answered.
const STATUS: &str = "{http.error.status_code}";

/// Reads `handle_errors [STATUS…] { DIRECTIVE… }`, where a status has three digits, or one
/// and `xx`. Without one, all errors are meant.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let statuses = d.remaining_args();
    let matcher_sets = match statuses.as_slice() {
        [] => Vec::new(),
        statuses => {
            let expr = expression(d, statuses)?;
            let expression = Some(Expression { expr, name: String::new() });
            vec![MatcherSet { expression, ..MatcherSet::default() }]
        }
    };
    // What follows starts at the last word before the block.
    d.prev();
    let handler = Handler::Subroute(parse_subroute(d, scope)?);
    let route = Route { matcher_sets, handle: vec![handler], ..Route::default() };
    Ok(vec![Value::ErrorRoutes(vec![route])])
}

/// The expression that is true for errors with one of the statuses: classes first, then
/// the others as one list.
fn expression(d: &Dispenser, statuses: &[String]) -> std::result::Result<String, LanguageError> {
    let mut tests = Vec::new();
    let mut single = Vec::new();
    for status in statuses {
        if status.len() != 3 {
            return Err(d.err(format!("bad status value '{status}'")));
        }
        let class = status.strip_suffix("xx");
        let digits = class.unwrap_or(status);
        integer(digits).map_err(|error| d.err(format!("bad status value '{digits}': {error}")))?;
        match class {
            Some(class) => {
                tests.push(format!("{STATUS} >= {class}00 && {STATUS} <= {class}99"));
            }
            None => single.push(digits),
        }
    }
    if !single.is_empty() {
        tests.push(format!("{STATUS} in [{}]", single.join(", ")));
    }
    Ok(tests.join(" || "))
}
