//! The listeners of the configuration that runs, and how another takes its place.
//!
//! A load goes through three steps. [`Live::prepare`] opens what the new configuration
//! listens on and the old one does not; it may fail, and then nothing has changed.
//! [`Live::publish`] cannot fail: listeners that stay keep their sockets and connections,
//! and answer with the new sites from the next request on; new ones begin to accept.
//! [`Retired::drain`] ends what is left of the old one, and tells when no request uses it.

use super::address::Endpoint;
use super::connection::Peer;
use super::listener::{Listener, Served};
use super::server::{BindError, Server};
use super::socket::{Listening, Place};
use crate::metrics::Gauge;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Counts connections.
    connections: Arc<Gauge>,
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
    opened: Vec<Opened>,
    kept: Vec<(String, Served)>,
    delay: Duration,
    grace: Option<Duration>,
    over: mpsc::Receiver<()>,
}

/// A socket that is open, and who will answer there.
#[derive(Debug)]
struct Opened {
    key: String,
    listening: Arc<Listening>,
    served: Served,
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
    /// No listeners yet; their connections will be counted here.
    pub fn counting(connections: &Arc<Gauge>) -> Self {
        Self { connections: Arc::clone(connections), ..Self::default() }
    }

    /// Opens what is not open yet. Runs on a tokio runtime.
    ///
    /// # Errors
    /// When one cannot be opened; then none of the new ones stays open.
    pub fn prepare(&self, server: Server) -> Result<Prepared, BindError> {
        let Server { sites, delay, grace, over, .. } = server;
        let (mut kept, mut wanted) = (Vec::new(), Vec::new());
        for (entrances, site) in sites {
            for entrance in entrances {
                let key = entrance.endpoint.to_string();
                let mode = entrance.endpoint.mode;
                let served = Served { site: Arc::clone(&site), speaks: entrance.speaks, mode };
                if self.listeners.contains_key(&key) {
                    kept.push((key, served));
                } else {
                    wanted.push((key, entrance.endpoint, served));
                }
            }
        }
        let keys = wanted.iter().map(|(key, ..)| key).chain(kept.iter().map(|(key, _)| key));
        let opening = Opening { live: self, keys: keys.cloned().collect() };
        let opened = opening.all(wanted)?;
        Ok(Prepared { opened, kept, delay, grace, over })
    }

    /// Answers as prepared from now on; what is returned is to be drained.
    pub fn publish(&mut self, prepared: Prepared) -> Retired {
        let mut before = std::mem::take(&mut self.listeners);
        for (key, served) in prepared.kept {
            if let Some(listener) = before.remove(&key) {
                listener.turn_to(served);
                self.listeners.insert(key, listener);
            }
        }
        self.sockets.retain(|_, socket| socket.strong_count() > 0);
        for Opened { key, listening, served } in prepared.opened {
            self.sockets.insert(key.clone(), Arc::downgrade(&listening));
            let has_it =
                |(_, other): &(&String, &Listener)| Arc::ptr_eq(other.listening(), &listening);
            let earlier = before.iter().find(has_it).map(|(key, _)| key.clone());
            let listener = match earlier.and_then(|key| before.remove(&key)) {
                // Only its name is another one.
                Some(listener) => {
                    listener.turn_to(served);
                    listener
                }
                None => Listener::start(listening, served, &self.connections),
            };
            self.listeners.insert(key, listener);
        }
        let mut retired = Vec::new();
        for (key, listener) in before {
            match self.heir(&listener) {
                Some(served) => {
                    listener.turn_to(served);
                    self.listeners.insert(key, listener);
                }
                None => retired.push(listener),
            }
        }
        Retired {
            listeners: retired,
            delay: std::mem::replace(&mut self.delay, prepared.delay),
            grace: std::mem::replace(&mut self.grace, prepared.grace),
            over: self.over.replace(prepared.over),
        }
    }

    /// What answers where nobody wants a listener any more, but clients who connect there
    /// would come to another one, which listens on every address. Then it goes on for that
    /// one: a socket cannot be closed without losing who is just connecting to it.
    fn heir(&self, leftover: &Listener) -> Option<Served> {
        let place = leftover.listening().place()?;
        let covers = |other: &&Listener| other.listening().place().is_some_and(|p| p.covers(place));
        self.listeners.values().find(covers).map(Listener::served)
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

/// The opening of what a configuration listens on and the one that runs does not.
struct Opening<'l> {
    live: &'l Live,
    /// All that the configuration listens on.
    keys: BTreeSet<String>,
}

impl Opening<'_> {
    /// Opens all of it. What is only in the way of our own sockets comes last: its clients
    /// connect there at once, so nothing should fail after it.
    fn all(&self, wanted: Vec<(String, Endpoint, Served)>) -> Result<Vec<Opened>, BindError> {
        let (mut opened, mut beside) = (Vec::new(), Vec::new());
        for (key, endpoint, served) in wanted {
            match self.open(&key, &endpoint, &served) {
                Ok(Some(listening)) => opened.push(Opened { key, listening, served }),
                Ok(None) => beside.push((key, endpoint, served)),
                Err(error) => return Err(BindError { address: key, error }),
            }
        }
        for (key, endpoint, served) in beside {
            match self.open_beside(&endpoint, &served, &opened) {
                Ok(listening) => opened.push(Opened { key, listening, served }),
                Err(error) => return Err(BindError { address: key, error }),
            }
        }
        Ok(opened)
    }

    /// Opens an endpoint, or takes up the socket of a listener that is on its way out;
    /// nothing when somebody is in the way, who may be ourselves.
    fn open(
        &self,
        key: &str,
        endpoint: &Endpoint,
        served: &Served,
    ) -> io::Result<Option<Arc<Listening>>> {
        let before = self.live.sockets.get(key);
        if let Some(listening) = before.and_then(Weak::upgrade) {
            return taken_up(listening, endpoint, served).map(Some);
        }
        let mut attempts = if before.is_some() { ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            match Listening::open(endpoint, served.site.keepalive) {
                // Nobody holds our own any more, so it is closed in a moment.
                Err(error) if attempts > 0 && error.kind() == io::ErrorKind::AddrInUse => {
                    std::thread::sleep(PAUSE);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
                opened => return opened.map(|listening| Some(Arc::new(listening))),
            }
        }
    }

    /// Opens an endpoint beside sockets of ours that have its port; one that is at the same
    /// place by another name is taken up, if that name is not used any more.
    fn open_beside(
        &self,
        endpoint: &Endpoint,
        served: &Served,
        opened: &[Opened],
    ) -> io::Result<Arc<Listening>> {
        let places = Place::of(endpoint)?;
        let fresh = opened.iter().map(|opened| Arc::clone(&opened.listening));
        let earlier = self.live.sockets.values().filter_map(Weak::upgrade);
        let ours: Vec<_> = earlier.chain(fresh).filter(|l| l.has_port_of(&places)).collect();
        if ours.is_empty() {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::ADDRINUSE.raw_os_error()));
        }
        let is_there = |l: &&Arc<Listening>| l.place().is_some_and(|p| places.contains(&p));
        let Some(same) = ours.iter().find(is_there) else {
            return Listening::open_beside(endpoint, served.site.keepalive, &ours).map(Arc::new);
        };
        let is_same = |socket: &Weak<Listening>| Weak::as_ptr(socket) == Arc::as_ptr(same);
        let in_use = opened.iter().any(|opened| Arc::ptr_eq(&opened.listening, same))
            || self.live.sockets.iter().any(|(k, s)| self.keys.contains(k) && is_same(s));
        if in_use {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::ADDRINUSE.raw_os_error()));
        }
        taken_up(Arc::clone(same), endpoint, served)
    }
}

fn taken_up(
    listening: Arc<Listening>,
    endpoint: &Endpoint,
    served: &Served,
) -> io::Result<Arc<Listening>> {
    listening.set_keepalive(served.site.keepalive);
    listening.set_mode(endpoint.mode)?;
    Ok(listening)
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
