//! `subroute`: routes within a route, with their own error routes.
//!
//! ```caddyfile
//! handle /api/* { … }
//! ```
//!
//! What fails behind a subroute that did not answer is for its error routes too, those of the
//! last one first.

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
        let (layers, first) = (ex.response.layers(), ex.catchers.len());
        if let Some(routes) = &self.errors {
            ex.catchers.push(Catcher { routes, layers });
        }
        let mut outcome = self.routes.run(ex).await;
        if self.errors.is_some() && matches!(outcome, Ok(Flow::Done)) {
            // What fails there is for these error routes.
            outcome = ex.settle(layers).await;
        }
        match outcome {
            // They stay for what comes next.
            Ok(Flow::Next) => Ok(Flow::Next),
            outcome => ex.catch(first, outcome).await,
        }
    }
}

/// Error routes of a subroute, and how many layers the answer had before it.
pub(in crate::http) struct Catcher<'s> {
    routes: &'s Routes,
    layers: usize,
}

impl<'s> Exchange<'s> {
    /// Lets the error routes beyond the first `first` answer a failure, the last ones first.
    ///
    /// # Errors
    /// The failure that none of them answered.
    pub(in crate::http) async fn catch(&mut self, first: usize, mut outcome: Outcome) -> Outcome {
        while self.catchers.len() > first
            && !self.response.has_begun()
            && let Err(Failure::Error(error)) = &outcome
            && let Some(Catcher { routes, layers }) = self.catchers.pop()
        {
            self.response.unwind(layers);
            self.log_error(error, true);
            self.error = Some(error.clone());
            outcome = routes.run(self).await;
        }
        self.catchers.truncate(first);
        outcome
    }
}
