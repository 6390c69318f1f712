//! `forward_auth`: asks another server whether a request may go on.

use super::new_route;
use super::php_server::route;
use super::reverse_proxy::parse_into;
use crate::adapter::error::{Error, Result};
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::{canonical_field, expect_arg};
use crate::config::handlers::{
    Handler, HeaderOps, Headers, ResponseHandler, ResponseMatcher, ReverseProxy, Rewrite,
};
use crate::config::http::Route;
use crate::config::matchers::MatcherSet;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Reads
///
/// ```caddyfile
/// forward_auth [MATCHER] UPSTREAM… {
///     uri URI
///     copy_headers FIELD[>NEW_NAME]… {
///         FIELD[>NEW_NAME]…
///     }
///     …                            # what `reverse_proxy` has
/// }
/// ```
///
/// which stands for
///
/// ```caddyfile
/// reverse_proxy [MATCHER] UPSTREAM… {
///     method GET
///     rewrite URI
///     header_up X-Forwarded-Method {method}
///     header_up X-Forwarded-Uri {uri}
///     @good status 2xx
///     handle_response @good {
///         request_header -NEW_NAME
///         @sent not vars {rp.header.FIELD} ""
///         request_header @sent NEW_NAME {rp.header.FIELD}
///     }
/// }
/// ```
///
/// so that a request goes on when the answer is a 2xx, with the fields that are copied from
/// it and never with those of the client; any other answer goes to the client. `uri` must be
/// there.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let matcher = scope.take_matcher(d)?;
    d.next();
    let name = d.token();
    let mut rest = d.new_from_next_segment();
    let auth = Auth::take_from(&mut rest)?;
    if auth.uri.is_empty() {
        // Caddy names no line here, as it has none at hand.
        let error = Error::from(rest.err("the 'uri' subdirective is required"));
        return Err(error.relocate(&name));
    }
    let set = |field: &str, value: &str| (field.to_owned(), vec![value.to_owned()]);
    let request = HeaderOps {
        set: BTreeMap::from([
            set("X-Forwarded-Method", "{http.request.method}"),
            set("X-Forwarded-Uri", "{http.request.uri}"),
        ]),
        ..HeaderOps::default()
    };
    let mut proxy = ReverseProxy {
        headers: Some(Headers { request: Some(request), response: None }),
        rewrite: Some(Rewrite { method: "GET".to_owned(), uri: auth.uri, ..Rewrite::default() }),
        handle_response: vec![when_good(&auth.copied)],
        ..ReverseProxy::default()
    };
    let known = ["uri", "copy_headers"];
    parse_into(&mut rest, scope, &mut proxy).map_err(|error| error.or_suggest(&known))?;
    Ok(vec![new_route(matcher, Handler::ReverseProxy(Box::new(proxy)))])
}

/// What the directive has beside `reverse_proxy`.
#[derive(Default)]
struct Auth {
    uri: String,
    /// Fields of a good answer, and their names in the request.
    copied: BTreeMap<String, String>,
}

impl Auth {
    /// Reads the subdirectives that `reverse_proxy` does not have, and takes them out of `d`,
    /// which starts and ends before the directive's name.
    fn take_from(d: &mut Dispenser) -> Result<Self> {
        let mut auth = Self::default();
        while d.next() {
            while d.next_block(0) {
                // Blocks of other subdirectives may use the same words.
                if d.nesting() != 1 {
                    continue;
                }
                match d.val() {
                    "uri" => auth.take_uri(d)?,
                    "copy_headers" => auth.take_copied(d)?,
                    _ => {}
                }
            }
        }
        d.reset();
        Ok(auth)
    }

    fn take_uri(&mut self, d: &mut Dispenser) -> Result<()> {
        let uri = expect_arg(d)?;
        if !self.uri.is_empty() {
            return Err(d.err(format!("cannot re-declare uri: {uri}")).into());
        }
        self.uri = uri;
        d.delete_n(2);
        Ok(())
    }

    fn take_copied(&mut self, d: &mut Dispenser) -> Result<()> {
        let mut fields = d.remaining_args();
        let nesting = d.nesting();
        let mut braces = 0;
        while d.next_block(nesting) {
            fields.push(d.val().to_owned());
            braces = 2;
        }
        d.delete_n(1 + fields.len() + braces);
        for field in &fields {
            let mut names = field.split('>');
            let from = names.next().unwrap_or_default();
            let to = names.next().unwrap_or(from);
            self.copied.insert(from.to_owned(), to.to_owned());
        }
        if self.copied.is_empty() { Err(d.arg_err().into()) } else { Ok(()) }
    }
}

/// What is done when the request may go on.
fn when_good(copied: &BTreeMap<String, String>) -> ResponseHandler {
    // An entry without routes would be passed over.
    let mut routes = vec![route(None, Handler::Vars(BTreeMap::new()))];
    for (from, to) in copied {
        let to = canonical_field(to);
        let placeholder = format!("{{http.reverse_proxy.header.{}}}", canonical_field(from));
        let delete = HeaderOps { delete: vec![to.clone()], ..HeaderOps::default() };
        routes.push(request_route(None, delete));
        let unsent = BTreeMap::from([(placeholder.clone(), vec![String::new()])]);
        let unsent = MatcherSet { vars: Some(unsent), ..MatcherSet::default() };
        let sent = MatcherSet { not: Some(vec![unsent]), ..MatcherSet::default() };
        let set = BTreeMap::from([(to, vec![placeholder])]);
        routes.push(request_route(Some(sent), HeaderOps { set, ..HeaderOps::default() }));
    }
    let matcher = ResponseMatcher { status_code: vec![2], ..ResponseMatcher::default() };
    ResponseHandler { matcher: Some(matcher), status_code: None, routes }
}

fn request_route(matcher: Option<MatcherSet>, ops: HeaderOps) -> Route {
    route(matcher, Handler::Headers(Headers { request: Some(ops), response: None }))
}
