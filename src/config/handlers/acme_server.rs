//! `acme_server`: an authority of our own, which others may ask by ACME.

use crate::config::duration::Duration;
use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `acme_server`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcmeServer {
    /// The authority's name in the `pki` app; `local` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub ca: String,
    /// How long certificates are valid; 12 hours when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub lifetime: Duration,
    /// The host in URLs; that of the request when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub host: String,
    /// The path before all others; `/acme/` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub path_prefix: String,
    /// Whether the root signs, and no intermediate certificate.
    #[serde(skip_serializing_if = "is_default")]
    pub sign_with_root: bool,
    /// DNS servers that are asked; the system's when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub resolvers: Vec<String>,
    /// Ways to prove control over a name: `http-01`, `dns-01`, `tls-alpn-01`; all when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub challenges: Vec<String>,
    /// For which names there are certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<AcmePolicy>,
}

/// For which names there are certificates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcmePolicy {
    /// For these; for all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<AcmeRules>,
    /// Never for these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<AcmeRules>,
    /// Whether `*` may be in a name.
    #[serde(skip_serializing_if = "is_default")]
    pub allow_wildcard_names: bool,
}

/// Some names and addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcmeRules {
    /// Names; `*` is one label.
    #[serde(skip_serializing_if = "is_default")]
    pub domains: Vec<String>,
    /// Networks, as `10.0.0.0/8`.
    #[serde(skip_serializing_if = "is_default")]
    pub ip_ranges: Vec<String>,
}
