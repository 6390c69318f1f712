//! Request matchers.

use super::is_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Matchers that must all match. Fields in alphabetical order, as Caddy prints them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MatcherSet {
    /// A file exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// Header fields and their values; `null` means absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<BTreeMap<String, Option<Vec<String>>>>,
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
}

/// The `file` matcher.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// Where; `{http.vars.root}` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub root: String,
    /// Which; the request's path when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub try_files: Vec<String>,
    /// How one is chosen.
    #[serde(skip_serializing_if = "is_default")]
    pub try_policy: String,
    /// Where a path is cut into file and remainder.
    #[serde(skip_serializing_if = "is_default")]
    pub split_path: Vec<String>,
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
