//! Caddy's JSON as types: plain data with serde, no behaviour.
//!
//! Fields stand in Caddy's order, because the order is visible in `adapt`'s output.
//! Unknown fields and unknown modules are errors that name their JSON path.

pub mod admin;
mod de;
pub mod duration;
pub mod events;
pub mod filesystems;
pub mod handlers;
pub mod http;
pub mod ip_sources;
mod json;
pub mod listeners;
pub mod logging;
pub mod matchers;
mod module;
mod modules;
pub mod network_proxy;
pub mod php;
pub mod pki;
pub mod place;
mod ser;
pub mod storage;
mod syntax;
pub mod tls;

pub use json::{JsonError, NO_PLUGINS, go_json, parse};
pub use module::NoFields;
pub use modules::module_names;

use serde::{Deserialize, Serialize};

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The admin endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<admin::Admin>,
    /// Loggers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<logging::Logging>,
    /// Where certificates and keys are kept; a folder of the user's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<storage::Storage>,
    /// What runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apps: Option<Apps>,
}

/// The apps, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = ".*", deny_unknown_fields, default)]
pub struct Apps {
    /// File systems other than the machine's.
    #[serde(rename = "caddy.filesystems", skip_serializing_if = "Option::is_none")]
    pub filesystems: Option<filesystems::Filesystems>,
    /// Who is told of what happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<events::Events>,
    /// PHP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frankenphp: Option<php::FrankenPhp>,
    /// The HTTP servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<http::Http>,
    /// Certificate authorities of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pki: Option<pki::Pki>,
    /// The task pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pogo: Option<php::Pogo>,
    /// Certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<tls::Tls>,
}

/// Whether a field is left out because it says nothing.
pub fn is_default<T: Default + PartialEq>(v: &T) -> bool {
    *v == T::default()
}

/// Reads a module of a map from name to module: `null` stands for its defaults, as in Go.
fn some_or_default<'de, T: Default + Deserialize<'de>, D: serde::Deserializer<'de>>(
    d: D,
) -> Result<Option<T>, D::Error> {
    Option::<T>::deserialize(d).map(|module| Some(module.unwrap_or_default()))
}
