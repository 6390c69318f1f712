//! `copy_response_headers`: passes on header fields of the answer that is being handled,
//! within `handle_response`.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::unknown;
use crate::config::handlers::{CopyResponseHeaders, Handler};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// copy_response_headers [MATCHER] {
///     include FIELD…
///     exclude FIELD…
/// }
/// ```
///
/// Only one of the two may be there, which is checked when the configuration is loaded.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    if !d.remaining_args().is_empty() {
        return Err(d.arg_err().into());
    }
    let mut copy = CopyResponseHeaders::default();
    while d.next_block(0) {
        match d.val() {
            "include" => copy.include.extend(d.remaining_args()),
            "exclude" => copy.exclude.extend(d.remaining_args()),
            other => {
                let text = format!("unrecognized subdirective '{other}'");
                return Err(unknown(d, text, &["include", "exclude"]));
            }
        }
    }
    Ok(Handler::CopyResponseHeaders(copy))
}
