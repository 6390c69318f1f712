//! Whom a peer's certificate may be signed by.

use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::module::{NoFields, slot};
use crate::config::storage::Storage;
use serde::{Deserialize, Serialize};

/// A pool of authorities, named by its `provider` field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum CaPool {
    /// All of several pools.
    Combined(CombinedPool),
    /// Files.
    File(FilePool),
    /// What other servers answer.
    Http(HttpPool),
    /// Certificates that stand in the configuration.
    Inline(InlinePool),
    /// Intermediate certificates of our own authorities.
    PkiIntermediate(PkiPool),
    /// Root certificates of our own authorities.
    PkiRoot(PkiPool),
    /// What is in a storage.
    Storage(StoragePool),
    /// What the system trusts.
    System(NoFields),
}

slot!(CaPool, "tls.ca_pool.source", "provider");

/// `combined`: all of several pools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CombinedPool {
    /// The pools.
    #[serde(skip_serializing_if = "is_default")]
    pub sources: Vec<CaPool>,
}

/// `file`: files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilePool {
    /// Files with certificates as PEM.
    #[serde(skip_serializing_if = "is_default")]
    pub pem_files: Vec<String>,
}

/// `http`: what other servers answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpPool {
    /// URLs that answer with certificates as PEM.
    #[serde(skip_serializing_if = "is_default")]
    pub endpoints: Vec<String>,
    /// How TLS is spoken with those servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PoolTls>,
}

/// How TLS is spoken with servers that are asked for certificates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolTls {
    /// Whom their certificates may be signed by; the system's authorities when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<Box<CaPool>>,
    /// Whether their certificates are not checked.
    #[serde(skip_serializing_if = "is_default")]
    pub insecure_skip_verify: bool,
    /// How long a handshake may take; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub handshake_timeout: Duration,
    /// The name in their certificates; the URL's host when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub server_name: String,
    /// How often they may ask for another handshake: `never`, `once` or `freely`; `never`
    /// when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub renegotiation: String,
}

/// `inline`: certificates that stand in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InlinePool {
    /// Certificates as DER in base64.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_ca_certs: Vec<String>,
}

/// `pki_root` and `pki_intermediate`: our own authorities.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PkiPool {
    /// Names of authorities of the `pki` app.
    #[serde(skip_serializing_if = "is_default")]
    pub authority: Vec<String>,
}

/// `storage`: what is in a storage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoragePool {
    /// The storage; the one of the whole configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Keys under which certificates are kept as PEM.
    #[serde(skip_serializing_if = "is_default")]
    pub pem_keys: Vec<String>,
}
