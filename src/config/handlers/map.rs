//! `map`: sets placeholders by a table.

use crate::config::is_default;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `map`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Map {
    /// What is looked up; placeholders make sense of it.
    #[serde(skip_serializing_if = "is_default")]
    pub source: String,
    /// The placeholders that are set.
    #[serde(skip_serializing_if = "is_default")]
    pub destinations: Vec<String>,
    /// The table; the first row that fits counts.
    #[serde(skip_serializing_if = "is_default")]
    pub mappings: Vec<Mapping>,
    /// What the placeholders are when no row fits.
    #[serde(skip_serializing_if = "is_default")]
    pub defaults: Vec<String>,
}

/// A row of the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// What the source must be,
    #[serde(skip_serializing_if = "is_default")]
    pub input: String,
    /// or the expression that it must match.
    #[serde(skip_serializing_if = "is_default")]
    pub input_regexp: String,
    /// A value of any type for each destination; `null` gives its default.
    #[serde(skip_serializing_if = "is_default")]
    pub outputs: Vec<Value>,
}
