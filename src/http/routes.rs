//! Routes: which handlers a request goes through, in which order.
//!
//! A route's handlers run when its matchers match *at that moment*: an earlier rewrite
//! counts. Of the routes of one group only the first that matches runs; behind a
//! terminal one nothing runs any more, in whatever subroute it stands.

mod index;

use super::exchange::{Exchange, Flow, Outcome};
use super::handlers::Handler;
use super::matchers::{self, MatcherSet};
use super::server::{Provision, ProvisionError};
use crate::config::http::Route as Config;
use crate::metrics::http::Meter;
use index::Index;
use std::sync::Arc;

pub(super) use index::first_folder;

/// Compiled routes.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    routes: Vec<Route>,
    /// Finds them by what is asked for, when they are many.
    index: Option<Box<Index>>,
}

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
        Ok(Self { index: Index::new(&routes).map(Box::new), routes })
    }

    /// Counts the requests that take each of these routes, with the meter of its first
    /// handler's name.
    pub(super) fn count(&mut self, configs: &[Config], mut meter: impl FnMut(&str) -> Arc<Meter>) {
        for (route, config) in self.routes.iter_mut().zip(configs) {
            route.meter = config.handle.first().map(|handler| meter(handler.name()));
        }
    }

    /// Runs what matches.
    ///
    /// # Errors
    /// The first failure of a handler or matcher; later ones did not run.
    pub(super) async fn run<'s>(&'s self, ex: &mut Exchange<'s>) -> Outcome {
        let mut next = 0;
        let mut candidates = self.index.as_ref().map(|index| index.candidates(ex));
        loop {
            let place = candidates.as_mut().map_or(Some(next), |c| c.next(next));
            let Some(route) = place.and_then(|place| self.routes.get(place)) else { break };
            next = place.map_or(next, |place| place + 1);
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
            // They may have changed what is asked for.
            candidates = self.index.as_ref().map(|index| index.candidates(ex));
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
