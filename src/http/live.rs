//! The listeners of the configuration that runs, and how another takes its place.
//!
//! A load goes through three steps. [`Live::prepare`] opens what the new configuration
//! listens on and the old one does not; it may fail, and then nothing has changed.
//! [`Live::publish`] cannot fail: listeners that stay keep their sockets and connections,
//! and answer with the new sites from the next request on; new ones begin to accept.
//! [`Retired::drain`] ends what is left of the old one, and tells when no request uses it.

use super::address::Endpoint;
use super::connection::Peer;
use super::listener::Listener;
use super::server::{BindError, Server, Site};
use super::socket::Listening;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The listeners that run, by what they listen on. When it is dropped they go on until
/// the process ends: see [`Live::retire`].
#[derive(Debug, Default)]
pub struct Live {
    listeners: BTreeMap<String, Listener>,
    /// Every socket that may still be open, those of retired listeners included.
    sockets: BTreeMap<String, Weak<Listening>>,
    delay: Duration,
    grace: Option<Duration>,
    over: Option<mpsc::Receiver<()>>,
}

/// How often, and after which pause, an address is tried again whose socket is just being
/// closed here.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// A configuration whose listeners are open, and do not answer yet.
#[derive(Debug)]
pub struct Prepared {
    opened: Vec<(String, Arc<Listening>, Arc<Site>)>,
    kept: Vec<(String, u32, Arc<Site>)>,
    delay: Duration,
    grace: Option<Duration>,
    over: mpsc::Receiver<()>,
}

/// What a load has put out of use.
#[derive(Debug)]
pub struct Retired {
    listeners: Vec<Listener>,
    delay: Duration,
    grace: Option<Duration>,
    over: Option<mpsc::Receiver<()>>,
}

impl Live {
    /// Opens what is not open yet. Runs on a tokio runtime.
    ///
    /// # Errors
    /// When one cannot be opened; then none of the new ones stays open.
    pub fn prepare(&self, server: Server) -> Result<Prepared, BindError> {
        let (mut opened, mut kept) = (Vec::new(), Vec::new());
        for (endpoints, site) in server.sites {
            for endpoint in endpoints {
                let key = endpoint.to_string();
                if self.listeners.contains_key(&key) {
                    kept.push((key, endpoint.mode, Arc::clone(&site)));
                    continue;
                }
                let listening = self
                    .open(&key, &endpoint, &site)
                    .map_err(|error| BindError { address: key.clone(), error })?;
                opened.push((key, listening, Arc::clone(&site)));
            }
        }
        let Server { delay, grace, over, .. } = server;
        Ok(Prepared { opened, kept, delay, grace, over })
    }

    /// Opens an endpoint, or takes up the socket of a listener that is on its way out.
    fn open(&self, key: &str, endpoint: &Endpoint, site: &Site) -> io::Result<Arc<Listening>> {
        let before = self.sockets.get(key);
        if let Some(listening) = before.and_then(Weak::upgrade) {
            listening.set_keepalive(site.keepalive);
            listening.set_mode(endpoint.mode)?;
            return Ok(listening);
        }
        let mut attempts = if before.is_some() { ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            match Listening::open(endpoint, site.keepalive) {
                // Nobody holds our own any more, so it is closed in a moment.
                Err(error) if attempts > 0 && error.kind() == io::ErrorKind::AddrInUse => {
                    std::thread::sleep(PAUSE);
                }
                opened => return opened.map(Arc::new),
            }
        }
    }

    /// Answers as prepared from now on; what is returned is to be drained.
    pub fn publish(&mut self, prepared: Prepared) -> Retired {
        let mut before = std::mem::take(&mut self.listeners);
        for (key, mode, site) in prepared.kept {
            if let Some(listener) = before.remove(&key) {
                listener.turn_to(site, mode);
                self.listeners.insert(key, listener);
            }
        }
        self.sockets.retain(|_, socket| socket.strong_count() > 0);
        for (key, listening, site) in prepared.opened {
            self.sockets.insert(key.clone(), Arc::downgrade(&listening));
            self.listeners.insert(key, Listener::start(listening, site));
        }
        Retired {
            listeners: before.into_values().collect(),
            delay: std::mem::replace(&mut self.delay, prepared.delay),
            grace: std::mem::replace(&mut self.grace, prepared.grace),
            over: self.over.replace(prepared.over),
        }
    }

    /// Puts all listeners out of use.
    pub fn retire(&mut self) -> Retired {
        Retired {
            listeners: std::mem::take(&mut self.listeners).into_values().collect(),
            delay: self.delay,
            grace: self.grace,
            over: self.over.take(),
        }
    }

    /// Where it listens; port 0 of the configuration is a real port here.
    pub fn addresses(&self) -> Vec<String> {
        self.listeners.values().map(Listener::local).map(Peer::to_string).collect()
    }

    /// How long requests in flight may take at the end; without limit when absent.
    pub const fn grace(&self) -> Option<Duration> {
        self.grace
    }
}

impl Retired {
    /// Ends the listeners: after the configuration's shutdown delay they accept no more
    /// and close idle connections; requests in flight have the grace period, or no limit.
    /// Returns when no request is answered by the old configuration any more. Those that
    /// came through listeners which stay are never cut off.
    pub async fn drain(self) {
        let Self { listeners, delay, grace, over } = self;
        let end = Instant::now() + delay;
        listeners.iter().for_each(|listener| listener.announce_end(end));
        if !listeners.is_empty() {
            tokio::time::sleep(delay).await;
        }
        join_all(listeners.into_iter().map(|listener| listener.drain(grace))).await;
        if let Some(mut over) = over {
            // Nothing is ever sent: this is the end of the last site.
            over.recv().await;
        }
    }
}
