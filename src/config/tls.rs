//! The `tls` app: where certificates come from; and what a connection may use.

pub mod ca_pool;

use super::is_default;
use super::module::slot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `tls` app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Names that certificates are had for although no route names them.
    #[serde(skip_serializing_if = "is_default")]
    pub certificates: BTreeMap<String, Vec<String>>,
    /// How certificates are had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automation: Option<Automation>,
}

/// How certificates are had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Automation {
    /// By name; the first that fits.
    #[serde(skip_serializing_if = "is_default")]
    pub policies: Vec<AutomationPolicy>,
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
}

/// Who signs certificates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Issuer {
    /// An authority that speaks ACME.
    Acme(Acme),
    /// An authority of our own.
    Internal(Internal),
}

slot!(Issuer, "tls.issuance", "module");

/// An authority that speaks ACME.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Acme {
    /// Its directory's URL; Let's Encrypt's when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub ca: String,
    /// The account's mail address.
    #[serde(skip_serializing_if = "is_default")]
    pub email: String,
    /// How control over a name is proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenges: Option<Challenges>,
}

/// How control over a name is proved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Challenges {
    /// Over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Challenge>,
    /// Over TLS.
    #[serde(rename = "tls-alpn", skip_serializing_if = "Option::is_none")]
    pub tls_alpn: Option<Challenge>,
    /// Where they are answered.
    #[serde(skip_serializing_if = "is_default")]
    pub bind_host: String,
}

/// One way to prove control over a name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Challenge {
    /// The port when it is not the usual one.
    #[serde(skip_serializing_if = "is_default")]
    pub alternate_port: u16,
}

/// An authority of our own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Internal {
    /// Its name; `local` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub ca: String,
}

/// What connections of a server may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionPolicy {
    /// The name that a client without one asks for.
    #[serde(skip_serializing_if = "is_default")]
    pub default_sni: String,
    /// The name whose certificate is shown for unknown ones.
    #[serde(skip_serializing_if = "is_default")]
    pub fallback_sni: String,
}
