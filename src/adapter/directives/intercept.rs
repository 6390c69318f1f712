//! `intercept`: answers in the place of later handlers.

use crate::adapter::error::Result;
use crate::adapter::response_handlers::{ResponseHandlers, SUBDIRECTIVES};
use crate::adapter::scope::Scope;
use crate::adapter::values::unknown;
use crate::config::handlers::{Handler, Intercept};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// intercept [MATCHER] {
///     @NAME RESPONSE_MATCHER
///     replace_status [@NAME] STATUS
///     handle_response [@NAME] {
///         DIRECTIVE…
///     }
/// }
/// ```
///
/// A `replace_status` finds only matchers that stand above it. What has no matcher comes
/// last, as the first that matches counts.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut handlers = ResponseHandlers::default();
    while d.next_block(0) {
        if !handlers.read(d)? {
            let text = format!("unrecognized subdirective {}", d.val());
            return Err(unknown(d, text, &SUBDIRECTIVES));
        }
    }
    Ok(Handler::Intercept(Intercept { handle_response: handlers.finish(scope)? }))
}
