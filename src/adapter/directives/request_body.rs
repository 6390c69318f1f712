//! `request_body`: bounds or replaces the request's body.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_only_arg, expect_size, unknown};
use crate::config::handlers::{Handler, RequestBody};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// request_body [MATCHER] {
///     max_size SIZE
///     set BODY
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut body = RequestBody::default();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "max_size" => body.max_size = expect_size(d, "parsing max_size")?,
            "set" => body.set = expect_only_arg(d)?,
            other => {
                let text = format!("unrecognized request_body subdirective '{other}'");
                return Err(unknown(d, text, &["max_size", "set"]));
            }
        }
    }
    Ok(Handler::RequestBody(body))
}
