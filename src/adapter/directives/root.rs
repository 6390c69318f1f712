//! `root`: the folder that a site's files lie in.

use super::new_route;
use crate::adapter::error::Result;
use crate::adapter::scope::{Scope, Value};
use crate::config::handlers::Handler;
use crate::config::matchers::MatcherSet;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Reads `root [MATCHER] DIR`, which stands for `vars [MATCHER] root DIR`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    let (matcher, dir) = parse_lone_argument(d, scope, "root path", "path")?;
    let vars = BTreeMap::from([("root".to_owned(), dir.into())]);
    Ok(vec![new_route(matcher, Handler::Vars(vars))])
}

/// Reads `[MATCHER] ARGUMENT`. An argument that stands alone is never taken for a matcher,
/// although it may start with `/`.
pub(super) fn parse_lone_argument(
    d: &mut Dispenser,
    scope: &Scope<'_>,
    what: &str,
    short: &str,
) -> Result<(Option<MatcherSet>, String)> {
    d.next();
    let matcher = match d.count_remaining_args() {
        0 => {
            return Err(d.err(format!("too few arguments; must have at least a {what}")).into());
        }
        1 => None,
        2 => {
            let matcher = scope.take_matcher(d)?;
            d.next();
            matcher
        }
        _ => {
            let text = format!("too many arguments; should only be a matcher and a {short}");
            return Err(d.err(text).into());
        }
    };
    d.next();
    Ok((matcher, d.val().to_owned()))
}
