//! `static_response` and `error`: fixed answers.

use super::weak_string::WeakString;
use crate::config::is_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `static_response`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StaticResponse {
    /// The status; 200 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<WeakString>,
    /// The headers.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body.
    #[serde(skip_serializing_if = "is_default")]
    pub body: String,
    /// Whether the connection is closed after it.
    #[serde(skip_serializing_if = "is_default")]
    pub close: bool,
    /// Whether the connection is dropped instead.
    #[serde(skip_serializing_if = "is_default")]
    pub abort: bool,
}

/// `error`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StaticError {
    /// The message.
    #[serde(skip_serializing_if = "is_default")]
    pub error: String,
    /// The status; 500 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<WeakString>,
}
