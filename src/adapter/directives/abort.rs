//! `abort`: drops the connection without an answer.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::config::handlers::{Handler, StaticResponse};
use caddyfile_parser::Dispenser;

/// Reads `abort [MATCHER]`.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    if d.next() {
        return Err(d.arg_err().into());
    }
    Ok(Handler::StaticResponse(StaticResponse { abort: true, ..StaticResponse::default() }))
}
