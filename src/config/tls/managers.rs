//! Who has certificates ready, and is asked at the handshake.

use crate::config::is_default;
use crate::config::module::{NoFields, slot};
use serde::{Deserialize, Serialize};

/// Who has certificates ready, named by the field `via`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Manager {
    /// An HTTP server.
    Http(HttpManager),
    /// The machine's Tailscale.
    Tailscale(NoFields),
}

slot!(Manager, "tls.get_certificate", "via");

/// `http`: an HTTP server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpManager {
    /// Its URL, to which facts of the handshake are added.
    #[serde(skip_serializing_if = "is_default")]
    pub url: String,
}
