//! `handle_path`: `handle` that takes the prefix of the path away.

use super::{new_route, parse_subroute};
use crate::adapter::error::Result;
use crate::adapter::scope::{Scope, Value};
use crate::config::handlers::{Handler, Rewrite};
use crate::config::http::Route;
use caddyfile_parser::Dispenser;

/// Reads `handle_path /PREFIX* { DIRECTIVE… }`, which stands for
///
/// ```caddyfile
/// handle /PREFIX* {
///     uri strip_prefix /PREFIX
///     DIRECTIVE…
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    if !d.next_arg() {
        return Err(d.arg_err().into());
    }
    let path = d.val().to_owned();
    if !path.starts_with('/') {
        return Err(d.err(format!("path matcher must begin with '/', got {path}")).into());
    }
    d.reset();
    d.next();
    let matcher = scope.take_matcher(d)?;
    let mut subroute = parse_subroute(d, scope)?;
    // A slash belongs to the prefix unless a `*` follows it.
    let prefix = path.strip_suffix("/*").or_else(|| path.strip_suffix('*')).unwrap_or(&path);
    let strip = Rewrite { strip_path_prefix: prefix.to_owned(), ..Rewrite::default() };
    let strip = Route { handle: vec![Handler::Rewrite(strip)], ..Route::default() };
    subroute.routes.insert(0, strip);
    Ok(vec![new_route(matcher, Handler::Subroute(subroute))])
}
