//! `subroute`: routes within a route, with their own error routes.
//!
//! ```caddyfile
//! handle /api/* { … }
//! ```

use crate::config::handlers::Subroute as Config;
use crate::http::exchange::{Exchange, Failure, Flow, Outcome};
use crate::http::routes::Routes;
use crate::http::server::{Provision, ProvisionError};

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Subroute {
    routes: Routes,
    errors: Option<Routes>,
}

impl Subroute {
    pub(super) fn provision(
        config: &Config,
        provision: &mut Provision<'_>,
    ) -> Result<Self, ProvisionError> {
        let errors = config.errors.as_ref();
        Ok(Self {
            routes: Routes::provision(&config.routes, provision)?,
            errors: errors
                .map(|e| Routes::provision(&e.routes, provision))
                .transpose()
                .map_err(|error| error.within("errors"))?,
        })
    }

    pub(super) async fn run<'s>(&'s self, ex: &mut Exchange<'s>) -> Outcome {
        let layers = ex.response.layers();
        let mut outcome = self.routes.run(ex).await;
        if self.errors.is_some() && matches!(outcome, Ok(Flow::Done)) {
            // What fails there is for these error routes.
            outcome = ex.settle(layers).await;
        }
        match (outcome, &self.errors) {
            (Err(Failure::Error(error)), Some(routes)) if !ex.response.has_begun() => {
                ex.response.unwind(layers);
                ex.log_error(&error, true);
                ex.error = Some(error);
                routes.run(ex).await
            }
            (outcome, _) => outcome,
        }
    }
}
