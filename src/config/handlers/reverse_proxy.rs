//! `reverse_proxy`: asks other servers.

use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `reverse_proxy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReverseProxy {
    /// The servers that may be asked.
    #[serde(skip_serializing_if = "is_default")]
    pub upstreams: Vec<Upstream>,
}

/// A server that may be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// Its address, `HOST:PORT`.
    #[serde(skip_serializing_if = "is_default")]
    pub dial: String,
}
