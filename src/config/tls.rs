//! The `tls` app: where certificates come from; and what a connection may use.
//!
//! In reading order: `certificates`, those that are at hand; `automation`, how others are
//! had, from the `issuers` or `managers`, after a `challenges`; `connection_policy`, what a
//! connection may use, with `client_auth` and its `ca_pool`; `ech` and `session_tickets`.

pub mod automation;
pub mod ca_pool;
pub mod certificates;
pub mod challenges;
pub mod client_auth;
pub mod connection_policy;
pub mod dns;
pub mod ech;
pub mod issuers;
pub mod managers;
pub mod session_tickets;

pub use automation::{Automation, AutomationPolicy};
pub use connection_policy::ConnectionPolicy;
pub use issuers::Issuer;

use super::is_default;
use serde::{Deserialize, Serialize};

/// The `tls` app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificates that are at hand, and names that they are had for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<certificates::Certificates>,
    /// How certificates are had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automation: Option<Automation>,
    /// Keys of session tickets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_tickets: Option<session_tickets::SessionTickets>,
    /// How many certificates are held in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// Whether certificates that are at hand go without OCSP staples.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_ocsp_stapling: bool,
    /// Whether the storage is not tried out at start.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_storage_check: bool,
    /// Whether old certificates stay in the storage.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_storage_clean: bool,
    /// Names that hide those that clients ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted_client_hello: Option<ech::EncryptedClientHello>,
    /// Who writes DNS records, where nothing else says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<dns::DnsProvider>,
    /// DNS servers that are asked; the system's when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub resolvers: Vec<String>,
}

/// How many certificates are held in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// So many at most; 10,000 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub capacity: i64,
}
