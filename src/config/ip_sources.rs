//! Where lists of IP ranges come from.

use super::is_default;
use super::module::slot;
use serde::{Deserialize, Serialize};

/// Where a list of IP ranges comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum IpSource {
    /// It stands here.
    Static(StaticRanges),
}

slot!(IpSource, "http.ip_sources", "source");

/// IP ranges that stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StaticRanges {
    /// Addresses, and networks as `10.0.0.0/8`.
    #[serde(skip_serializing_if = "is_default")]
    pub ranges: Vec<String>,
}
