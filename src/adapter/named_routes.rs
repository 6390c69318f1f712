//! Named routes, `&(NAME) { … }`: read once, and given to each server that invokes them.

use super::directives;
use super::error::{Error, Result};
use super::scope::{Invoked, Matchers, Scope, Shared};
use super::shorthands;
use super::sites;
use crate::config::handlers::{Handler, Subroute};
use crate::config::http::Route;
use caddyfile_parser::{Dispenser, ServerBlock};
use std::collections::BTreeMap;

/// The named routes of a Caddyfile.
#[derive(Default)]
pub(super) struct NamedRoutes(BTreeMap<String, NamedRoute>);

struct NamedRoute {
    route: Route,
    /// The named routes that it invokes itself.
    invokes: Invoked,
}

impl NamedRoutes {
    /// Takes the named routes out of `blocks` and reads them. They count groups of their
    /// own.
    ///
    /// # Errors
    ///
    /// When a name is taken, or a directive is not known or wrong.
    pub(super) fn take(blocks: &mut Vec<ServerBlock>, shared: &Shared<'_>) -> Result<Self> {
        let mut named = BTreeMap::new();
        for block in blocks.extract_if(.., |block| block.is_named_route) {
            let Some(key) = block.keys.first().cloned() else { continue };
            let read = read_one(block, shared)?;
            if named.contains_key(&key.text) {
                let text = format!("cannot have duplicate named_routes: {}", key.text);
                return Err(Error::blame(&key, text));
            }
            named.insert(key.text, read);
        }
        shared.groups.reset();
        Ok(Self(named))
    }

    /// Adds the `invoked` routes to those of a server, and the ones that they invoke.
    ///
    /// # Errors
    ///
    /// When one is not defined.
    pub(super) fn add(
        &self,
        invoked: &Invoked,
        routes: &mut BTreeMap<String, Route>,
    ) -> Result<()> {
        let mut pending: Vec<(&String, _)> = invoked.iter().collect();
        while let Some((name, token)) = pending.pop() {
            if routes.contains_key(name) {
                continue;
            }
            let Some(named) = self.0.get(name) else {
                let text = format!("cannot invoke named route '{name}', which was not defined");
                return Err(Error::blame(token, text).suggest(self.0.keys().map(String::as_str)));
            };
            routes.insert(name.clone(), named.route.clone());
            pending.extend(&named.invokes);
        }
        Ok(())
    }
}

fn read_one(mut block: ServerBlock, shared: &Shared<'_>) -> Result<NamedRoute> {
    block.segments.iter_mut().for_each(shorthands::expand);
    let files = sites::files_of(&block);
    let scope = Scope { shared, matchers: Matchers::new(), files: &files };
    let tokens = block.segments.into_iter().flat_map(|segment| segment.0).collect();
    let subroute = directives::parse_subroute(&mut Dispenser::new(tokens), &scope)?;
    Ok(NamedRoute { route: simplify(subroute), invokes: shared.invoked.take() })
}

/// A lone route for all requests stands for itself; as in Caddy, with its first handler
/// only.
fn simplify(subroute: Subroute) -> Route {
    let handler = match subroute.routes.as_slice() {
        [only] if only.matcher_sets.is_empty() => only.handle.first().cloned(),
        _ => None,
    };
    Route { handle: vec![handler.unwrap_or(Handler::Subroute(subroute))], ..Route::default() }
}
