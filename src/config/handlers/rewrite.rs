//! `rewrite`: changes the request line.

use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `rewrite`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rewrite {
    /// The new method.
    #[serde(skip_serializing_if = "is_default")]
    pub method: String,
    /// The new URI.
    #[serde(skip_serializing_if = "is_default")]
    pub uri: String,
    /// What the path loses in front.
    #[serde(skip_serializing_if = "is_default")]
    pub strip_path_prefix: String,
    /// What the path loses behind.
    #[serde(skip_serializing_if = "is_default")]
    pub strip_path_suffix: String,
    /// Texts that are replaced in the URI.
    #[serde(skip_serializing_if = "is_default")]
    pub uri_substring: Vec<SubstringReplacement>,
    /// Expressions that are replaced in the path.
    #[serde(skip_serializing_if = "is_default")]
    pub path_regexp: Vec<RegexpReplacement>,
    /// What is done to the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryOps>,
}

/// One text and what it becomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubstringReplacement {
    /// This text
    #[serde(skip_serializing_if = "is_default")]
    pub find: String,
    /// becomes this,
    #[serde(skip_serializing_if = "is_default")]
    pub replace: String,
    /// at most so many times; always when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub limit: i64,
}

/// One expression and what it becomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegexpReplacement {
    /// What this expression finds
    #[serde(skip_serializing_if = "is_default")]
    pub find: String,
    /// becomes this.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: String,
}

/// What is done to a query, in the order in which it is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryOps {
    /// Keys and their new names.
    #[serde(skip_serializing_if = "is_default")]
    pub rename: Vec<QueryArgument>,
    /// Keys and their only values.
    #[serde(skip_serializing_if = "is_default")]
    pub set: Vec<QueryArgument>,
    /// Keys and one more value.
    #[serde(skip_serializing_if = "is_default")]
    pub add: Vec<QueryArgument>,
    /// Changes in place.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: Vec<QueryReplacement>,
    /// Keys that are removed.
    #[serde(skip_serializing_if = "is_default")]
    pub delete: Vec<String>,
}

/// A key of a query and what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryArgument {
    /// The key.
    #[serde(skip_serializing_if = "is_default")]
    pub key: String,
    /// The value, or the new key.
    #[serde(skip_serializing_if = "is_default")]
    pub val: String,
}

/// One replacement in a query's values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryReplacement {
    /// In the values of this key, `*` is all,
    #[serde(skip_serializing_if = "is_default")]
    pub key: String,
    /// this text,
    #[serde(skip_serializing_if = "is_default")]
    pub search: String,
    /// or what this expression finds,
    #[serde(skip_serializing_if = "is_default")]
    pub search_regexp: String,
    /// becomes this.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: String,
}
