//! `push`: pushes resources over HTTP/2.

use super::headers::HeaderOps;
use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `push`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Push {
    /// What is pushed.
    #[serde(skip_serializing_if = "is_default")]
    pub resources: Vec<PushResource>,
    /// What is done to the header fields of the requests that are made up for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<HeaderOps>,
}

/// A resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushResource {
    /// The method; `GET` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub method: String,
    /// The path or URI.
    #[serde(skip_serializing_if = "is_default")]
    pub target: String,
}
