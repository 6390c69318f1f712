//! What a directive knows beside its own tokens, and what it yields.

use super::Warning;
use super::error::{Error, Result};
use super::options::TlsOptions;
use super::tls::{CertificateTags, TlsSettings};
use crate::config::http::Route;
use crate::config::logging::Log;
use crate::config::matchers::MatcherSet;
use caddyfile_parser::{Dispenser, Loader, Token};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Matcher sets by the names that sites give them, with their `@`.
pub(super) type Matchers = BTreeMap<String, MatcherSet>;

/// What all directives of one adaptation share.
pub(super) struct Shared<'a> {
    /// The directives that are handlers, in the order in which they run.
    pub(super) order: Vec<&'static str>,
    /// Names the groups of routes that exclude one another.
    pub(super) groups: Counter,
    /// Numbers the access logs that have no name.
    pub(super) logs: Counter,
    /// Numbers the uses of `php` and `php_server`.
    pub(super) php_servers: Counter,
    /// The named routes that are invoked by what is being read, and where that is.
    pub(super) invoked: RefCell<Invoked>,
    /// What the options say about certificates.
    pub(super) tls: &'a TlsOptions,
    /// The tags of certificates in files.
    pub(super) certificate_tags: CertificateTags,
    /// What looks odd in directives.
    pub(super) warnings: Warnings,
    /// Where files are.
    pub(super) loader: &'a dyn Loader,
}

/// The names of named routes, and the tokens that invoke them.
pub(super) type Invoked = BTreeMap<String, Token>;

/// What a directive knows beside its own tokens.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    /// What all directives share.
    pub(super) shared: &'a Shared<'a>,
    /// The matchers that may be named here.
    pub(super) matchers: Matchers,
    /// The files that the site's tokens come from, sorted.
    pub(super) files: &'a [String],
}

/// Counts from 0.
#[derive(Default)]
pub(super) struct Counter(Cell<u32>);

/// What looks odd, in the order in which directives are read.
#[derive(Default)]
pub(super) struct Warnings(RefCell<Vec<Warning>>);

/// What a directive yields.
#[derive(Clone)]
pub(super) enum Value {
    /// A route, which is put in order among those of its site.
    Route(Route),
    /// Routes that are put in order as one, and stay together.
    Routes(Vec<Route>),
    /// Routes that answer errors.
    ErrorRoutes(Vec<Route>),
    /// Where the site listens.
    Bind(Bind),
    /// A log of the site.
    Log(Box<NamedLog>),
    /// Where the site's certificates come from, and what its connections may use.
    Tls(Box<TlsSettings>),
    /// The name of an authority of our own that is used.
    Authority(String),
}

/// A value and the directive that it comes from.
#[derive(Clone)]
pub(super) struct Yield {
    /// The directive's name; `handle` for `handle_path`, too.
    pub(super) directive: &'static str,
    /// What it yields.
    pub(super) value: Value,
}

/// Addresses and the protocols on them.
#[derive(Clone, Debug, Default)]
pub(super) struct Bind {
    /// Hosts, with a network in front when it is not TCP.
    pub(super) addresses: Vec<String>,
    /// As in `listen_protocols`; the server's when empty.
    pub(super) protocols: Vec<String>,
}

/// A log and the hosts whose requests go there.
#[derive(Clone, Debug, Default)]
pub(super) struct NamedLog {
    /// Its name; empty when nothing is configured.
    pub(super) name: String,
    /// Its settings; `None` when there are none.
    pub(super) log: Option<Log>,
    /// Hosts other than those of the site.
    pub(super) hostnames: Vec<String>,
    /// Whether no host's requests go there by themselves.
    pub(super) no_hostname: bool,
}

impl Counter {
    /// The number, which is one higher at each call.
    pub(super) fn next(&self) -> u32 {
        self.0.replace(self.0.get() + 1)
    }

    /// Starts again from 0.
    pub(super) fn reset(&self) {
        self.0.set(0);
    }

    /// The next name of a group.
    pub(super) fn next_group(&self) -> String {
        format!("group{}", self.next())
    }
}

impl Warnings {
    /// Adds one in Caddy's words; `logger` is the one under which Caddy prints it, empty for
    /// its main one.
    pub(super) fn push(&self, logger: &'static str, message: impl Into<String>) {
        let message = message.into();
        self.0.borrow_mut().push(Warning { message, place: None, fields: Vec::new(), logger });
    }

    /// All of them, which are forgotten.
    pub(super) fn take(&self) -> Vec<Warning> {
        self.0.take()
    }
}

impl Scope<'_> {
    /// Warns of a directive's old name.
    pub(super) fn warn_deprecated(&self, old: &str, new: &str) {
        let text = format!("the '{old}' directive is deprecated, please use '{new}' instead!");
        self.shared.warnings.push("config.adapter.caddyfile", text);
    }

    /// Reads the matcher token behind the directive's name, if there is one, and takes it
    /// out. The cursor stands before the directive's name then.
    ///
    /// `*` gives `None`, as does a directive without a matcher token.
    pub(super) fn take_matcher(&self, d: &mut Dispenser) -> Result<Option<MatcherSet>> {
        let mut set = None;
        if d.next_arg() {
            let found = self.matcher(d)?;
            if let Some(found) = found {
                d.delete();
                set = found;
            }
        }
        d.reset();
        Ok(set)
    }

    /// The outer option is `None` when the loaded token is no matcher token.
    fn matcher(&self, d: &Dispenser) -> Result<Option<Option<MatcherSet>>> {
        let text = d.val();
        if text == "*" {
            return Ok(Some(None));
        }
        if text.starts_with('/') {
            let path = Some(vec![text.to_owned()]);
            return Ok(Some(Some(MatcherSet { path, ..MatcherSet::default() })));
        }
        if !text.starts_with('@') {
            return Ok(None);
        }
        match self.matchers.get(text) {
            Some(set) => Ok(Some(Some(set.clone()))),
            None => Err(Error::blame(&d.token(), format!("unrecognized matcher name: {text}"))
                .suggest(self.matchers.keys().map(String::as_str))),
        }
    }
}
