//! What a field of a log's entry becomes before it is written.

use crate::config::is_default;
use crate::config::module::{NoFields, slot};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a field becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum FieldFilter {
    /// Cookies in it are changed.
    Cookie(Cookies),
    /// It is left out.
    Delete(NoFields),
    /// The first four bytes of its SHA-256 hash.
    Hash(NoFields),
    /// The networks of the IP addresses in it.
    IpMask(IpMask),
    /// Some expressions are replaced, one after the other.
    MultiRegexp(MultiRegexp),
    /// Parameters of the query in it are changed.
    Query(Query),
    /// What an expression finds is replaced.
    Regexp(Regexp),
    /// It gets another name.
    Rename(Rename),
    /// It gets another value.
    Replace(Replace),
    /// Cookies that an answer sets are changed.
    SetCookie(Cookies),
}

slot!(FieldFilter, "caddy.logging.encoders.filter", "filter");

/// What happens to the cookies of a field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cookies {
    /// The first one that fits a cookie.
    pub actions: List<CookieAction>,
}

/// What happens to one cookie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CookieAction {
    /// What happens.
    #[serde(rename = "type")]
    pub kind: Action,
    /// The cookie.
    #[serde(default)]
    pub name: String,
    /// Its new value.
    #[serde(default, skip_serializing_if = "is_default")]
    pub value: String,
}

/// What happens to the parameters of a query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// One after the other.
    pub actions: List<QueryAction>,
}

/// What happens to one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryAction {
    /// What happens.
    #[serde(rename = "type")]
    pub kind: Action,
    /// The parameter.
    #[serde(default)]
    pub parameter: String,
    /// Its new value.
    #[serde(default, skip_serializing_if = "is_default")]
    pub value: String,
}

/// What happens to a cookie or a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It gets another value.
    Replace,
    /// It becomes the first four bytes of its SHA-256 hash.
    Hash,
    /// It is left out.
    Delete,
}

/// How much of an IP address is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IpMask {
    /// So many bits of an IPv4 address, from 0 to 32.
    #[serde(skip_serializing_if = "is_default")]
    pub ipv4_cidr: i64,
    /// So many of an IPv6 address, from 0 to 128.
    #[serde(skip_serializing_if = "is_default")]
    pub ipv6_cidr: i64,
}

/// Some expressions, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultiRegexp {
    /// At most [`OPERATIONS_MAX`].
    pub operations: List<Regexp>,
}

/// How many expressions there may be for one field; Caddy's bound.
pub const OPERATIONS_MAX: usize = 50;

/// How many bytes an expression may have when there are several; Caddy's bound.
pub const EXPRESSION_MAX: usize = 1000;

/// An expression, and what replaces what it finds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Regexp {
    /// The expression.
    #[serde(skip_serializing_if = "is_default")]
    pub regexp: String,
    /// The replacement; `$1` is what the first group found.
    #[serde(skip_serializing_if = "is_default")]
    pub value: String,
}

/// Another name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rename {
    /// The name.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
}

/// Another value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Replace {
    /// The value.
    #[serde(skip_serializing_if = "is_default")]
    pub value: String,
}

/// A list that is written even when it has nothing: as `null` then, as Go does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() { s.serialize_none() } else { self.0.serialize(s) }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(d)?.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str) {
        let filter: FieldFilter = serde_json::from_str(json).expect("the case is a filter");
        assert_eq!(serde_json::to_string(&filter).expect("filters can be written"), json);
    }

    #[test]
    fn filters_come_out_as_they_went_in() {
        check(r#"{"actions":[{"name":"a","type":"hash"}],"filter":"set_cookie"}"#);
        check(r#"{"actions":[{"parameter":"a","type":"replace","value":"b"}],"filter":"query"}"#);
        check(r#"{"filter":"multi_regexp","operations":[{"regexp":"a"}]}"#);
        check(r#"{"filter":"ip_mask","ipv4_cidr":24}"#);
    }

    #[test]
    fn a_list_without_anything_is_null() {
        check(r#"{"actions":null,"filter":"cookie"}"#);
    }

    #[test]
    fn an_unknown_action_is_refused() {
        let json = r#"{"actions":[{"name":"a","type":"eat"}],"filter":"cookie"}"#;
        assert!(serde_json::from_str::<FieldFilter>(json).is_err());
    }
}
