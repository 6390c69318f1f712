//! Certificates that are at hand, and names that they are had for.

use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// Certificates by where they come from: the modules `tls.certificates.*`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "tls.certificates.*", deny_unknown_fields, default)]
pub struct Certificates {
    /// Names that certificates are had for although no route names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automate: Option<Vec<String>>,
    /// From files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_files: Option<Vec<FilePair>>,
    /// All that is in folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_folders: Option<Vec<String>>,
    /// As PEM in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_pem: Option<Vec<PemPair>>,
    /// From the storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_storage: Option<StoragePairs>,
}

/// The files of a certificate and its key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilePair {
    /// The certificate, with its chain.
    pub certificate: String,
    /// The key.
    pub key: String,
    /// Their format; `pem` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub format: String,
    /// By what connection policies choose it.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
}

/// A certificate and its key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PemPair {
    /// The certificate, with its chain, as PEM.
    pub certificate: String,
    /// The key as PEM.
    pub key: String,
    /// By what connection policies choose it.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
}

/// Certificates in the storage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoragePairs {
    /// Their keys in the storage instead of files.
    #[serde(skip_serializing_if = "is_default")]
    pub pairs: Vec<FilePair>,
}
