//! How certificates are had for names.

use super::issuers::Issuer;
use super::managers::Manager;
use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::module::slot;
use crate::config::storage::Storage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How certificates are had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Automation {
    /// By name; the first that fits.
    #[serde(skip_serializing_if = "is_default")]
    pub policies: Vec<AutomationPolicy>,
    /// Who allows a certificate that is had at the first handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_demand: Option<OnDemand>,
    /// How often OCSP staples are looked after; hourly when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub ocsp_interval: Duration,
    /// How often certificates are looked after; each 10 minutes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub renew_interval: Duration,
    /// How often old certificates are removed from the storage; daily when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub storage_clean_interval: Duration,
}

/// How some names' certificates are had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutomationPolicy {
    /// Which names; all when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub subjects: Vec<String>,
    /// From whom, in this order.
    #[serde(skip_serializing_if = "is_default")]
    pub issuers: Vec<Issuer>,
    /// Who has certificates ready, and is asked at the handshake.
    #[serde(skip_serializing_if = "is_default")]
    pub get_certificate: Vec<Manager>,
    /// Whether certificates say that a staple must come with them.
    #[serde(skip_serializing_if = "is_default")]
    pub must_staple: bool,
    /// The part of a certificate's lifetime that is left when it is renewed; a third when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub renewal_window_ratio: f64,
    /// `ed25519`, `p256`, `p384`, `rsa2048` or `rsa4096`; `p256` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub key_type: String,
    /// Where certificates are kept, when that is a place of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Whether certificates are had at the first handshake.
    #[serde(skip_serializing_if = "is_default")]
    pub on_demand: bool,
    /// Whether a renewed certificate has the old key.
    #[serde(skip_serializing_if = "is_default")]
    pub reuse_private_keys: bool,
    /// Whether certificates go without OCSP staples.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_ocsp_stapling: bool,
    /// OCSP responders and who is asked instead.
    #[serde(skip_serializing_if = "is_default")]
    pub ocsp_overrides: BTreeMap<String, String>,
}

/// Who allows a certificate that is had at the first handshake.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnDemand {
    /// A URL that is asked; the old form of a permission over HTTP.
    #[serde(skip_serializing_if = "is_default")]
    pub ask: String,
    /// Who is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<Permission>,
}

/// Who allows a certificate, named by the field `module`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Permission {
    /// An HTTP server.
    Http(HttpPermission),
}

slot!(Permission, "tls.permission", "module");

/// `http`: an HTTP server that allows a name by a status of 2xx.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpPermission {
    /// Its URL, to which `domain=NAME` is added.
    pub endpoint: String,
}
