//! `copy_response`: passes on the answer that is being handled, within `handle_response`.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, integer, unknown};
use crate::config::handlers::{CopyResponse, Handler, WeakString};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// copy_response [MATCHER] [STATUS] {
///     status STATUS
/// }
/// ```
///
/// As in Caddy, only one positive number is a status on the first line, what else stands
/// there is passed over, and a block behind a status is not read.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut copy = CopyResponse::default();
    if let [status] = d.remaining_args().as_slice()
        && integer(status).is_ok_and(|number| number > 0)
    {
        copy.status_code = Some(WeakString(status.clone()));
        return Ok(Handler::CopyResponse(copy));
    }
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "status" => copy.status_code = Some(WeakString(expect_arg(d)?)),
            other => {
                let text = format!("unrecognized subdirective '{other}'");
                return Err(unknown(d, text, &["status"]));
            }
        }
    }
    copy.status_code = copy.status_code.filter(|status| !status.0.is_empty());
    Ok(Handler::CopyResponse(copy))
}
