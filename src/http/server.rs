//! From a configuration to listeners that answer: provision, bind, serve, drain.

use crate::config::Config;
use crate::logging::Logs;
use crate::php;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Why a configuration cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvisionError {
    /// What is wrong, with the server and the place in it.
    #[error("{0}")]
    Invalid(String),
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("listening on {address}: {error}")]
pub struct BindError {
    /// The address, as configured.
    pub address: String,
    /// What the system says.
    pub error: std::io::Error,
}

/// A configuration's servers, ready but not listening.
#[derive(Debug)]
pub struct Server {}

/// Servers that listen, and do not answer yet.
#[derive(Debug)]
pub struct Bound {}

impl Server {
    /// Compiles a configuration: all that can be wrong with it is found here. Without
    /// `php`, `php` handlers are checked, and answer 503.
    ///
    /// # Errors
    /// When a part of it is wrong, or needs what is not there yet, as TLS.
    pub fn provision(
        _config: &Config,
        _php: Option<&Arc<php::Runtime>>,
        _logs: &Arc<Logs>,
    ) -> Result<Self, ProvisionError> {
        Ok(Self {})
    }

    /// Opens all listeners. Runs on a tokio runtime.
    ///
    /// # Errors
    /// When one cannot be opened; then none stays open.
    pub fn bind(self) -> Result<Bound, BindError> {
        Ok(Bound {})
    }
}

impl Bound {
    /// Where it listens; port 0 of the configuration is a real port here.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    /// Answers until `stop` becomes true (or its sender is gone), then closes listeners
    /// and idle connections, waits for requests in flight (the configuration's grace
    /// period at most, or without end), and returns.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        let _ = stop.wait_for(|stop| *stop).await;
    }
}
