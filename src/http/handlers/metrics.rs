//! `metrics`: shows what is counted, as the admin endpoint's `/metrics` does.
//!
//! ```caddyfile
//! metrics /metrics {
//!     disable_openmetrics
//! }
//! ```
//!
//! Requests are counted only with the global option `metrics`.

use crate::config::handlers::Metrics as Config;
use crate::http::exchange::{Exchange, Flow, Outcome};
use crate::http::server::Provision;
use crate::metrics::Figures;
use crate::metrics::text::Format;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use std::sync::Arc;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Metrics {
    figures: Arc<Figures>,
    openmetrics: bool,
}

impl Metrics {
    pub(super) fn new(config: &Config, provision: &Provision<'_>) -> Self {
        let figures = Arc::clone(provision.figures);
        Self { figures, openmetrics: !config.disable_openmetrics }
    }

    pub(super) async fn run(&self, ex: &mut Exchange<'_>) -> Outcome {
        let accepted = ex.headers().get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok());
        let format = match accepted.collect::<Vec<_>>().join(",") {
            accepted if self.openmetrics => Format::negotiate(&accepted),
            _ => Format::Prometheus,
        };
        ex.response.set(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
        ex.respond(200, self.figures.text(format).into()).await?;
        Ok(Flow::Done)
    }
}
