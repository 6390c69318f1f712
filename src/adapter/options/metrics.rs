//! `metrics`: what is counted.

use super::Options;
use crate::adapter::error::Result;
use crate::adapter::values::unknown;
use crate::config::http::Metrics;
use caddyfile_parser::Dispenser;

/// Reads `metrics { per_host; observe_catchall_hosts; otlp }`.
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    let mut metrics = Metrics::default();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "per_host" => metrics.per_host = true,
            "observe_catchall_hosts" => metrics.observe_catchall_hosts = true,
            "otlp" => metrics.otlp = true,
            other => {
                let text = format!("unrecognized servers option '{other}'");
                return Err(unknown(d, text, &["per_host", "observe_catchall_hosts", "otlp"]));
            }
        }
    }
    options.metrics = Some(metrics);
    Ok(())
}
