//! `path_regexp name ^/v(\d+)/`: an expression finds something in the request's path,
//! cleaned and without escapes.

use crate::config::matchers::Regexp as Config;
use crate::http::exchange::Exchange;
use crate::http::regexp::Regexp;
use crate::http::server::ProvisionError;
use crate::http::uri;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct PathRegexp(Regexp);

impl PathRegexp {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        Regexp::provision(config).map(Self)
    }

    pub(super) fn matches(&self, ex: &mut Exchange<'_>) -> bool {
        let found = self.0.find(&uri::clean_request_path(&ex.target.path, true));
        ex.keep(found)
    }
}
