//! What is done with answers before they go out, as `intercept` and `reverse_proxy` say it
//! in their blocks:
//!
//! ```caddyfile
//! @broken status 5xx
//! replace_status [@broken] 502
//! handle_response [@broken] {
//!     DIRECTIVE…
//! }
//! ```

use super::directives::parse_subroute;
use super::error::Result;
use super::response_matcher::{self, ResponseMatchers};
use super::scope::Scope;
use crate::config::handlers::{ResponseHandler, WeakString};
use caddyfile_parser::Dispenser;

/// The subdirectives that are read here.
pub(super) const SUBDIRECTIVES: [&str; 2] = ["handle_response", "replace_status"];

/// What one block says, as it is read.
#[derive(Default)]
pub(super) struct ResponseHandlers {
    matchers: ResponseMatchers,
    replaced: Vec<ResponseHandler>,
    /// The segments of `handle_response`, which may name matchers that come after them.
    handled: Vec<Dispenser>,
}

impl ResponseHandlers {
    /// Reads the line that `d` is on, if it is one of these; false when it is not.
    ///
    /// # Errors
    ///
    /// When it is wrong. What is wrong in a `handle_response` is found by
    /// [`ResponseHandlers::finish`].
    pub(super) fn read(&mut self, d: &mut Dispenser) -> Result<bool> {
        match d.val() {
            name if name.starts_with('@') => response_matcher::define(d, &mut self.matchers)?,
            "handle_response" => self.handled.push(d.new_from_next_segment()),
            "replace_status" => self.read_replace_status(d)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// All of them: those with a matcher first, `replace_status` before `handle_response`.
    ///
    /// # Errors
    ///
    /// When a `handle_response` is wrong.
    pub(super) fn finish(self, scope: &Scope<'_>) -> Result<Vec<ResponseHandler>> {
        let mut all = self.replaced;
        for mut d in self.handled {
            d.next();
            let matcher = match d.remaining_args().as_slice() {
                [] => None,
                [name] => Some(response_matcher::find(&d, name, &self.matchers)?),
                args => {
                    let text = format!(
                        "too many arguments for 'handle_response': only a single response \
                         matcher name is allowed, but got: [{}]",
                        args.join(" ")
                    );
                    return Err(d.err(text).into());
                }
            };
            let routes = parse_subroute(&mut d.new_from_next_segment(), scope)?.routes;
            all.push(ResponseHandler { matcher, routes, ..ResponseHandler::default() });
        }
        // A stable sort: the rest keeps its order.
        all.sort_by_key(|handler| handler.matcher.is_none());
        Ok(all)
    }

    fn read_replace_status(&mut self, d: &mut Dispenser) -> Result<()> {
        let (matcher, status) = match d.remaining_args().as_slice() {
            [status] => (None, status.clone()),
            [name, status] => {
                (Some(response_matcher::find(d, name, &self.matchers)?), status.clone())
            }
            _ => {
                let text = "must have one or two arguments: an optional response matcher, \
                            and a status code";
                return Err(d.err(text).into());
            }
        };
        if d.next_block(d.nesting()) {
            let text = "cannot define routes for 'replace_status', use 'handle_response' instead.";
            return Err(d.err(text).into());
        }
        // An empty word is no status.
        let status_code = Some(status).filter(|status| !status.is_empty()).map(WeakString);
        self.replaced.push(ResponseHandler { matcher, status_code, ..Default::default() });
        Ok(())
    }
}
