//! `request_body`: bounds the body that later handlers read, or puts another in its place.
//!
//! ```caddyfile
//! request_body {
//!     max_size 10MB
//! }
//! ```
//!
//! A handler that reads beyond the limit fails with 413. A placeholder gets what fits.

use crate::config::handlers::RequestBody as Config;
use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};

/// The compiled handler.
#[derive(Debug)]
pub(super) struct RequestBody {
    max_size: Option<u64>,
    set: Option<Template>,
}

impl RequestBody {
    pub(super) fn new(config: &Config) -> Self {
        let set = Some(&config.set).filter(|text| !text.is_empty());
        Self {
            max_size: u64::try_from(config.max_size).ok().filter(|max| *max > 0),
            set: set.map(|text| Template::new(text, Unknown::Vanishes)),
        }
    }

    pub(super) fn needs_body(&self) -> bool {
        self.set.as_ref().is_some_and(Template::needs_body)
    }

    pub(super) fn run(&self, ex: &mut Exchange<'_>) {
        if let Some(template) = &self.set {
            let body = template.fill(ex).into_owned();
            ex.replace_body(body.into());
        }
        if let Some(max) = self.max_size {
            ex.limit_body(max);
        }
    }
}
