//! Directives, a file per word that users type.
//!
//! To add one: a file with its `parse`, and a line in [`TABLE`] at the place where it
//! runs. The shortest real one:
//!
//! ```text
//! //! `abort`: drops the connection without an answer.
//!
//! /// Reads `abort [MATCHER]`.
//! pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
//!     d.next();
//!     if d.next() {
//!         return Err(d.arg_err().into());
//!     }
//!     Ok(Handler::StaticResponse(StaticResponse { abort: true, ..Default::default() }))
//! }
//! ```

mod abort;
mod acme_server;
mod basic_auth;
mod bind;
mod copy_response;
mod copy_response_headers;
mod encode;
mod error;
mod file_server;
mod forward_auth;
mod fs;
mod handle;
mod handle_errors;
mod handle_path;
mod header;
mod intercept;
mod invoke;
pub(super) mod log;
mod log_append;
mod log_name;
mod log_skip;
mod map;
mod method;
mod metrics;
mod php;
mod php_fastcgi;
pub(in crate::adapter) mod php_server;
mod push;
mod redir;
mod request_body;
mod request_header;
mod respond;
mod reverse_proxy;
mod rewrite;
mod root;
mod route;
mod templates;
mod timeouts;
mod tls;
mod tracing;
mod try_files;
mod uri;
mod vars;

pub(super) use bind::parse_bind;
pub(super) use php::{expect_unsigned, parse_worker, unknown_of};

use super::error::{Error, Result};
use super::matchers;
use super::routes;
use super::scope::{Scope, Value, Yield};
use crate::config::handlers::{Handler, Subroute};
use crate::config::http::Route;
use crate::config::matchers::MatcherSet;
use caddyfile_parser::{Dispenser, Segment};

/// A directive.
pub(super) struct Directive {
    /// The word that users type.
    pub(super) name: &'static str,
    /// Whether it is a handler, which has a place in the order of handlers.
    pub(super) ordered: bool,
    parse: Parse,
}

/// How a directive is read.
enum Parse {
    /// A handler behind an optional matcher token. The function gets the tokens without
    /// that one, and starts before the directive's name.
    Handler(fn(&mut Dispenser, &Scope<'_>) -> Result<Handler>),
    /// Anything else. The function starts before the directive's name.
    Values(fn(&mut Dispenser, &Scope<'_>) -> Result<Vec<Value>>),
}
use Parse::{Handler as Handles, Values};

/// The directives: handlers in the order in which they run unless the option `order` says
/// otherwise, then those that are none.
const TABLE: &[Directive] = &[
    handler("tracing", Handles(tracing::parse)),
    handler("map", Handles(map::parse)),
    handler("vars", Handles(vars::parse)),
    handler("fs", Handles(fs::parse)),
    handler("root", Values(root::parse)),
    handler("log_append", Handles(log_append::parse)),
    handler("skip_log", Handles(log_skip::parse)),
    handler("log_skip", Handles(log_skip::parse)),
    handler("log_name", Handles(log_name::parse)),
    handler("header", Values(header::parse)),
    handler("copy_response_headers", Handles(copy_response_headers::parse)),
    handler("request_body", Handles(request_body::parse)),
    handler("timeouts", Handles(timeouts::parse)),
    handler("redir", Handles(redir::parse)),
    handler("method", Handles(method::parse)),
    handler("rewrite", Values(rewrite::parse)),
    handler("uri", Handles(uri::parse)),
    handler("try_files", Values(try_files::parse)),
    handler("basicauth", Handles(basic_auth::parse)),
    handler("basic_auth", Handles(basic_auth::parse)),
    handler("forward_auth", Values(forward_auth::parse)),
    handler("request_header", Values(request_header::parse)),
    handler("encode", Handles(encode::parse)),
    handler("push", Handles(push::parse)),
    handler("intercept", Handles(intercept::parse)),
    handler("templates", Handles(templates::parse)),
    handler("invoke", Handles(invoke::parse)),
    handler("handle", Handles(handle::parse)),
    handler("handle_path", Values(handle_path::parse)),
    handler("route", Handles(route::parse)),
    handler("abort", Handles(abort::parse)),
    handler("error", Handles(error::parse)),
    handler("copy_response", Handles(copy_response::parse)),
    handler("respond", Handles(respond::parse)),
    handler("metrics", Handles(metrics::parse)),
    handler("reverse_proxy", Handles(reverse_proxy::parse)),
    handler("php_fastcgi", Values(php_fastcgi::parse)),
    handler("php", Values(php::parse)),
    handler("php_server", Values(php_server::parse)),
    handler("file_server", Handles(file_server::parse)),
    handler("acme_server", Values(acme_server::parse)),
    setting("bind", Values(bind::parse)),
    setting("handle_errors", Values(handle_errors::parse)),
    setting("log", Values(log::parse)),
    setting("tls", Values(tls::parse)),
];

/// The directive whose least specific use comes first, because the last one wins.
pub(super) const SORTED_IN_REVERSE: &str = "vars";

const fn handler(name: &'static str, parse: Parse) -> Directive {
    Directive { name, ordered: true, parse }
}

const fn setting(name: &'static str, parse: Parse) -> Directive {
    Directive { name, ordered: false, parse }
}

/// The directive of that name.
pub(super) fn find(name: &str) -> Option<&'static Directive> {
    TABLE.iter().find(|directive| directive.name == name)
}

/// The names of all directives.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|directive| directive.name)
}

/// The handlers in their usual order.
pub(super) fn default_order() -> Vec<&'static str> {
    TABLE.iter().filter(|directive| directive.ordered).map(|directive| directive.name).collect()
}

impl Directive {
    /// Reads one use.
    pub(super) fn read(&self, segment: Segment, scope: &Scope<'_>) -> Result<Vec<Yield>> {
        let mut d = Dispenser::new(segment.0);
        let values = match self.parse {
            Values(parse) => parse(&mut d, scope)?,
            Handles(parse) => {
                d.next();
                let matcher = scope.take_matcher(&mut d)?;
                let handler = parse(&mut d, scope)?;
                vec![new_route(matcher, handler)]
            }
        };
        // `handle_path` is `handle` with something before it: they exclude one another.
        let directive = if self.name == "handle_path" { "handle" } else { self.name };
        Ok(values.into_iter().map(|value| Yield { directive, value }).collect())
    }
}

/// A route of one handler.
fn new_route(matcher: Option<MatcherSet>, handler: Handler) -> Value {
    Value::Route(Route {
        matcher_sets: matcher.into_iter().collect(),
        handle: vec![handler],
        ..Route::default()
    })
}

/// Reads the directives of a block into a subroute, in the order of the table.
pub(super) fn parse_subroute(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Subroute> {
    let mut yields = parse_block(d, scope)?;
    routes::sort(&mut yields, scope.shared)?;
    let routes = routes::in_order(yields, scope.shared);
    Ok(Subroute { routes, errors: None })
}

/// Reads the directives of a block. Matchers that it defines are known in it only.
fn parse_block(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Yield>> {
    let mut yields = Vec::new();
    while d.next() {
        if d.next_arg() {
            return Err(d.arg_err().into());
        }
        let mut inner = scope.clone();
        let mut segments = Vec::new();
        let nesting = d.nesting();
        while d.next_block(nesting) {
            let segment = d.next_segment();
            if segment.directive().starts_with('@') {
                matchers::define(segment, &mut inner.matchers)?;
            } else {
                segments.push(segment);
            }
        }
        for segment in segments {
            let token = segment.0.first().cloned().expect("a segment starts with its directive");
            let name = token.text.clone();
            let Some(directive) = find(&name) else {
                let text = format!(
                    "unrecognized directive: {name} - are you sure your Caddyfile structure \
                     (nesting and braces) is correct?"
                );
                return Err(Error::from(d.err(text)).relocate(&token).suggest(names()));
            };
            let read = directive.read(segment, &inner).map_err(|error| {
                let wrapper = |text: &str| format!("parsing caddyfile tokens for '{name}': {text}");
                error.wrap_at(d, wrapper).at(&token)
            })?;
            yields.extend(read);
        }
    }
    Ok(yields)
}
