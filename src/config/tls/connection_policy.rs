//! What a connection may use, chosen at the handshake.

use super::client_auth::ClientAuthentication;
use crate::config::is_default;
use crate::config::module::slot;
use serde::{Deserialize, Serialize};

/// What connections of a server may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionPolicy {
    /// Which handshakes; all when absent.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matcher: Option<HandshakeMatch>,
    /// Which certificates may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_selection: Option<CertificateSelection>,
    /// Cipher suites by Go's names; the usual ones when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub cipher_suites: Vec<String>,
    /// Curves; `x25519mlkem768`, `x25519` and `secp256r1` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub curves: Vec<String>,
    /// Protocols above TLS; `h2` and `http/1.1` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub alpn: Vec<String>,
    /// `tls1.2` or `tls1.3`; the first when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub protocol_min: String,
    /// `tls1.2` or `tls1.3`; the last when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub protocol_max: String,
    /// Whether the connection is dropped instead.
    #[serde(skip_serializing_if = "is_default")]
    pub drop: bool,
    /// Which certificates clients must show; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,
    /// The name that a client without one asks for.
    #[serde(skip_serializing_if = "is_default")]
    pub default_sni: String,
    /// The name whose certificate is shown for unknown ones.
    #[serde(skip_serializing_if = "is_default")]
    pub fallback_sni: String,
    /// A file that gets the secrets of connections, for debugging.
    #[serde(skip_serializing_if = "is_default")]
    pub insecure_secrets_log: String,
    /// Who may change the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake_context: Option<HandshakeContext>,
}

/// Which handshakes are meant: all that is given must be true. The modules
/// `tls.handshake_match.*`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "tls.handshake_match.*", deny_unknown_fields, default)]
pub struct HandshakeMatch {
    /// Our own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_ip: Option<LocalIps>,
    /// None of these sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Vec<HandshakeMatch>>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<RemoteIps>,
    /// The name that is asked for, one of these; `*` stands for one label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<Vec<String>>,
    /// The name that is asked for, as an expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni_regexp: Option<SniRegexp>,
}

/// Addresses of our own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalIps {
    /// Addresses, with `/BITS` for networks.
    #[serde(skip_serializing_if = "is_default")]
    pub ranges: Vec<String>,
}

/// Addresses of clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemoteIps {
    /// Addresses, with `/BITS` for networks.
    #[serde(skip_serializing_if = "is_default")]
    pub ranges: Vec<String>,
    /// Those that are not meant.
    #[serde(skip_serializing_if = "is_default")]
    pub not_ranges: Vec<String>,
}

/// Names as an expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SniRegexp {
    /// A name for what it finds.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// The expression.
    pub pattern: String,
}

/// Which certificates may be shown: all that is given must be true.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateSelection {
    /// One of these serial numbers, in decimal.
    #[serde(skip_serializing_if = "is_default")]
    pub serial_number: Vec<String>,
    /// One of these as the subject's organization.
    #[serde(skip_serializing_if = "is_default")]
    pub subject_organization: Vec<String>,
    /// The algorithm of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_algorithm: Option<PublicKeyAlgorithm>,
    /// One of these tags.
    #[serde(skip_serializing_if = "is_default")]
    pub any_tag: Vec<String>,
    /// All of these tags.
    #[serde(skip_serializing_if = "is_default")]
    pub all_tags: Vec<String>,
}

/// The algorithm of a certificate's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublicKeyAlgorithm {
    /// DSA.
    Dsa,
    /// ECDSA.
    Ecdsa,
    /// RSA.
    Rsa,
}

/// Who may change the handshake. Plugins in Caddy; there is none here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum HandshakeContext {}

slot!(HandshakeContext, "tls.context", "module");
