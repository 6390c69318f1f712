//! `php_server`: a whole PHP site: files that exist, and PHP for the rest.

use super::new_route;
use super::php::{check_workers, new_php, parse_subdirective};
use crate::adapter::error::Result;
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::expect_args;
use crate::config::handlers::{
    FileServer, Handler, Php, Rewrite, StaticResponse, Subroute, WeakString,
};
use crate::config::http::Route;
use crate::config::matchers::{File, MatcherSet};
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

const PATH: &str = "{http.request.uri.path}";

/// What the site consists of beside its PHP handler.
struct Layout {
    /// The front controller; `None` for `index off`.
    index: Option<String>,
    /// What is looked for; the usual when empty.
    try_files: Vec<String>,
    /// Whether files that are no PHP are served.
    serves_files: bool,
}

/// Reads
///
/// ```caddyfile
/// php_server [MATCHER] {
///     index FILE | off
///     try_files FILE…
///     file_server off
///     …                # what `php` has
/// }
/// ```
///
/// which stands for
///
/// ```caddyfile
/// @folder {
///     file {path}/index.php
///     not path */
/// }
/// redir @folder {orig_path}/ 308
/// @script file {
///     try_files {path} {path}/index.php index.php
///     try_policy first_exist_fallback
///     split_path .php
/// }
/// rewrite @script {file_match.relative}{file_match.remainder}
/// @php path *.php *.php/*
/// php @php
/// file_server
/// ```
///
/// `root` and `split` go to all parts. With `file_server off` only scripts are looked for.
/// Requests of a worker's `match` go to it before all that, unless they name a file.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let matcher = scope.take_matcher(d)?;
    d.next();
    let mut php = new_php(scope);
    php.split_path = vec![".php".to_owned()];
    let mut layout =
        Layout { index: Some("index.php".to_owned()), try_files: Vec::new(), serves_files: true };
    if d.next_arg() {
        return Err(d.arg_err().into());
    }
    while d.next_block(0) {
        match d.val() {
            "index" => {
                let Some([index]) = d.all_args() else {
                    return Err(d.arg_err().into());
                };
                layout.index = Some(index).filter(|index| index != "off");
            }
            "try_files" => layout.try_files = expect_args(d)?,
            "file_server" => match d.remaining_args().first().map(String::as_str) {
                Some("off") => layout.serves_files = false,
                _ => return Err(d.arg_err().into()),
            },
            _ => parse_subdirective(d, &mut php)?,
        }
    }
    check_workers(d, &php)?;
    let routes = routes(&layout, &php);
    if matcher.is_none() {
        return Ok(vec![Value::Routes(routes)]);
    }
    let subroute = Subroute { routes, errors: None };
    Ok(vec![new_route(matcher, Handler::Subroute(subroute))])
}

/// The routes that make up the site.
fn routes(layout: &Layout, php: &Php) -> Vec<Route> {
    let mut routes = worker_routes(layout, php);
    if let Some(index) = &layout.index {
        let in_folder = format!("{PATH}/{index}");
        let usual = layout.try_files.is_empty();
        if usual || layout.try_files.contains(&in_folder) {
            routes.push(folder_route(&php.root, in_folder));
        }
        routes.push(script_route(layout, php, index));
    }
    let scripts = php.split_path.iter().flat_map(|end| [format!("*{end}"), format!("*{end}/*")]);
    let scripts = MatcherSet { path: Some(scripts.collect()), ..MatcherSet::default() };
    routes.push(route(Some(scripts), Handler::Php(php.clone())));
    if layout.serves_files {
        routes.push(route(None, file_server(php)));
    }
    routes
}

/// Requests for files, and for workers that ask for paths.
fn worker_routes(layout: &Layout, php: &Php) -> Vec<Route> {
    let paths = php.workers.iter().flat_map(|worker| worker.match_path.iter().cloned());
    let paths: Vec<String> = paths.collect();
    let mut routes = Vec::new();
    if paths.is_empty() {
        return routes;
    }
    if layout.serves_files {
        let files = MatcherSet {
            file: Some(File {
                root: php.root.clone(),
                try_files: vec![PATH.to_owned()],
                ..File::default()
            }),
            not: Some(vec![path_set("*.php")]),
            ..MatcherSet::default()
        };
        routes.push(route(Some(files), file_server(php)));
    }
    let workers = MatcherSet { path: Some(paths), ..MatcherSet::default() };
    routes.push(route(Some(workers), Handler::Php(php.clone())));
    routes
}

/// Sends `/folder` to `/folder/`, where its front controller is.
pub(in crate::adapter) fn folder_route(root: &str, in_folder: String) -> Route {
    let matcher = MatcherSet {
        file: Some(File { root: root.to_owned(), try_files: vec![in_folder], ..File::default() }),
        not: Some(vec![path_set("*/")]),
        ..MatcherSet::default()
    };
    let location = vec!["{http.request.orig_uri.path}/".to_owned()];
    let handler = StaticResponse {
        status_code: Some(WeakString("308".to_owned())),
        headers: BTreeMap::from([("Location".to_owned(), location)]),
        ..StaticResponse::default()
    };
    route(Some(matcher), Handler::StaticResponse(handler))
}

/// Rewrites to the file or script that answers.
fn script_route(layout: &Layout, php: &Php, index: &str) -> Route {
    let mut try_files = layout.try_files.clone();
    let mut fallback = try_files.last().is_some_and(|last| last.ends_with(".php"));
    if try_files.is_empty() {
        if layout.serves_files {
            try_files.push(PATH.to_owned());
        }
        try_files.extend([format!("{PATH}/{index}"), index.to_owned()]);
        fallback = true;
    }
    let file = File {
        fs: String::new(),
        root: php.root.clone(),
        try_files,
        try_policy: if fallback { "first_exist_fallback".to_owned() } else { String::new() },
        split_path: php.split_path.clone(),
    };
    let matcher = MatcherSet { file: Some(file), ..MatcherSet::default() };
    let uri = "{http.matchers.file.relative}{http.matchers.file.remainder}".to_owned();
    route(Some(matcher), Handler::Rewrite(Rewrite { uri, ..Rewrite::default() }))
}

fn file_server(php: &Php) -> Handler {
    Handler::FileServer(FileServer { root: php.root.clone(), ..FileServer::default() })
}

fn path_set(path: &str) -> MatcherSet {
    MatcherSet { path: Some(vec![path.to_owned()]), ..MatcherSet::default() }
}

pub(in crate::adapter) fn route(matcher: Option<MatcherSet>, handler: Handler) -> Route {
    Route { matcher_sets: matcher.into_iter().collect(), handle: vec![handler], ..Route::default() }
}
