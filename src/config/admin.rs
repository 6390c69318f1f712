//! The admin endpoint: what it is asked from where, and how configurations are had and kept.

use super::duration::Duration;
use super::is_default;
use super::module::slot;
use super::tls::Issuer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The admin endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Whether there is none.
    #[serde(skip_serializing_if = "is_default")]
    pub disabled: bool,
    /// Its address; `$CADDY_ADMIN`, then `localhost:2019`, when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub listen: String,
    /// Whether the `Origin` header is checked.
    #[serde(skip_serializing_if = "is_default")]
    pub enforce_origin: bool,
    /// The hosts and origins that may use it; those of `listen` when absent, none when empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origins: Option<Vec<String>>,
    /// How configurations are had and kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<AdminConfig>,
    /// By which certificates the server is known to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The endpoint for other machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteAdmin>,
}

/// How configurations are had and kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Whether the running configuration is written to disk; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persist: Option<bool>,
    /// Where another configuration is had from once this one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<ConfigLoader>,
    /// How long that waits; not at all when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub load_delay: Duration,
}

/// Where a configuration is had from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum ConfigLoader {
    /// From another server.
    Http(HttpLoader),
}

slot!(ConfigLoader, "caddy.config_loaders", "module");

/// Asks another server for a configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpLoader {
    /// The method; `GET` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub method: String,
    /// The URL.
    #[serde(skip_serializing_if = "is_default")]
    pub url: String,
    /// The header fields of the request.
    #[serde(skip_serializing_if = "is_default")]
    pub header: BTreeMap<String, Vec<String>>,
    /// How long each attempt may take; 5 minutes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Duration,
    /// What the answer is written in; what its `Content-Type` says when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub adapter: String,
    /// How the connection is secured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<HttpLoaderTls>,
}

/// How the connection to a server of configurations is secured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpLoaderTls {
    /// Whether the certificate of [`Admin::identity`] is shown.
    #[serde(skip_serializing_if = "is_default")]
    pub use_server_identity: bool,
    /// The file of a certificate that is shown instead,
    #[serde(skip_serializing_if = "is_default")]
    pub client_certificate_file: String,
    /// and the file of its key.
    #[serde(skip_serializing_if = "is_default")]
    pub client_certificate_key_file: String,
    /// Files with authorities that are trusted; the system's when there are none.
    #[serde(skip_serializing_if = "is_default")]
    pub root_ca_pem_files: Vec<String>,
}

/// By which certificates the server is known to others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// Its names.
    #[serde(skip_serializing_if = "is_default")]
    pub identifiers: Vec<String>,
    /// Who signs them; the public authorities when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub issuers: Vec<Issuer>,
}

/// The endpoint for other machines, which prove who they are with certificates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemoteAdmin {
    /// Its address; `:2021` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub listen: String,
    /// Who may do what; nobody anything when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub access_control: Vec<AdminAccess>,
}

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminAccess {
    /// The certificates of those who may, in base64 of their DER form.
    #[serde(skip_serializing_if = "is_default")]
    pub public_keys: Vec<String>,
    /// What they may; everything when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub permissions: Vec<AdminPermissions>,
}

/// Requests that are allowed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminPermissions {
    /// To these paths; to all when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub paths: Vec<String>,
    /// With these methods; with all when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub methods: Vec<String>,
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn every_field_comes_out_as_it_went_in() {
        let json = concat!(
            r#"{"admin":{"disabled":true,"listen":":1","enforce_origin":true,"origins":["a"],"#,
            r#""config":{"persist":false,"load":{"adapter":"caddyfile","header":{"A":["b"]},"#,
            r#""method":"POST","module":"http","timeout":5,"tls":{"client_certificate_file":"c","#,
            r#""client_certificate_key_file":"k","root_ca_pem_files":["r"],"#,
            r#""use_server_identity":true},"url":"https://x"},"load_delay":5},"#,
            r#""identity":{"identifiers":["i"],"issuers":[{"module":"internal"}]},"#,
            r#""remote":{"listen":":2","access_control":[{"public_keys":["p"],"#,
            r#""permissions":[{"paths":["/"],"methods":["GET"]}]}]}}}"#,
        );
        let config = Config::from_json(json.as_bytes()).expect("the case is a configuration");
        assert_eq!(config.to_json(false), json);
    }
}
