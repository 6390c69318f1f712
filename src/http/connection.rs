//! What all requests of one connection share.

use super::server::Site;
use crate::logging::access::{Shown, shown, shown_port};
use crate::metrics::Held;
use arc_swap::ArcSwap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Of TCP.
    Ip(SocketAddr),
    /// Of a Unix socket: the server's path, or the client's `@`.
    Unix(String),
}

impl Peer {
    /// The IP address; a Unix socket has none.
    pub(crate) const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address.ip()),
            Self::Unix(_) => None,
        }
    }

    /// The IP address with its port; a Unix socket has none.
    pub(crate) const fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The address without its port.
    pub(crate) fn host(&self) -> String {
        String::from_utf8_lossy(&self.shown_host()).into_owned()
    }

    /// The same, without memory of its own.
    pub(crate) fn shown_host(&self) -> Shown {
        match self {
            Self::Ip(address) => shown(address.ip()),
            Self::Unix(path) => Shown::from_slice(path.as_bytes()),
        }
    }

    /// The port; empty where there is none.
    pub(crate) fn port(&self) -> String {
        String::from_utf8_lossy(&self.shown_port()).into_owned()
    }

    /// The same, without memory of its own.
    pub(crate) fn shown_port(&self) -> Shown {
        match self {
            Self::Ip(address) => shown_port(*address),
            Self::Unix(_) => Shown::new(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => f.write_str(path),
        }
    }
}

/// How far the end of a listener has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It accepts, and its connections go on.
    Open,
    /// Its connections end with the request that they are at.
    Draining,
    /// Its connections end now.
    Over,
}

/// One client's connection, to whatever it speaks.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The client's address.
    pub remote: Peer,
    /// Our address.
    pub local: Peer,
    /// What answers; a new configuration puts another in its place.
    pub(super) site: Arc<ArcSwap<Site>>,
    pub(super) phase: watch::Receiver<Phase>,
    /// Requests of the server's own are nobody's connection.
    pub(super) _counted: Option<Held>,
    pub(super) _alive: mpsc::Sender<()>,
}

impl Connection {
    /// What a request of the server's own comes through, as part of one that came through
    /// this.
    pub(super) fn inner(&self, remote: Peer) -> Self {
        Self {
            remote,
            local: self.local.clone(),
            site: Arc::clone(&self.site),
            phase: self.phase.clone(),
            _counted: None,
            _alive: self._alive.clone(),
        }
    }

    /// Whether the listener it came through is being closed.
    pub(crate) fn is_stopping(&self) -> bool {
        // Nothing follows the first phase but the end, and nobody marks it as seen. All
        // connections share the value, so that looking at it must not write.
        self.phase.has_changed().unwrap_or(true)
    }

    /// Waits until the listener it came through is being closed.
    pub(super) async fn stopped(&self) {
        reached(self.phase.clone(), Phase::Draining).await;
    }
}

/// Waits until the end of a listener has come this far.
pub(super) async fn reached(mut phase: watch::Receiver<Phase>, wanted: Phase) {
    // A sender that is gone ends everything too.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}
