//! The proxies that connections to other servers go through.

use super::module::Slot;
use serde::{Deserialize, Serialize};

/// The slot of a proxy.
const SLOT: Slot = Slot { namespace: "caddy.network_proxy", key: "from" };

/// A proxy that connections go through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum NetworkProxy {
    /// None.
    None(NoProxy),
    /// That at a URL.
    Url(UrlProxy),
}

impl Serialize for NetworkProxy {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        SLOT.serialize(|external| Self::serialize(self, external), s)
    }
}

impl<'de> Deserialize<'de> for NetworkProxy {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        SLOT.deserialize(|external| Self::deserialize(external), d)
    }
}

/// No proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoProxy {}

/// A proxy at a URL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UrlProxy {
    /// The URL, `http`, `https` or `socks5`; may hold placeholders.
    pub url: String,
}
