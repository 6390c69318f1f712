//! Keys of session tickets.

use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::module::{NoFields, slot};
use crate::config::storage::Storage;
use serde::{Deserialize, Serialize};

/// Keys of session tickets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionTickets {
    /// Where they come from; `standard` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_source: Option<KeySource>,
    /// How often there is a new one; each 12 hours when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub rotation_interval: Duration,
    /// How many are kept; 4 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_keys: i64,
    /// Whether there is never a new one.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_rotation: bool,
    /// Whether there are no tickets.
    #[serde(skip_serializing_if = "is_default")]
    pub disabled: bool,
}

/// Where keys of tickets come from, named by the field `provider`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum KeySource {
    /// A storage, so that several servers have the same.
    Distributed(DistributedKeys),
    /// Chance.
    Standard(NoFields),
}

slot!(KeySource, "tls.stek", "provider");

/// `distributed`: a storage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DistributedKeys {
    /// The storage; the whole configuration's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}
