//! The proxies that connections to other servers go through.

use super::module::{NoFields, slot};
use serde::{Deserialize, Serialize};

/// A proxy that connections go through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum NetworkProxy {
    /// None.
    None(NoFields),
    /// That at a URL.
    Url(UrlProxy),
}

slot!(NetworkProxy, "caddy.network_proxy", "from");

/// A proxy at a URL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UrlProxy {
    /// The URL, `http`, `https` or `socks5`; may hold placeholders.
    pub url: String,
}
