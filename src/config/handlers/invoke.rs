//! `invoke`.

use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `invoke`: runs a route of the server that has a name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Invoke {
    /// The name, a key of the server's `named_routes`.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
}
