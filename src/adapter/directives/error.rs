//! `error`: fails the request, so that error routes answer it.

use super::respond::{is_status, parse_text};
use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::unknown;
use crate::config::handlers::{Handler, StaticError, WeakString};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// error [MATCHER] STATUS | MESSAGE [STATUS] {
///     message MESSAGE
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut error = StaticError::default();
    match d.remaining_args().as_slice() {
        [status] if is_status(status) => error.status_code = Some(WeakString(status.clone())),
        [message] => error.error.clone_from(message),
        [message, status] => {
            error.error.clone_from(message);
            // An empty word is no status.
            error.status_code = Some(status).filter(|s| !s.is_empty()).cloned().map(WeakString);
        }
        _ => return Err(d.arg_err().into()),
    }
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "message" => parse_text(d, "message", &mut error.error)?,
            other => {
                let text = format!("unrecognized subdirective '{other}'");
                return Err(unknown(d, text, &["message"]));
            }
        }
    }
    Ok(Handler::Error(error))
}
