//! `copy_response` and `copy_response_headers`: the answer of an upstream, or its fields,
//! for routes that handle it.
//!
//! ```caddyfile
//! reverse_proxy app:8080 {
//!     handle_response {
//!         copy_response_headers { include X-Request-Id }
//!         copy_response 404
//!     }
//! }
//! ```
//!
//! Anywhere else, `intercept` included, there is nothing to copy, and they fail as under
//! Caddy.

use crate::config::handlers::CopyResponseHeaders;
use crate::http::exchange::Failure;
use crate::http::server::ProvisionError;

/// The compiled handlers.
#[derive(Clone, Copy, Debug)]
pub(super) enum CopyResponse {
    /// `copy_response`.
    Whole,
    /// `copy_response_headers`.
    Headers,
}

impl CopyResponse {
    pub(super) fn of_headers(config: &CopyResponseHeaders) -> Result<Self, ProvisionError> {
        if !config.include.is_empty() && !config.exclude.is_empty() {
            let text = "cannot define both 'exclude' and 'include' lists at the same time";
            return Err(ProvisionError::Invalid(text.to_owned()));
        }
        Ok(Self::Headers)
    }

    pub(super) fn run(self) -> Failure {
        let name = match self {
            Self::Whole => "copy_response",
            Self::Headers => "copy_response_headers",
        };
        let text = format!("cannot use '{name}' outside of reverse_proxy's handle_response routes");
        Failure::error(500, text)
    }
}
