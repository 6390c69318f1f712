//! From what directives yield to routes: their order, their groups, their merging.

use super::directives;
use super::error::{Error, Result};
use super::scope::{Shared, Value, Yield};
use super::stable_sort::stable_sort;
use crate::config::handlers::Handler;
use crate::config::http::Route;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Directives of which only the first that matches takes effect; in the order in which
/// their groups are numbered.
const EXCLUSIVE: [&str; 3] = ["handle", "rewrite", "root"];

/// Puts what the directives of a block yield in the order of their table.
///
/// # Errors
///
/// When a directive has no place in that order.
pub(super) fn sort(yields: &mut [Yield], shared: &Shared<'_>) -> Result<()> {
    let positions: HashMap<&str, usize> =
        shared.order.iter().enumerate().map(|(position, name)| (*name, position)).collect();
    for Yield { directive, value } in &*yields {
        // An authority only comes with a route, and is not made where that is nested.
        let is_handler = matches!(value, Value::Route(_) | Value::Routes(_) | Value::Authority(_));
        if !is_handler || !positions.contains_key(directive) {
            return Err(Error::new(format!(
                "directive '{directive}' is not an ordered HTTP handler, so it cannot be used \
                 here - try placing within a route block or using the order global option"
            )));
        }
    }
    stable_sort(yields, |a, b| match a.directive == b.directive {
        false => positions[a.directive] < positions[b.directive],
        true => less_within_directive(a, b),
    });
    Ok(())
}

/// The routes of a block, in the order of what its directives yield.
pub(super) fn in_order(yields: Vec<Yield>, shared: &Shared<'_>) -> Vec<Route> {
    let mut groups = HashMap::new();
    for name in EXCLUSIVE {
        // A rewrite has its own group even when it is alone: it must not be merged with a
        // neighbour, as what it rewrites may not match again.
        let count = yields.iter().filter(|one| one.directive == name).count();
        if count > 1 || name == "rewrite" {
            groups.insert(name, shared.groups.next_group());
        }
    }
    let mut routes = Vec::with_capacity(yields.len());
    for Yield { directive, value } in yields {
        match value {
            Value::Route(mut route) => {
                if EXCLUSIVE.contains(&directive) {
                    route.group = groups.get(directive).cloned().unwrap_or_default();
                }
                routes.push(route);
            }
            Value::Routes(together) => routes.extend(together),
            Value::Authority(_) => {}
            Value::ErrorRoutes(_) | Value::Bind(_) | Value::Log(_) | Value::Tls(_) => {
                unreachable!("{directive} is no handler; the callers refuse it")
            }
        }
    }
    merge_neighbours(routes)
}

/// Merges routes that follow one another and differ in their handlers only.
pub(super) fn merge_neighbours(routes: Vec<Route>) -> Vec<Route> {
    let mut merged: Vec<Route> = Vec::with_capacity(routes.len());
    for route in routes {
        match merged.last_mut() {
            Some(last)
                if !ends_php_server(last)
                    && last.matcher_sets == route.matcher_sets
                    && last.terminal == route.terminal
                    && last.group == route.group =>
            {
                last.handle.extend(route.handle);
            }
            _ => merged.push(route),
        }
    }
    merged
}

/// Whether a route is the file server at the end of `php_server`, the only one that hides
/// no Caddyfile. FrankenPHP gives it an empty list of matchers, which Go tells from none.
fn ends_php_server(route: &Route) -> bool {
    let [Handler::FileServer(server)] = route.handle.as_slice() else { return false };
    route.matcher_sets.is_empty() && server.hide.is_empty()
}

/// Puts routes into one group, when there are several.
pub(super) fn group(routes: &mut [Route], shared: &Shared<'_>) {
    if routes.len() > 1 {
        let name = shared.groups.next_group();
        for route in routes {
            route.group.clone_from(&name);
        }
    }
}

/// Whether `a` runs before `b`, both of the same directive: the more specific path first.
fn less_within_directive(a: &Yield, b: &Yield) -> bool {
    let (Value::Route(route_a), Value::Route(route_b)) = (&a.value, &b.value) else {
        return false;
    };
    let less = match (only_path(route_a), only_path(route_b)) {
        (Some(path_a), Some(path_b)) => compare_paths(path_a, path_b) == Ordering::Less,
        _ => !route_a.matcher_sets.is_empty() && route_b.matcher_sets.is_empty(),
    };
    // The last variable that is set wins, so the most specific comes last.
    if a.directive == directives::SORTED_IN_REVERSE { !less } else { less }
}

/// The path that a route matches, if it is the only one.
fn only_path(route: &Route) -> Option<&str> {
    let [set] = route.matcher_sets.as_slice() else { return None };
    match set.path.as_deref() {
        Some([path]) if !path.is_empty() => Some(path),
        _ => None,
    }
}

fn compare_paths(a: &str, b: &str) -> Ordering {
    let trimmed = |path: &str| path.strip_suffix('*').unwrap_or(path).to_owned();
    let (trimmed_a, trimmed_b) = (trimmed(a), trimmed(b));
    if trimmed_a == trimmed_b {
        // An exact path comes before the same one with a wildcard.
        return a.len().cmp(&b.len());
    }
    let longest_first = trimmed_b.len().cmp(&trimmed_a.len());
    longest_first.then_with(|| trimmed_a.cmp(&trimmed_b))
}
