//! What PHP is to run, worked out of the configuration: every number and path resolved.

use crate::config::Config;
use std::path::PathBuf;
use std::time::Duration;

/// What a [`super::Runtime`] runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The PHP host, `pogo-php`.
    pub host: PathBuf,
    /// Settings over those of php.ini, sorted by name.
    pub ini: Vec<(String, String)>,
    /// The workers that run any script, once a request.
    pub classic: Size,
    /// How long a request may wait for a worker; unbounded when absent.
    pub max_wait: Option<Duration>,
    /// How long a worker above the usual number may idle.
    pub max_idle: Duration,
    /// After how many requests a worker is replaced; 0 is never.
    pub max_requests: u64,
    /// The worker scripts.
    pub workers: Vec<WorkerScript>,
    /// The task pools, the default one first; tasks are not configured when absent.
    pub tasks: Option<Vec<TaskPool>>,
}

/// How many workers a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Usually.
    pub num: u32,
    /// At most, under load.
    pub max: u32,
}

/// One worker script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerScript {
    /// Its name in logs.
    pub name: String,
    /// The script: absolute, symbolic links resolved.
    pub script: PathBuf,
    /// Its workers.
    pub size: Size,
    /// More environment of the script.
    pub env: Vec<(String, String)>,
    /// Takes requests of these paths, whatever their script; by its script when empty.
    pub match_path: Vec<String>,
    /// How often a boot may fail in a row at the start; unbounded when absent.
    pub max_failures: Option<u32>,
    /// The `php` handler that alone reaches it; all do when absent.
    pub scope: Option<Scope>,
}

/// Which `php` handlers reach a worker script.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those with this `server_index`.
    Index(i64),
    /// The one that stands at this place among those without an index and has these workers.
    Workers(String),
}

/// One task pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPool {
    /// Its name.
    pub name: String,
    /// The script: absolute, symbolic links resolved.
    pub script: PathBuf,
    /// Its workers.
    pub num: u32,
    /// How long a task may wait for one.
    pub max_wait: Duration,
}

/// Why a configuration cannot run, in FrankenPHP's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The configuration contradicts itself or names what is not there.
    #[error("{0}")]
    Invalid(String),
}

/// What the settings depend on besides the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The working directory.
    pub cwd: PathBuf,
    /// The number of CPUs.
    pub cpus: u32,
    /// The PHP host, `pogo-php`.
    pub host: PathBuf,
}

impl Settings {
    /// The settings of a configuration, `None` when it has no use for PHP.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn resolve(
        _config: &Config,
        _around: &Surroundings,
    ) -> Result<Option<Self>, SettingsError> {
        Ok(None)
    }
}
