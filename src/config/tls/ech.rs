//! Encrypted Client Hello: names that hide those that clients ask for.

use super::dns::DnsProvider;
use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// Names that hide those that clients ask for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncryptedClientHello {
    /// The names.
    #[serde(skip_serializing_if = "is_default")]
    pub configs: Vec<EchConfig>,
    /// Who tells clients.
    #[serde(skip_serializing_if = "is_default")]
    pub publication: Vec<EchPublication>,
}

/// One name that hides others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EchConfig {
    /// It is seen in the handshake, and a certificate is had for it.
    pub public_name: String,
}

/// Who tells clients of some names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EchPublication {
    /// Which of the names; all when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub configs: Vec<String>,
    /// The names that they hide; all of the server when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub domains: Vec<String>,
    /// Who tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publishers: Option<EchPublishers>,
}

/// Who tells clients: the modules `tls.ech.publishers.*`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "tls.ech.publishers.*", deny_unknown_fields, default)]
pub struct EchPublishers {
    /// Records of DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsPublisher>,
}

/// `dns`: records of DNS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsPublisher {
    /// Who writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<DnsProvider>,
}
