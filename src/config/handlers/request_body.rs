//! `request_body` and `timeouts`: bounds of bodies, in bytes and in time.

use crate::config::duration::Duration;
use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `request_body`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestBody {
    /// How many bytes may be read; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_size: i64,
    /// What the body becomes; placeholders may stand here. It stays when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub set: String,
}

/// `timeouts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// How long reading the body may take; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub read_timeout: Duration,
    /// Bytes per second that lengthen that time as they come; none when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub read_min_rate: i64,
    /// How long writing the answer may take; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub write_timeout: Duration,
    /// Bytes per second that lengthen that time as they go; none when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub write_min_rate: i64,
    /// How many bytes one write has at most.
    #[serde(skip_serializing_if = "is_default")]
    pub max_write_chunk: i64,
}
