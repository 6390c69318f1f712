//! Which certificates clients must show.

use super::ca_pool::CaPool;
use crate::config::is_default;
use crate::config::module::slot;
use crate::config::storage::Storage;
use serde::{Deserialize, Serialize};

/// Which certificates clients must show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientAuthentication {
    /// Whom they may be signed by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaPool>,
    /// The same as DER in base64; the old form.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_ca_certs: Vec<String>,
    /// The same as files; the old form.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_ca_certs_pem_files: Vec<String>,
    /// The only certificates that are accepted, as DER in base64; the old form.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_leaf_certs: Vec<String>,
    /// Who looks at them besides.
    #[serde(skip_serializing_if = "is_default")]
    pub verifiers: Vec<Verifier>,
    /// `request`, `require`, `verify_if_given` or `require_and_verify`. When empty: the last
    /// one if something above is given, else `require`.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: String,
}

/// Who looks at a client's certificate, named by the field `verifier`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Verifier {
    /// One for tests, which accepts all.
    #[cfg(feature = "test-modules")]
    Dummy(crate::config::NoFields),
    /// Accepts some certificates only.
    Leaf(LeafVerifier),
}

slot!(Verifier, "tls.client_auth.verifier", "verifier");

/// `leaf`: accepts some certificates only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeafVerifier {
    /// Where they come from.
    #[serde(skip_serializing_if = "is_default")]
    pub leaf_certs_loaders: Vec<LeafLoader>,
}

/// Where accepted certificates come from, named by the field `loader`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum LeafLoader {
    /// Files.
    File(LeafFiles),
    /// All files of folders.
    Folder(LeafFolders),
    /// PEM in the configuration.
    Pem(LeafPem),
    /// A storage.
    Storage(LeafStorage),
}

slot!(LeafLoader, "tls.leaf_cert_loader", "loader");

/// `file`: files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeafFiles {
    /// Files with certificates as PEM.
    #[serde(skip_serializing_if = "is_default")]
    pub files: Vec<String>,
}

/// `folder`: all files of folders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeafFolders {
    /// Folders; of the files in and below them those that end in `.pem`.
    #[serde(skip_serializing_if = "is_default")]
    pub folders: Vec<String>,
}

/// `pem`: PEM in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeafPem {
    /// Certificates as PEM.
    #[serde(skip_serializing_if = "is_default")]
    pub certificates: Vec<String>,
}

/// `storage`: a storage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeafStorage {
    /// The keys of certificates.
    #[serde(skip_serializing_if = "is_default")]
    pub certificates: Vec<String>,
    /// The storage; the whole configuration's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}
