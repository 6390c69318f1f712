//! `handle_response` and `replace_status`: what is done with answers.

use super::super::parse_subroute;
use crate::adapter::error::{Error, Result};
use crate::adapter::response_matcher;
use crate::adapter::scope::Scope;
use crate::config::handlers::reverse_proxy::ResponseHandler;
use crate::config::handlers::{ResponseMatcher, WeakString};
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// The response matchers of a block, and the handlers that wait until all are known.
#[derive(Default)]
pub(super) struct Responses {
    matchers: BTreeMap<String, ResponseMatcher>,
    waiting: Vec<Dispenser>,
}

impl Responses {
    /// Reads the definition that is loaded, `@NAME RESPONSE_MATCHER`.
    pub(super) fn define(&mut self, d: &mut Dispenser) -> Result<()> {
        let name = d.token();
        if self.matchers.contains_key(&name.text) {
            let text = format!("matcher is defined more than once: {}", name.text);
            return Err(d.err(text).into());
        }
        let matcher = response_matcher::parse(d)?;
        self.matchers.insert(name.text, matcher);
        Ok(())
    }

    /// Puts off the `handle_response` that is loaded until all matchers are known.
    pub(super) fn put_off(&mut self, d: &mut Dispenser) {
        self.waiting.push(d.new_from_next_segment());
    }

    /// Reads `replace_status [@NAME] STATUS`, which is loaded.
    pub(super) fn replace_status(&self, d: &mut Dispenser) -> Result<ResponseHandler> {
        let args = d.remaining_args();
        let (matcher, status) = match args.as_slice() {
            [status] => (None, status),
            [name, status] => (Some(self.named(d, name)?), status),
            _ => {
                let text = "must have one or two arguments: an optional response matcher, and a \
                            status code";
                return Err(d.err(text).into());
            }
        };
        let nesting = d.nesting();
        if d.next_block(nesting) {
            let text = "cannot define routes for 'replace_status', use 'handle_response' instead.";
            return Err(d.err(text).into());
        }
        let status_code = Some(WeakString(status.clone())).filter(|status| !status.0.is_empty());
        Ok(ResponseHandler { matcher, status_code, routes: Vec::new() })
    }

    /// Reads what was put off, in the order in which it was written.
    pub(super) fn handlers(self, scope: &Scope<'_>) -> Result<Vec<ResponseHandler>> {
        let handlers = self.waiting.iter().map(|d| self.handler(d.clone(), scope));
        handlers.collect()
    }

    fn handler(&self, mut d: Dispenser, scope: &Scope<'_>) -> Result<ResponseHandler> {
        d.next();
        let args = d.remaining_args();
        let matcher = match args.as_slice() {
            [] => None,
            [name] => Some(self.named(&d, name)?),
            _ => {
                let text = format!(
                    "too many arguments for 'handle_response': only a single response matcher \
                     name is allowed, but got: [{}]",
                    args.join(" ")
                );
                return Err(d.err(text).into());
            }
        };
        let subroute = parse_subroute(&mut d.new_from_next_segment(), scope)?;
        Ok(ResponseHandler { matcher, status_code: None, routes: subroute.routes })
    }

    fn named(&self, d: &Dispenser, name: &str) -> Result<ResponseMatcher> {
        if !name.starts_with('@') {
            return Err(d.err("must use a named response matcher, starting with '@'").into());
        }
        self.matchers.get(name).cloned().ok_or_else(|| {
            let bare = &name[1..];
            let text = format!("no named response matcher defined with name '{bare}'");
            Error::from(d.err(text)).suggest(self.matchers.keys().map(String::as_str))
        })
    }
}
