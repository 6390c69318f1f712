//! What all requests of one connection share.

use super::server::Site;
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// One client's connection, to whatever it speaks.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The client's address.
    pub remote: SocketAddr,
    /// Our address.
    pub local: SocketAddr,
    /// What answers; a new configuration puts another in its place.
    pub(super) site: Arc<ArcSwap<Site>>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Connection {
    /// Whether the server is being stopped.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until the server is being stopped.
    pub(super) async fn stopped(&self) {
        // A sender that is gone stops the server too.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }
}
