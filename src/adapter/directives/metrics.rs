//! `metrics`: shows the figures that are counted.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::unknown;
use crate::config::handlers::{Handler, Metrics};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// metrics [MATCHER] {
///     disable_openmetrics
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    if !d.remaining_args().is_empty() {
        return Err(d.arg_err().into());
    }
    let mut metrics = Metrics::default();
    while d.next_block(0) {
        match d.val() {
            "disable_openmetrics" => metrics.disable_openmetrics = true,
            other => {
                let text = format!("unrecognized subdirective {other:?}");
                return Err(unknown(d, text, &["disable_openmetrics"]));
            }
        }
    }
    Ok(Handler::Metrics(metrics))
}
