//! The `frankenphp` and `pogo` apps.

use super::duration::Duration;
use super::is_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `frankenphp` app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FrankenPhp {
    /// Workers in all, classic ones and those of worker scripts; twice the CPUs when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub num_threads: u32,
    /// How far their number may rise; -1 is automatic.
    #[serde(skip_serializing_if = "is_default")]
    pub max_threads: i64,
    /// Worker scripts that every `php` handler reaches by their path.
    #[serde(skip_serializing_if = "is_default")]
    pub workers: Vec<Worker>,
    /// Settings over those of the distribution's php.ini.
    #[serde(skip_serializing_if = "is_default")]
    pub php_ini: BTreeMap<String, String>,
    /// How long a request may wait for a worker; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_wait_time: Duration,
    /// How long a worker above the usual number may idle.
    #[serde(skip_serializing_if = "is_default")]
    pub max_idle_time: Duration,
    /// After how many requests a worker is replaced; never when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_requests: u64,
}

/// A worker script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    /// Its name in metrics and logs; its absolute path when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// The script.
    #[serde(skip_serializing_if = "is_default")]
    pub file_name: String,
    /// How many workers run it; twice the CPUs when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub num: u32,
    /// How far their number may rise.
    #[serde(skip_serializing_if = "is_default")]
    pub max_threads: i64,
    /// More environment.
    #[serde(skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// Restart when these files change.
    #[serde(skip_serializing_if = "is_default")]
    pub watch: Vec<String>,
    /// Takes requests of these paths.
    #[serde(skip_serializing_if = "is_default")]
    pub match_path: Vec<String>,
    /// After how many failures at boot the start fails; -1 is never.
    #[serde(skip_serializing_if = "is_default")]
    pub max_consecutive_failures: i64,
}

/// The `pogo` app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pogo {
    /// The default pool's script.
    #[serde(skip_serializing_if = "is_default")]
    pub worker: String,
    /// The default pool's workers; twice the CPUs when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub num_threads: u32,
    /// How long a task may wait for a worker; 30 s when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_wait: Duration,
    /// The named pools.
    #[serde(skip_serializing_if = "is_default")]
    pub pools: Vec<Pool>,
}

/// One named pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pool {
    /// Its name.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// Its script.
    #[serde(skip_serializing_if = "is_default")]
    pub worker: String,
    /// Its workers; twice the CPUs when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub num_threads: u32,
    /// How long a task may wait for one; 30 s when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_wait: Duration,
}
