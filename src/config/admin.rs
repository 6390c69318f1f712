//! The admin endpoint, and how configurations are kept and fetched.

use super::duration::Duration;
use super::is_default;
use super::module::Slot;
use super::tls::Issuer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const LOADER: Slot = Slot { namespace: "caddy.config_loaders", key: "module" };

/// The admin endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Whether there is none.
    #[serde(skip_serializing_if = "is_default")]
    pub disabled: bool,
    /// Its address; that of the variable `CADDY_ADMIN` when empty, or `localhost:2019`.
    #[serde(skip_serializing_if = "is_default")]
    pub listen: String,
    /// Whether the `Origin` header is wanted and checked, whoever asks.
    #[serde(skip_serializing_if = "is_default")]
    pub enforce_origin: bool,
    /// The hosts and origins that may use it; its own address when absent, none when empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origins: Option<Vec<String>>,
    /// How configurations are kept and fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<AdminConfig>,
    /// Who this server is to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The endpoint for other machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<Remote>,
}

/// How configurations are kept and fetched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Whether the running configuration is written to disk; it is when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persist: Option<bool>,
    /// Where another configuration is fetched from once this one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Loader>,
    /// How long to wait before that.
    #[serde(skip_serializing_if = "is_default")]
    pub load_delay: Duration,
}

/// Fetches a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Loader {
    /// Over HTTP.
    Http(HttpLoader),
}

impl Serialize for Loader {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        LOADER.serialize(|external| Self::serialize(self, external), s)
    }
}

impl<'de> Deserialize<'de> for Loader {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        LOADER.deserialize(|external| Self::deserialize(external), d)
    }
}

/// Fetches a configuration over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpLoader {
    /// The method; `GET` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub method: String,
    /// The address.
    #[serde(skip_serializing_if = "is_default")]
    pub url: String,
    /// More fields of the request.
    #[serde(skip_serializing_if = "is_default")]
    pub header: BTreeMap<String, Vec<String>>,
    /// How long it may take in all; without limit when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Duration,
    /// What the answer is written in, when its type does not say so.
    #[serde(skip_serializing_if = "is_default")]
    pub adapter: String,
    /// How its server is trusted, and we are by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<LoaderTls>,
}

/// TLS of a fetched configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoaderTls {
    /// Whether this server shows its identity.
    #[serde(skip_serializing_if = "is_default")]
    pub use_server_identity: bool,
    /// The certificate to show, a PEM file.
    #[serde(skip_serializing_if = "is_default")]
    pub client_certificate_file: String,
    /// Its key.
    #[serde(skip_serializing_if = "is_default")]
    pub client_certificate_key_file: String,
    /// Authorities to trust, PEM files.
    #[serde(skip_serializing_if = "is_default")]
    pub root_ca_pem_files: Vec<String>,
}

/// Who this server is to others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// Names or IP addresses.
    #[serde(skip_serializing_if = "is_default")]
    pub identifiers: Vec<String>,
    /// Who signs for them.
    #[serde(skip_serializing_if = "is_default")]
    pub issuers: Vec<Issuer>,
}

/// The endpoint for other machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Remote {
    /// Its address; `:2021` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub listen: String,
    /// Who may do what.
    #[serde(skip_serializing_if = "is_default")]
    pub access_control: Vec<Access>,
}

/// What the holders of some keys may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Certificates in DER, in base64.
    #[serde(skip_serializing_if = "is_default")]
    pub public_keys: Vec<String>,
    /// Everything when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub permissions: Vec<Permission>,
}

/// Something that may be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Permission {
    /// Below these paths.
    #[serde(skip_serializing_if = "is_default")]
    pub paths: Vec<String>,
    /// With these methods.
    #[serde(skip_serializing_if = "is_default")]
    pub methods: Vec<String>,
}
