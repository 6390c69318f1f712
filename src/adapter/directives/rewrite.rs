//! `rewrite`: changes the request's URI.

use super::new_route;
use super::root::parse_lone_argument;
use crate::adapter::error::Result;
use crate::adapter::scope::{Scope, Value};
use crate::config::handlers::{Handler, Rewrite};
use caddyfile_parser::Dispenser;

/// Reads `rewrite [MATCHER] TO`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    let (matcher, uri) = parse_lone_argument(d, scope, "rewrite URI", "URI")?;
    Ok(vec![new_route(matcher, Handler::Rewrite(Rewrite { uri, ..Rewrite::default() }))])
}
