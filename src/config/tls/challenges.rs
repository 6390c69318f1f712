//! How control over a name is proved.

use super::dns::DnsProvider;
use crate::config::duration::Duration;
use crate::config::is_default;
use serde::{Deserialize, Serialize};

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
    /// By DNS, and then by nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsChallenge>,
    /// Where they are answered.
    #[serde(skip_serializing_if = "is_default")]
    pub bind_host: String,
    /// Whether any server that shares our storage may answer; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distributed: Option<bool>,
}

/// One way to prove control over a name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Challenge {
    /// Whether it is not used.
    #[serde(skip_serializing_if = "is_default")]
    pub disabled: bool,
    /// The port when it is not the usual one.
    #[serde(skip_serializing_if = "is_default")]
    pub alternate_port: i64,
}

/// A proof by records of DNS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsChallenge {
    /// Who writes them; the app's provider when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<DnsProvider>,
    /// How long others may keep a record; as the provider likes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: Duration,
    /// How long to wait before the first look at them.
    #[serde(skip_serializing_if = "is_default")]
    pub propagation_delay: Duration,
    /// How long to look for them; 2 minutes when 0, not at all when negative.
    #[serde(skip_serializing_if = "is_default")]
    pub propagation_timeout: Duration,
    /// DNS servers that are asked; the app's when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub resolvers: Vec<String>,
    /// The domain that the records are written to, when it is another.
    #[serde(skip_serializing_if = "is_default")]
    pub override_domain: String,
}
