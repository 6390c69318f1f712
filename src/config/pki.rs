//! The `pki` app: certificate authorities of our own.

use super::is_default;
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
    /// Whether its root goes into the system's trust store; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_trust: Option<bool>,
}
