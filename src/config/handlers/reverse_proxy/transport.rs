//! How servers are spoken to.

use super::Resolver;
use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::module::slot;
use crate::config::network_proxy::NetworkProxy;
use crate::config::tls::ca_pool::CaPool;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How servers are spoken to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Transport {
    /// FastCGI.
    #[serde(rename = "fastcgi")]
    FastCgi(FastCgiTransport),
    /// HTTP.
    #[serde(rename = "http")]
    Http(Box<HttpTransport>),
}

slot!(Transport, "http.reverse_proxy.transport", "protocol");

/// `fastcgi`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FastCgiTransport {
    /// Where the scripts are; `{http.vars.root}` when empty, then the working directory.
    #[serde(skip_serializing_if = "is_default")]
    pub root: String,
    /// Where a path is cut into script and path info: behind the first of these; nowhere
    /// when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub split_path: Vec<String>,
    /// Whether the root's symbolic links are resolved.
    #[serde(skip_serializing_if = "is_default")]
    pub resolve_root_symlink: bool,
    /// More environment; values may hold placeholders.
    #[serde(skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// How long connecting may take; 3 s when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub dial_timeout: Duration,
    /// How long the server may be silent; for ever when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub read_timeout: Duration,
    /// How long the server may not read; for ever when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub write_timeout: Duration,
    /// Whether what scripts write to their standard error is logged whatever the status; only
    /// for errors otherwise.
    #[serde(skip_serializing_if = "is_default")]
    pub capture_stderr: bool,
}

/// `http`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpTransport {
    /// Who is asked for names; the system's resolver when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Resolver>,
    /// TLS; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TransportTls>,
    /// Connections that stay open between requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<KeepAlive>,
    /// Whether compressed answers are asked for when the client does not; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<bool>,
    /// How many connections a server gets at most; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_conns_per_host: i64,
    /// The version of the PROXY protocol that is sent first, `v1` or `v2`; none when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub proxy_protocol: String,
    /// The URL of a proxy before the servers; out of use, see `network_proxy`.
    #[serde(skip_serializing_if = "is_default")]
    pub forward_proxy_url: String,
    /// How long connecting may take; 3 s when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub dial_timeout: Duration,
    /// How long IPv6 is tried alone; 300 ms when 0, and IPv4 is not tried when negative.
    #[serde(skip_serializing_if = "is_default")]
    pub dial_fallback_delay: Duration,
    /// How long the head of an answer may take; for ever when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub response_header_timeout: Duration,
    /// How long the interim answer to `Expect: 100-continue` may take; not waited for when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub expect_continue_timeout: Duration,
    /// How many bytes the head of an answer may have; 10 MiB when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_response_header_size: i64,
    /// The size in bytes of the buffer for what is sent; 4 KiB when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub write_buffer_size: i64,
    /// The size in bytes of the buffer for what is received; 4 KiB when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub read_buffer_size: i64,
    /// How long the server may be silent; for ever when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub read_timeout: Duration,
    /// How long the server may not read; for ever when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub write_timeout: Duration,
    /// Which versions of HTTP, `1.1`, `2`, `h2c`, `3`; `1.1` and `2` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub versions: Vec<String>,
    /// The address that connections come from.
    #[serde(skip_serializing_if = "is_default")]
    pub local_address: String,
    /// The proxy before the servers; that of the environment when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_proxy: Option<NetworkProxy>,
}

/// TLS with servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransportTls {
    /// Whom the server's certificate may be signed by; whom the system trusts when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaPool>,
    /// Certificates in Base64 whose holders are believed; out of use, see `ca`.
    #[serde(skip_serializing_if = "is_default")]
    pub root_ca_pool: Vec<String>,
    /// Files of such certificates; out of use, see `ca`.
    #[serde(skip_serializing_if = "is_default")]
    pub root_ca_pem_files: Vec<String>,
    /// The file of our certificate.
    #[serde(skip_serializing_if = "is_default")]
    pub client_certificate_file: String,
    /// The file of its key.
    #[serde(skip_serializing_if = "is_default")]
    pub client_certificate_key_file: String,
    /// The name whose managed certificate is ours.
    #[serde(skip_serializing_if = "is_default")]
    pub client_certificate_automate: String,
    /// Whether anybody is believed.
    #[serde(skip_serializing_if = "is_default")]
    pub insecure_skip_verify: bool,
    /// How long the handshake may take; for ever when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub handshake_timeout: Duration,
    /// The name that is asked for, with placeholders; the server's host when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub server_name: String,
    /// Whether the server may negotiate anew: `never`, `once`, `freely`; never when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub renegotiation: String,
    /// Ports at which there is no TLS.
    #[serde(skip_serializing_if = "is_default")]
    pub except_ports: Vec<String>,
    /// Curves in the order of preference.
    #[serde(skip_serializing_if = "is_default")]
    pub curves: Vec<String>,
}

/// Connections that stay open between requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeepAlive {
    /// Whether they do; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The pause between two probes of TCP; 30 s when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub probe_interval: Duration,
    /// How many may be idle in all; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_idle_conns: i64,
    /// How many of a server may be idle; 32 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_idle_conns_per_host: i64,
    /// How long one may be idle; 2 minutes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub idle_timeout: Duration,
}
