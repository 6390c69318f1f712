//! Request matchers.

mod expression;

pub use expression::Expression;

use super::is_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Matchers that must all match. Fields in alphabetical order, as Caddy prints them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "http.matchers.*", deny_unknown_fields, default)]
pub struct MatcherSet {
    /// The client's address lies in one of these ranges; proxies that are trusted tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<IpRanges>,
    /// An expression is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<Expression>,
    /// A file exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// Header fields and their values; `null` means absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<BTreeMap<String, Option<Vec<String>>>>,
    /// Header fields and what is found in their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_regexp: Option<BTreeMap<String, Regexp>>,
    /// Hosts.
    #[serde(with = "list", skip_serializing_if = "Option::is_none")]
    pub host: Option<Vec<String>>,
    /// Methods.
    #[serde(with = "list", skip_serializing_if = "Option::is_none")]
    pub method: Option<Vec<String>>,
    /// None of these sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Vec<MatcherSet>>,
    /// Paths.
    #[serde(with = "list", skip_serializing_if = "Option::is_none")]
    pub path: Option<Vec<String>>,
    /// What is found in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_regexp: Option<Regexp>,
    /// `http`, `https`, `grpc`, or a version as `http/2` or, with all above, `http/2+`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Keys of the query and their values; none at all means that there is no query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<BTreeMap<String, Vec<String>>>,
    /// The address of the connection's other end lies in one of these ranges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<IpRanges>,
    /// The request came over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The URL has a shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_pattern: Option<UrlPattern>,
    /// Variables or placeholders and their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vars: Option<BTreeMap<String, Vec<String>>>,
    /// Variables or placeholders and what is found in their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vars_regexp: Option<BTreeMap<String, Regexp>>,
}

/// The `client_ip` and the `remote_ip` matcher.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IpRanges {
    /// Addresses, or ranges as `10.0.0.0/8`; placeholders may stand for them.
    #[serde(skip_serializing_if = "is_default")]
    pub ranges: Vec<String>,
}

/// The `file` matcher.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The name of a file system; the disk when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub fs: String,
    /// Where; `{http.vars.root}` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub root: String,
    /// Which; the request's path when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub try_files: Vec<String>,
    /// How one is chosen: `first_exist` when empty, or `first_exist_fallback`,
    /// `smallest_size`, `largest_size`, `most_recently_modified`.
    #[serde(skip_serializing_if = "is_default")]
    pub try_policy: String,
    /// Where a path is cut into file and remainder.
    #[serde(skip_serializing_if = "is_default")]
    pub split_path: Vec<String>,
}

/// A regular expression. What it captures is `{http.regexp.NAME.GROUP}` then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Regexp {
    /// Its name in placeholders.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// The expression, in the syntax of Go (RE2).
    pub pattern: String,
}

/// The `tls` matcher.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Whether the handshake is over, or the request came as early data; any when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake_complete: Option<bool>,
}

/// The `url_pattern` matcher: a pattern of the URL Pattern standard of the WHATWG.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UrlPattern {
    /// The pattern, of a path or of a whole URL.
    #[serde(skip_serializing_if = "is_default")]
    pub pattern: String,
    /// What a pattern of a path is relative to.
    #[serde(skip_serializing_if = "is_default")]
    pub base_url: String,
    /// Whether upper and lower case are the same.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_case: bool,
}

/// Lists that are `null` when they are empty, as Go writes them. An empty list matches
/// nothing, and so must not be lost.
mod list {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field")]
    pub(super) fn serialize<S: Serializer>(
        list: &Option<Vec<String>>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        list.as_ref().filter(|list| !list.is_empty()).serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Vec<String>>, D::Error> {
        Option::<Vec<String>>::deserialize(d).map(|list| Some(list.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_round_trip(json: &str) {
        let set: MatcherSet = serde_json::from_str(json).expect("the case is a matcher set");
        assert_eq!(serde_json::to_string(&set).expect("it can be written"), json);
    }

    #[test]
    fn every_matcher_comes_back_as_it_was() {
        check_round_trip(r#"{"client_ip":{"ranges":["::1"]},"remote_ip":{}}"#);
        check_round_trip(r#"{"expression":"true"}"#);
        check_round_trip(r#"{"expression":{"expr":"true","name":"x"}}"#);
        check_round_trip(
            r#"{"file":{"fs":"a","root":"/","try_files":["b"],"try_policy":"first_exist"}}"#,
        );
        check_round_trip(r#"{"header":{"A":["1"],"B":null},"header_regexp":{"A":{"pattern":""}}}"#);
        check_round_trip(r#"{"host":["a"],"method":["GET"],"not":[{"path":["/a"]}]}"#);
        check_round_trip(r#"{"path_regexp":{"name":"x","pattern":"^/"},"protocol":"https"}"#);
        check_round_trip(r#"{"query":{},"tls":{"handshake_complete":false}}"#);
        check_round_trip(r#"{"url_pattern":{"pattern":"/:id","ignore_case":true}}"#);
        check_round_trip(r#"{"vars":{"a":["1"]},"vars_regexp":{"a":{"pattern":"b"}}}"#);
        check_round_trip(r#"{"host":null,"path":null}"#);
    }
}
