//! The `pki` app: certificate authorities of our own.

use super::duration::Duration;
use super::is_default;
use super::storage::Storage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `pki` app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pki {
    /// The authorities by name; `local` is the one that certificates come from.
    #[serde(skip_serializing_if = "is_default")]
    pub certificate_authorities: BTreeMap<String, CertificateAuthority>,
}

/// One authority.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateAuthority {
    /// Its name for people; `Caddy Local Authority` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// Its root's name.
    #[serde(skip_serializing_if = "is_default")]
    pub root_common_name: String,
    /// Its intermediate certificate's name.
    #[serde(skip_serializing_if = "is_default")]
    pub intermediate_common_name: String,
    /// How long an intermediate certificate is valid; 7 days when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub intermediate_lifetime: Duration,
    /// Whether its root goes into the system's trust store; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_trust: Option<bool>,
    /// Its root when it was made elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<KeyPair>,
    /// Its intermediate certificate when it was made elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intermediate: Option<KeyPair>,
    /// How often its certificates are looked after; each 10 minutes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub maintenance_interval: Duration,
    /// The part of an intermediate certificate's lifetime that is left when it is renewed; a
    /// fifth when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub renewal_window_ratio: f64,
    /// Where it is kept; the whole configuration's storage when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}

/// A certificate and its key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyPair {
    /// The file of the certificate.
    #[serde(skip_serializing_if = "is_default")]
    pub certificate: String,
    /// The file of the key.
    #[serde(skip_serializing_if = "is_default")]
    pub private_key: String,
    /// Their format; `pem_file` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub format: String,
}
