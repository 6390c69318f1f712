//! `try_files`: rewrites to the first file that exists.

use super::new_route;
use crate::adapter::error::Result;
use crate::adapter::routes;
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::{expect_arg, expect_args};
use crate::config::handlers::{Handler, Rewrite};
use crate::config::http::Route;
use crate::config::matchers::{File, MatcherSet};
use caddyfile_parser::Dispenser;

const POLICIES: [&str; 5] = [
    "first_exist",
    "first_exist_fallback",
    "largest_size",
    "most_recently_modified",
    "smallest_size",
];

/// Reads
///
/// ```caddyfile
/// try_files FILE… {
///     policy POLICY
/// }
/// ```
///
/// which stands for
///
/// ```caddyfile
/// @file file FILE…
/// rewrite @file {file_match.relative}
/// ```
///
/// A file with a query ends a list of files: it is a rewrite of its own, with that query.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let files = expect_args(d)?;
    let mut policy = String::new();
    while d.next_block(0) {
        // Caddy passes over other words here, and so do Caddyfiles that rely on it.
        if d.val() != "policy" {
            continue;
        }
        if !policy.is_empty() {
            return Err(d.err("try policy already configured").into());
        }
        policy = expect_arg(d)?;
        if !POLICIES.contains(&policy.as_str()) {
            return Err(d.err(format!("unrecognized try policy: {policy}")).into());
        }
    }
    let mut found: Vec<Route> = Vec::new();
    let mut tried = Vec::new();
    for file in files {
        match file.find('?') {
            None => tried.push(file),
            Some(at) => {
                if !tried.is_empty() {
                    found.push(new_rewrite(std::mem::take(&mut tried), &policy, ""));
                }
                found.push(new_rewrite(vec![file[..at].to_owned()], &policy, &file[at..]));
            }
        }
    }
    if !tried.is_empty() {
        found.push(new_rewrite(tried, &policy, ""));
    }
    routes::group(&mut found, scope.shared);
    Ok(found.into_iter().map(Value::Route).collect())
}

fn new_rewrite(try_files: Vec<String>, policy: &str, query: &str) -> Route {
    let file = File { try_files, try_policy: policy.to_owned(), ..File::default() };
    let uri = format!("{{http.matchers.file.relative}}{query}");
    let matcher = MatcherSet { file: Some(file), ..MatcherSet::default() };
    let handler = Handler::Rewrite(Rewrite { uri, ..Rewrite::default() });
    match new_route(Some(matcher), handler) {
        Value::Route(route) => route,
        _ => unreachable!("a new route is a route"),
    }
}
