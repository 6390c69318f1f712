//! Routes: which handlers a request goes through, in which order.
//!
//! A route's handlers run when its matchers match *at that moment*: an earlier rewrite
//! counts. Of the routes of one group only the first that matches runs; behind a
//! terminal one nothing runs any more, in whatever subroute it stands.

use super::exchange::{Exchange, Flow, Outcome};
use super::handlers::Handler;
use super::matchers::{self, MatcherSet};
use super::server::{Provision, ProvisionError};
use crate::config::http::Route as Config;
use crate::metrics::http::Meter;
use std::sync::Arc;

/// Compiled routes.
#[derive(Debug, Default)]
pub(crate) struct Routes(Vec<Route>);

#[derive(Debug)]
struct Route {
    /// Counts the requests that take it.
    meter: Option<Arc<Meter>>,
    group: Option<u32>,
    sets: Vec<MatcherSet>,
    handlers: Vec<Handler>,
    terminal: bool,
}

impl Routes {
    /// Compiles routes.
    pub(super) fn provision(
        configs: &[Config],
        provision: &mut Provision<'_>,
    ) -> Result<Self, ProvisionError> {
        let mut routes = Vec::with_capacity(configs.len());
        for (index, config) in configs.iter().enumerate() {
            let compiled = Route::provision(config, provision)
                .map_err(|error| error.within(&format!("routes[{index}]")));
            routes.push(compiled?);
        }
        Ok(Self(routes))
    }

    /// Counts the requests that take each of these routes, with the meter of its first
    /// handler's name.
    pub(super) fn count(&mut self, configs: &[Config], mut meter: impl FnMut(&str) -> Arc<Meter>) {
        for (route, config) in self.0.iter_mut().zip(configs) {
            route.meter = config.handle.first().map(|handler| meter(handler.name()));
        }
    }

    /// Runs what matches.
    ///
    /// # Errors
    /// The first failure of a handler or matcher; later ones did not run.
    pub(super) async fn run<'s>(&'s self, ex: &mut Exchange<'s>) -> Outcome {
        for route in &self.0 {
            if route.group.is_some_and(|group| ex.groups.contains(&group)) {
                continue;
            }
            if !matchers::any(&route.sets, ex)? {
                continue;
            }
            ex.groups.extend(route.group);
            if let Some(meter) = &route.meter {
                ex.enter(meter);
            }
            for handler in &route.handlers {
                if handler.run(ex).await? == Flow::Done {
                    return Ok(Flow::Done);
                }
            }
            if route.terminal {
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::Next)
    }
}

impl Route {
    fn provision(config: &Config, provision: &mut Provision<'_>) -> Result<Self, ProvisionError> {
        let group = provision.group(&config.group);
        let sets = matchers::provision(&config.matcher_sets)?;
        let mut handlers = Vec::with_capacity(config.handle.len());
        for (index, handler) in config.handle.iter().enumerate() {
            let compiled = Handler::provision(handler, provision)
                .map_err(|error| error.within(&format!("handle[{index}]")));
            handlers.push(compiled?);
        }
        Ok(Self { meter: None, group, sets, handlers, terminal: config.terminal })
    }
}
