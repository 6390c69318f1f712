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
use crate::metrics::{Accepts, Figures};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};
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
        let scrape = self.figures.scrape(&Accepts {
            forms: &all(ex.headers(), ACCEPT),
            encodings: &all(ex.headers(), ACCEPT_ENCODING),
            openmetrics: self.openmetrics,
        });
        let kind = HeaderValue::try_from(scrape.content_type);
        ex.response.set(CONTENT_TYPE, kind.expect("a content type is plain text"));
        if scrape.is_gzip {
            ex.response.set(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        ex.respond(200, scrape.body.into()).await?;
        Ok(Flow::Done)
    }
}

/// All values of a field.
fn all(headers: &HeaderMap, name: HeaderName) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}
