//! `handle`: directives for some requests; only the first `handle` that matches is used.

use super::parse_subroute;
use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::config::handlers::Handler;
use caddyfile_parser::Dispenser;

/// Reads `handle [MATCHER] { DIRECTIVE… }`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    Ok(Handler::Subroute(parse_subroute(d, scope)?))
}
