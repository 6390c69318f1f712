//! Who signs certificates.

use super::challenges::{Challenges, DnsChallenge};
use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::module::slot;
use crate::config::network_proxy::NetworkProxy;
use serde::{Deserialize, Serialize};

/// Who signs certificates, named by the field `module`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Issuer {
    /// An authority that speaks ACME.
    Acme(Box<Acme>),
    /// An authority of our own.
    Internal(Internal),
    /// ZeroSSL, by its own protocol.
    Zerossl(ZeroSsl),
}

slot!(Issuer, "tls.issuance", "module");

/// `acme`: an authority that speaks ACME.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Acme {
    /// Its directory's URL; Let's Encrypt's when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub ca: String,
    /// The directory that is tried after a failure; Let's Encrypt's for tests when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub test_ca: String,
    /// The account's mail address.
    #[serde(skip_serializing_if = "is_default")]
    pub email: String,
    /// The profile of orders.
    #[serde(skip_serializing_if = "is_default")]
    pub profile: String,
    /// The account's key as PEM, when there is an account.
    #[serde(skip_serializing_if = "is_default")]
    pub account_key: String,
    /// An account at the authority that was made elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_account: Option<ExternalAccount>,
    /// How long one exchange may take; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub acme_timeout: Duration,
    /// How control over a name is proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenges: Option<Challenges>,
    /// Files with roots that the authority's own certificate may come from.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_roots_pem_files: Vec<String>,
    /// Which chain is taken where several are offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_chains: Option<ChainPreference>,
    /// How long certificates shall be valid; as the authority likes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub certificate_lifetime: Duration,
    /// The proxy through which the authority is asked; that of the environment when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_proxy: Option<NetworkProxy>,
}

/// An account at an authority that was made elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExternalAccount {
    /// Its name.
    pub key_id: String,
    /// Its key in base64.
    pub mac_key: String,
}

/// Which chain is taken where several are offered: the first that fits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChainPreference {
    /// The one of the fewest bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest: Option<bool>,
    /// One whose root has one of these names.
    #[serde(skip_serializing_if = "is_default")]
    pub root_common_name: Vec<String>,
    /// One in which some certificate has one of these names.
    #[serde(skip_serializing_if = "is_default")]
    pub any_common_name: Vec<String>,
}

/// `internal`: an authority of our own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Internal {
    /// Its name; `local` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub ca: String,
    /// How long certificates are valid; 12 hours when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub lifetime: Duration,
    /// Whether the root signs, and no intermediate certificate.
    #[serde(skip_serializing_if = "is_default")]
    pub sign_with_root: bool,
}

/// `zerossl`: ZeroSSL, by its own protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZeroSsl {
    /// The key to it.
    #[serde(skip_serializing_if = "is_default")]
    pub api_key: String,
    /// How many days certificates shall be valid; as ZeroSSL likes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub validity_days: i64,
    /// Where proofs over HTTP are given.
    #[serde(skip_serializing_if = "is_default")]
    pub listen_host: String,
    /// The port of that when it is not 80.
    #[serde(skip_serializing_if = "is_default")]
    pub alternate_http_port: i64,
    /// Proves by records of DNS instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cname_validation: Option<DnsChallenge>,
}
