//! `handle_errors`: directives that answer errors.

use super::parse_subroute;
use crate::adapter::error::Result;
use crate::adapter::scope::{Scope, Value};
use crate::config::handlers::Handler;
use crate::config::http::Route;
use caddyfile_parser::Dispenser;

/// Reads `handle_errors { DIRECTIVE… }`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let statuses = d.count_remaining_args();
    if statuses > 0 {
        d.next_arg();
        let text = "handle_errors for some statuses needs the matcher expression: \
                    module not registered: http.matchers.expression";
        return Err(d.err(text).into());
    }
    d.reset();
    let handler = Handler::Subroute(parse_subroute(d, scope)?);
    let route = Route { handle: vec![handler], ..Route::default() };
    Ok(vec![Value::ErrorRoutes(vec![route])])
}
