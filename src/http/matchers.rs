//! Request matchers: a file per matcher, in the words of the Caddyfile.
//!
//! A set matches when all of its matchers do; a route, when any of its sets does. They
//! run from the cheapest to the one that asks the disk. That one leaves something behind
//! (`http.matchers.file.*`), and so do regular expressions (`http.regexp.*`).

mod client_ip;
pub mod expression;
pub(crate) mod file;
mod header;
mod header_regexp;
mod host;
mod method;
mod not;
mod path;
mod path_regexp;
mod protocol;
mod query;
mod remote_ip;
mod tls;
pub(crate) mod url_pattern;
mod vars;
mod vars_regexp;

use super::exchange::{Exchange, Failure};
use super::server::ProvisionError;
use crate::config::matchers::MatcherSet as Config;

pub(super) use header::matches_value;
pub(crate) use path::Path;

/// A name without which a set of matchers cannot match, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'m> {
    /// The host.
    Host(&'m [u8]),
    /// The whole path, clean.
    Path(&'m [u8]),
    /// The first part of a longer path, with both of its slashes.
    Folder(&'m [u8]),
}

/// Matchers that must all match.
#[derive(Debug)]
pub(crate) struct MatcherSet(Vec<Matcher>);

#[derive(Debug)]
enum Matcher {
    Protocol(protocol::Protocol),
    Tls(tls::Tls),
    Method(method::Method),
    RemoteIp(remote_ip::RemoteIp),
    ClientIp(client_ip::ClientIp),
    Host(host::Host),
    Path(Path),
    Query(query::Query),
    Header(header::Header),
    Vars(vars::Vars),
    PathRegexp(path_regexp::PathRegexp),
    HeaderRegexp(header_regexp::HeaderRegexp),
    VarsRegexp(vars_regexp::VarsRegexp),
    UrlPattern(Box<url_pattern::UrlPattern>),
    Expression(expression::Expression),
    Not(not::Not),
    File(Box<file::File>),
}

impl MatcherSet {
    /// Compiles a set.
    pub(crate) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let Config {
            client_ip,
            expression,
            file,
            header,
            header_regexp,
            host,
            method,
            not,
            path,
            path_regexp,
            protocol,
            query,
            remote_ip,
            tls,
            url_pattern,
            vars,
            vars_regexp,
        } = config;
        let mut all: Vec<Matcher> = Vec::new();
        all.extend(protocol.as_ref().map(|m| Matcher::Protocol(protocol::Protocol::new(m))));
        all.extend(tls.as_ref().map(|m| Matcher::Tls(tls::Tls::new(m))));
        all.extend(method.as_ref().map(|m| Matcher::Method(method::Method::new(m))));
        all.extend(within(
            "remote_ip",
            remote_ip,
            remote_ip::RemoteIp::provision,
            Matcher::RemoteIp,
        )?);
        all.extend(within(
            "client_ip",
            client_ip,
            client_ip::ClientIp::provision,
            Matcher::ClientIp,
        )?);
        all.extend(host.as_ref().map(|m| Matcher::Host(host::Host::new(m))));
        all.extend(path.as_ref().map(|m| Matcher::Path(Path::new(m))));
        all.extend(query.as_ref().map(|m| Matcher::Query(query::Query::new(m))));
        all.extend(header.as_ref().map(|m| Matcher::Header(header::Header::new(m))));
        all.extend(vars.as_ref().map(|m| Matcher::Vars(vars::Vars::new(m))));
        let new = path_regexp::PathRegexp::provision;
        all.extend(within("path_regexp", path_regexp, new, Matcher::PathRegexp)?);
        let new = header_regexp::HeaderRegexp::provision;
        all.extend(within("header_regexp", header_regexp, new, Matcher::HeaderRegexp)?);
        let new = vars_regexp::VarsRegexp::provision;
        all.extend(within("vars_regexp", vars_regexp, new, Matcher::VarsRegexp)?);
        let new = url_pattern::UrlPattern::provision;
        let wrap = |pattern| Matcher::UrlPattern(Box::new(pattern));
        all.extend(within("url_pattern", url_pattern, new, wrap)?);
        let new = expression::Expression::provision;
        all.extend(within("expression", expression, new, Matcher::Expression)?);
        all.extend(
            not.as_ref().map(|sets| not::Not::provision(sets)).transpose()?.map(Matcher::Not),
        );
        let file = file.as_ref().map(file::File::provision).transpose()?;
        all.extend(file.map(|m| Matcher::File(Box::new(m))));
        Ok(Self(all))
    }

    /// Names of which a request must have one to match; none when there are no such names.
    /// Matchers that leave something behind, or may end the request, run after the one that
    /// names them: nothing is lost when none of the set is asked.
    pub(super) fn keys(&self) -> Option<Vec<Key<'_>>> {
        self.0.iter().find_map(|matcher| match matcher {
            Matcher::Host(m) => m.keys(),
            Matcher::Path(m) => m.keys(),
            _ => None,
        })
    }

    /// Whether the request matches.
    ///
    /// # Errors
    /// When a matcher ends the request, as `=404` of `file`.
    pub(crate) fn matches(&self, ex: &mut Exchange<'_>) -> Result<bool, Failure> {
        for matcher in &self.0 {
            let matched = match matcher {
                Matcher::Protocol(m) => m.matches(ex),
                Matcher::Tls(m) => m.matches(ex),
                Matcher::Method(m) => m.matches(ex),
                Matcher::RemoteIp(m) => m.matches(ex),
                Matcher::ClientIp(m) => m.matches(ex),
                Matcher::Host(m) => m.matches(ex),
                Matcher::Path(m) => m.matches(ex),
                Matcher::Query(m) => m.matches(ex),
                Matcher::Header(m) => m.matches(ex),
                Matcher::Vars(m) => m.matches(ex),
                Matcher::PathRegexp(m) => m.matches(ex),
                Matcher::HeaderRegexp(m) => m.matches(ex),
                Matcher::VarsRegexp(m) => m.matches(ex),
                Matcher::UrlPattern(m) => m.matches(ex),
                Matcher::Expression(m) => m.matches(ex)?,
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

/// Compiles a matcher that may be there and may be wrong.
fn within<C, M>(
    name: &str,
    config: &Option<C>,
    provision: impl FnOnce(&C) -> Result<M, ProvisionError>,
    wrap: impl FnOnce(M) -> Matcher,
) -> Result<Option<Matcher>, ProvisionError> {
    let compiled = config.as_ref().map(provision).transpose();
    Ok(compiled.map_err(|error| error.within(name))?.map(wrap))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_that_does_nothing_yet_is_refused() {
        let check = |json: &str, expected: &str| {
            let set = serde_json::from_str(json).expect("the case is a matcher set");
            let error = MatcherSet::provision(&set).expect_err("the case is refused");
            assert_eq!(error.to_string(), expected);
        };
        check(
            r#"{"not":[{"file":{"fs":"embedded"}}]}"#,
            "match[0].file.fs: the file system \"embedded\" is not supported yet",
        );
    }
}
