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
        refuse_missing(config)?;
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

/// Refuses matchers that do nothing yet: a set without one of its matchers would match
/// more than somebody asked for.
fn refuse_missing(config: &Config) -> Result<(), ProvisionError> {
    let Config {
        client_ip,
        expression,
        file: _,
        header: _,
        header_regexp,
        host: _,
        method: _,
        not: _,
        path: _,
        path_regexp,
        protocol,
        query,
        remote_ip,
        tls,
        url_pattern,
        vars,
        vars_regexp,
    } = config;
    let missing = [
        ("client_ip", client_ip.is_some()),
        ("expression", expression.is_some()),
        ("header_regexp", header_regexp.is_some()),
        ("path_regexp", path_regexp.is_some()),
        ("protocol", protocol.is_some()),
        ("query", query.is_some()),
        ("remote_ip", remote_ip.is_some()),
        ("tls", tls.is_some()),
        ("url_pattern", url_pattern.is_some()),
        ("vars", vars.is_some()),
        ("vars_regexp", vars_regexp.is_some()),
    ];
    match missing.into_iter().find(|(_, is_there)| *is_there) {
        None => Ok(()),
        Some((name, _)) => {
            let text = format!("the matcher {name} is not supported yet");
            Err(ProvisionError::Invalid(text).within(name))
        }
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
            r#"{"path":["/"],"protocol":"https"}"#,
            "protocol: the matcher protocol is not supported yet",
        );
        check(r#"{"not":[{"vars":{}}]}"#, "match[0].vars: the matcher vars is not supported yet");
        check(
            r#"{"file":{"fs":"embedded"}}"#,
            "file.fs: the file system \"embedded\" is not supported yet",
        );
    }
}
