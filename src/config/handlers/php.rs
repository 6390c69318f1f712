//! `php`: runs scripts.

use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::php::Worker;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `php`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Php {
    /// Where; `{http.vars.root}` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub root: String,
    /// Where a path is cut into script and path info; `.php` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub split_path: Vec<String>,
    /// Whether the root's symbolic links are resolved; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve_root_symlink: Option<bool>,
    /// More environment; values may hold placeholders.
    #[serde(skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// Workers that only these routes reach.
    #[serde(skip_serializing_if = "is_default")]
    pub workers: Vec<Worker>,
    /// The same in all routes that one `php_server` made.
    #[serde(skip_serializing_if = "is_default")]
    pub server_index: i64,
    /// Its name in workers' names and logs.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// How long reading the next part of a body may take; 60 s when absent, 0 is unbounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_body_timeout: Option<Duration>,
    /// Reloads of a browser when files change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hot_reload: Option<HotReload>,
}

/// Reloads of a browser when files change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HotReload {
    /// The topic.
    #[serde(skip_serializing_if = "is_default")]
    pub topic: String,
    /// Which files.
    #[serde(skip_serializing_if = "is_default")]
    pub watch: Vec<String>,
}
