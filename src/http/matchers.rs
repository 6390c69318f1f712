//! Request matchers: a file per matcher, in the words of the Caddyfile.
//!
//! A set matches when all of its matchers do; a route, when any of its sets does. They
//! run from the cheapest to the one that asks the disk, and only that one leaves
//! something behind (`http.matchers.file.*`).

pub(crate) mod file;
mod header;
mod host;
mod method;
mod not;
mod path;

use super::exchange::{Exchange, Failure};
use super::server::ProvisionError;
use crate::config::matchers::MatcherSet as Config;

pub(super) use header::matches_value;
pub(crate) use path::Path;

/// Matchers that must all match.
#[derive(Debug)]
pub(crate) struct MatcherSet(Vec<Matcher>);

#[derive(Debug)]
enum Matcher {
    Method(method::Method),
    Host(host::Host),
    Path(Path),
    Header(header::Header),
    Not(not::Not),
    File(file::File),
}

impl MatcherSet {
    /// Compiles a set.
    pub(crate) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let mut matchers = Vec::new();
        matchers.extend(config.method.as_ref().map(|m| Matcher::Method(method::Method::new(m))));
        matchers.extend(config.host.as_ref().map(|h| Matcher::Host(host::Host::new(h))));
        matchers.extend(config.path.as_ref().map(|p| Matcher::Path(Path::new(p))));
        matchers.extend(config.header.as_ref().map(|h| Matcher::Header(header::Header::new(h))));
        if let Some(sets) = &config.not {
            matchers.push(Matcher::Not(not::Not::provision(sets)?));
        }
        if let Some(file) = &config.file {
            matchers.push(Matcher::File(file::File::provision(file)?));
        }
        Ok(Self(matchers))
    }

    /// Whether the request matches.
    ///
    /// # Errors
    /// When a matcher ends the request, as `=404` of `file`.
    pub(crate) fn matches(&self, ex: &mut Exchange<'_>) -> Result<bool, Failure> {
        for matcher in &self.0 {
            let matched = match matcher {
                Matcher::Method(m) => m.matches(ex),
                Matcher::Host(m) => m.matches(ex),
                Matcher::Path(m) => m.matches(ex),
                Matcher::Header(m) => m.matches(ex),
                Matcher::Not(m) => m.matches(ex)?,
                Matcher::File(m) => m.matches(ex)?,
            };
            if !matched {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Compiles sets.
pub(super) fn provision(sets: &[Config]) -> Result<Vec<MatcherSet>, ProvisionError> {
    let compile = |(index, set)| {
        MatcherSet::provision(set).map_err(|error| error.within(&format!("match[{index}]")))
    };
    sets.iter().enumerate().map(compile).collect()
}

/// Whether any set matches, or there is none.
pub(super) fn any(sets: &[MatcherSet], ex: &mut Exchange<'_>) -> Result<bool, Failure> {
    for set in sets {
        if set.matches(ex)? {
            return Ok(true);
        }
    }
    Ok(sets.is_empty())
}
