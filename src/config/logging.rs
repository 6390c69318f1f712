//! Loggers.

use super::duration::Duration;
use super::is_default;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Loggers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logging {
    /// The logs by name.
    #[serde(skip_serializing_if = "is_default")]
    pub logs: BTreeMap<String, Log>,
}

/// One log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writer: Option<Value>,
    /// Its form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Value>,
    /// The least level.
    #[serde(skip_serializing_if = "is_default")]
    pub level: String,
    /// How much of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// Which loggers it takes.
    #[serde(skip_serializing_if = "is_default")]
    pub include: Vec<String>,
    /// Which it does not.
    #[serde(skip_serializing_if = "is_default")]
    pub exclude: Vec<String>,
}

/// How much of a log is kept when there is a lot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// In each span of this length, for each level and message,
    #[serde(skip_serializing_if = "is_default")]
    pub interval: Duration,
    /// so many entries are kept,
    #[serde(skip_serializing_if = "is_default")]
    pub first: i64,
    /// then each of this number.
    #[serde(skip_serializing_if = "is_default")]
    pub thereafter: i64,
}
