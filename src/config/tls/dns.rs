//! Who writes records of DNS. Providers are plugins in Caddy; there is none here.

use crate::config::module::slot;
use serde::{Deserialize, Serialize};

/// Who writes records of DNS, named by the field `name`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum DnsProvider {
    /// One for tests, which writes nothing.
    #[cfg(feature = "test-modules")]
    Mock(Mock),
}

slot!(DnsProvider, "dns.providers", "name");

/// `mock`: writes nothing.
#[cfg(feature = "test-modules")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mock {
    /// Anything.
    #[serde(skip_serializing_if = "crate::config::is_default")]
    pub argument: String,
}
