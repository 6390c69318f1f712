//! `invoke`: runs a named route of the server.
//!
//! ```caddyfile
//! &(auth) { … }
//!
//! example.com {
//!     invoke auth
//! }
//! ```

use crate::config::handlers::Invoke as Config;
use crate::http::exchange::{Exchange, Failure, Outcome};
use crate::http::server::Provision;

/// How deep named routes may invoke each other for one request; each takes some stack.
const DEPTH_MAX: u32 = 16;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Invoke {
    name: String,
    /// Which of the site's named routes it is.
    index: Option<usize>,
}

impl Invoke {
    pub(super) fn new(config: &Config, provision: &Provision<'_>) -> Self {
        Self { name: config.name.clone(), index: provision.named_route(&config.name) }
    }

    pub(super) async fn run<'s>(&'s self, ex: &mut Exchange<'s>) -> Outcome {
        let Some(routes) = self.index.and_then(|index| ex.site.named_routes.get(index)) else {
            return Err(Failure::error(500, format!("invoke: route '{}' not found", self.name)));
        };
        if ex.invocations == DEPTH_MAX {
            let text = format!("invoke: '{}' is the end of {DEPTH_MAX} invocations", self.name);
            return Err(Failure::error(500, text));
        }
        ex.invocations += 1;
        let outcome = routes.run(ex).await;
        ex.invocations -= 1;
        outcome
    }
}
