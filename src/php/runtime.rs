//! What runs: one zygote, the pools whose workers it forked, and the way to them.

use super::log::Log;
use super::pool::Pool;
use super::settings::Settings;
use crate::config::handlers::Php;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// PHP, running.
#[derive(Debug)]
pub struct Runtime {
    classic: Arc<Pool>,
    global: Arc<HashMap<Vec<u8>, Arc<Pool>>>,
}

/// Why PHP did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its one sentence.
    #[error("{0}")]
    Failed(String),
}

/// The worker scripts that one `php` handler reaches; looked up when it is provisioned.
#[derive(Clone, Debug)]
pub struct Workers {
    /// Those that take requests by path, in the configuration's order.
    pub by_path: Vec<ByPath>,
    scoped: HashMap<Vec<u8>, Arc<Pool>>,
    global: Arc<HashMap<Vec<u8>, Arc<Pool>>>,
}

/// A worker script that takes requests by path.
#[derive(Clone, Debug)]
pub struct ByPath {
    /// Patterns as in the `path` matcher.
    pub paths: Vec<String>,
    /// The script, absolute.
    pub script: Vec<u8>,
    /// Its workers.
    pub pool: Arc<Pool>,
}

impl Workers {
    /// The pool that runs this script (absolute, links resolved), if one does.
    pub fn for_script(&self, script: &[u8]) -> Option<&Arc<Pool>> {
        self.scoped.get(script).or_else(|| self.global.get(script))
    }
}

impl Runtime {
    /// Starts PHP. Returns when every worker of every pool is up.
    ///
    /// # Errors
    /// When PHP does not start, or a worker script does not reach its loop.
    pub async fn start(_settings: Settings, _log: Log) -> Result<Arc<Self>, StartError> {
        Err(StartError::Failed("PHP cannot be started yet".into()))
    }

    /// The pool that runs any script, once a request.
    pub fn classic(&self) -> &Arc<Pool> {
        &self.classic
    }

    /// The pool of a worker script (absolute, links resolved) that every handler reaches.
    pub fn worker_for(&self, script: &[u8]) -> Option<&Arc<Pool>> {
        self.global.get(script)
    }

    /// The worker scripts that this handler reaches.
    pub fn workers_of(&self, _handler: &Php) -> Workers {
        Workers { by_path: Vec::new(), scoped: HashMap::new(), global: Arc::clone(&self.global) }
    }

    /// Ends PHP: workers finish what they do within `grace`, then they are killed.
    /// Nothing of PHP runs any more when this returns.
    pub async fn shutdown(&self, _grace: Duration) {}
}
