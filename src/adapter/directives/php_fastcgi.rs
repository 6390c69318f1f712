//! `php_fastcgi`: a PHP site whose scripts another server runs over FastCGI.

use super::new_route;
use super::php_server::route;
use super::reverse_proxy::{fastcgi_timeout, parse_into};
use crate::adapter::error::{Error, Result};
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::expect_arg;
use crate::config::handlers::reverse_proxy::{FastCgiTransport, Transport};
use crate::config::handlers::{
    Handler, ReverseProxy, Rewrite, StaticResponse, Subroute, WeakString,
};
use crate::config::http::Route;
use crate::config::matchers::{File, MatcherSet};
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

const PATH: &str = "{http.request.uri.path}";

/// What a block may hold beside what `reverse_proxy` has.
const SUBDIRECTIVES: [&str; 10] = [
    "root",
    "split",
    "env",
    "index",
    "try_files",
    "resolve_root_symlink",
    "dial_timeout",
    "read_timeout",
    "write_timeout",
    "capture_stderr",
];

/// What the site consists of.
struct Site {
    /// The front controller; `off` when there is none.
    index: String,
    /// What is looked for; the usual when empty.
    try_files: Vec<String>,
    transport: FastCgiTransport,
}

/// Reads
///
/// ```caddyfile
/// php_fastcgi [MATCHER] UPSTREAM… {
///     root DIR
///     split EXTENSION…
///     env NAME VALUE
///     index FILE | off
///     try_files FILE…
///     resolve_root_symlink
///     dial_timeout DURATION
///     read_timeout DURATION
///     write_timeout DURATION
///     capture_stderr
///     …                            # what `reverse_proxy` has, but no `transport`
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
/// redir @folder {orig_path}/{orig_?query} 308
/// @script file {
///     try_files {path} {path}/index.php index.php
///     try_policy first_exist_fallback
///     split_path .php
/// }
/// rewrite @script {file_match.relative}
/// @php path *.php
/// reverse_proxy @php UPSTREAM… {
///     transport fastcgi {
///         split .php
///     }
/// }
/// ```
///
/// Folders are redirected only while `try_files` looks for their front controllers.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let matcher = scope.take_matcher(d)?;
    d.next();
    let mut rest = d.new_from_next_segment();
    let site = Site::take_from(&mut rest)?;
    let mut proxy = ReverseProxy {
        transport: Some(Transport::FastCgi(site.transport.clone())),
        ..ReverseProxy::default()
    };
    parse_into(&mut rest, scope, &mut proxy).map_err(|error| error.or_suggest(&SUBDIRECTIVES))?;
    let routes = site.routes(proxy);
    if matcher.is_none() {
        return Ok(vec![Value::Routes(routes)]);
    }
    let subroute = Subroute { routes, errors: None };
    Ok(vec![new_route(matcher, Handler::Subroute(subroute))])
}

impl Site {
    /// Reads the subdirectives that `reverse_proxy` does not have, and takes them out of `d`,
    /// which starts and ends before the directive's name.
    fn take_from(d: &mut Dispenser) -> Result<Self> {
        let transport =
            FastCgiTransport { split_path: vec![".php".to_owned()], ..FastCgiTransport::default() };
        let mut site = Self { index: "index.php".to_owned(), try_files: Vec::new(), transport };
        while d.next() {
            while d.next_block(0) {
                // Blocks of other subdirectives may use the same words.
                if d.nesting() == 1 {
                    site.take_subdirective(d)?;
                }
            }
        }
        d.reset();
        Ok(site)
    }

    fn take_subdirective(&mut self, d: &mut Dispenser) -> Result<()> {
        let transport = &mut self.transport;
        match d.val().to_owned().as_str() {
            "root" => {
                transport.root = expect_arg(d)?;
                d.delete_n(2);
            }
            "split" => transport.split_path = take_args(d, |count| count > 0)?,
            "env" => {
                let mut args = take_args(d, |count| count == 2)?.into_iter();
                transport.env.extend(args.next().zip(args.next()));
            }
            "index" => self.index = take_args(d, |count| count == 1)?.concat(),
            "try_files" => self.try_files = take_args(d, |count| count > 0)?,
            "resolve_root_symlink" => {
                take_args(d, |_| true)?;
                transport.resolve_root_symlink = true;
            }
            "dial_timeout" => {
                transport.dial_timeout = fastcgi_timeout(d)?;
                d.delete_n(2);
            }
            "read_timeout" => {
                transport.read_timeout = fastcgi_timeout(d)?;
                d.delete_n(2);
            }
            "write_timeout" => {
                transport.write_timeout = fastcgi_timeout(d)?;
                d.delete_n(2);
            }
            "capture_stderr" => {
                take_args(d, |_| true)?;
                transport.capture_stderr = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// The routes that make up the site.
    fn routes(self, proxy: ReverseProxy) -> Vec<Route> {
        let Self { index, mut try_files, transport } = self;
        let mut routes = Vec::new();
        if index != "off" {
            let in_folder = format!("{PATH}/{index}");
            let mut falls_back = true;
            if try_files.is_empty() {
                try_files = vec![PATH.to_owned(), in_folder.clone(), index];
            } else {
                falls_back = try_files.last().is_some_and(|last| last.ends_with(".php"));
            }
            if try_files.contains(&in_folder) {
                routes.push(folder_route(in_folder));
            }
            let policy = if falls_back { "first_exist_fallback" } else { "" };
            routes.push(script_route(try_files, policy, &transport.split_path));
        }
        let scripts = transport.split_path.iter().map(|end| format!("*{end}")).collect();
        let scripts = MatcherSet { path: Some(scripts), ..MatcherSet::default() };
        routes.push(route(Some(scripts), Handler::ReverseProxy(Box::new(proxy))));
        routes
    }
}

/// Takes the loaded subdirective out with its arguments, whose number must fit. An error's
/// text names the token before it, as Caddy's does.
fn take_args(d: &mut Dispenser, fits: impl Fn(usize) -> bool) -> Result<Vec<String>> {
    let word = d.token();
    let args = d.remaining_args();
    d.delete_n(args.len() + 1);
    if fits(args.len()) { Ok(args) } else { Err(Error::from(d.arg_err()).relocate(&word)) }
}

/// Sends `/folder` to `/folder/`, where its front controller is.
fn folder_route(in_folder: String) -> Route {
    let matcher = MatcherSet {
        file: Some(File { try_files: vec![in_folder], ..File::default() }),
        not: Some(vec![MatcherSet { path: Some(vec!["*/".to_owned()]), ..MatcherSet::default() }]),
        ..MatcherSet::default()
    };
    let location = "{http.request.orig_uri.path}/{http.request.orig_uri.prefixed_query}".to_owned();
    let handler = StaticResponse {
        status_code: Some(WeakString("308".to_owned())),
        headers: BTreeMap::from([("Location".to_owned(), vec![location])]),
        ..StaticResponse::default()
    };
    route(Some(matcher), Handler::StaticResponse(handler))
}

/// Rewrites to the file or script that answers.
fn script_route(try_files: Vec<String>, policy: &str, split_path: &[String]) -> Route {
    let file = File {
        try_files,
        try_policy: policy.to_owned(),
        split_path: split_path.to_vec(),
        ..File::default()
    };
    let matcher = MatcherSet { file: Some(file), ..MatcherSet::default() };
    let uri = "{http.matchers.file.relative}".to_owned();
    route(Some(matcher), Handler::Rewrite(Rewrite { uri, ..Rewrite::default() }))
}
