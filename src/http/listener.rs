//! A listener that answers: its accept loop, and its end.

use super::conn::Conn;
use super::connection::{Connection, Peer, Phase, reached};
use super::server::{Site, Speaks};
use super::socket::{Listening, Stream};
use super::{h1, h2};
use crate::logging::Level;
use crate::metrics::Gauge;
use arc_swap::ArcSwap;
use futures_util::FutureExt;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How long the loop rests when nothing can be accepted, as for want of descriptors.
const REST: Duration = Duration::from_millis(50);
/// What a client says first that speaks HTTP/2 without being asked.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One listener that answers. Its connections see a new site at their next request.
#[derive(Debug)]
pub(super) struct Listener {
    door: Arc<Door>,
    phase: watch::Sender<Phase>,
    /// Closed when the accept loop and every connection have ended.
    gone: mpsc::Receiver<()>,
}

/// Who answers at a listener, and how.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) site: Arc<Site>,
    pub(super) speaks: Speaks,
    /// The mode of a Unix socket's file.
    pub(super) mode: u32,
}

#[derive(Debug)]
struct Door {
    listening: Arc<Listening>,
    site: Arc<ArcSwap<Site>>,
    /// For the next connection.
    speaks: Mutex<Speaks>,
    connections: Arc<Gauge>,
}

impl Listener {
    /// Accepts from now on.
    pub(super) fn start(
        listening: Arc<Listening>,
        served: Served,
        connections: &Arc<Gauge>,
    ) -> Self {
        let (phase, ending) = watch::channel(Phase::Open);
        let (alive, gone) = mpsc::channel(1);
        let Served { site, speaks, .. } = served;
        let site = Arc::new(ArcSwap::new(site));
        let (speaks, connections) = (Mutex::new(speaks), Arc::clone(connections));
        let door = Arc::new(Door { listening, site, speaks, connections });
        tokio::spawn(accept(Arc::clone(&door), ending, alive));
        Self { door, phase, gone }
    }

    /// Where it listens.
    pub(super) fn local(&self) -> &Peer {
        self.door.listening.local()
    }

    /// Its socket.
    pub(super) fn listening(&self) -> &Arc<Listening> {
        &self.door.listening
    }

    /// Who answers; the mode says nothing.
    pub(super) fn served(&self) -> Served {
        let Door { site, speaks, .. } = &*self.door;
        Served { site: site.load_full(), speaks: *speaks.lock(), mode: 0 }
    }

    /// Answers with another site from the next request on; a socket's own settings go for
    /// the next connection.
    pub(super) fn turn_to(&self, served: Served) {
        let Served { site, speaks, mode } = served;
        self.door.listening.set_keepalive(site.keepalive);
        // It had a mode when it was opened; this can only fail if its file is gone.
        let _ = self.door.listening.set_mode(mode);
        *self.door.speaks.lock() = speaks;
        self.door.site.store(site);
    }

    /// Lets handlers know when it will drain.
    pub(super) fn announce_end(&self, at: Instant) {
        // The first word stands.
        let _ = self.door.site.load().shutdown_at.set(at);
    }

    /// Accepts no more, lets requests in flight end within `grace`, or without limit, and
    /// cuts off the others.
    pub(super) async fn drain(self, grace: Option<Duration>) {
        let Self { door, phase, mut gone } = self;
        drop(door);
        phase.send_replace(Phase::Draining);
        match grace {
            None => drop(gone.recv().await),
            Some(grace) => {
                if tokio::time::timeout(grace, gone.recv()).await.is_err() {
                    phase.send_replace(Phase::Over);
                    gone.recv().await;
                }
            }
        }
    }
}

/// Accepts until the listener drains, and then whoever already waits; ends with the last
/// connection, or cuts them off when all is over.
async fn accept(door: Arc<Door>, phase: watch::Receiver<Phase>, alive: mpsc::Sender<()>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = reached(phase.clone(), Phase::Draining) => break,
            Some(_) = connections.join_next() => continue,
            accepted = door.listening.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => door.admit(&mut connections, accepted, &phase, &alive),
            // The client gave up before it was accepted.
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(e) => {
                door.complain(&e);
                tokio::time::sleep(REST).await;
            }
        }
    }
    while let Some(Ok(accepted)) = door.listening.accept().now_or_never() {
        door.admit(&mut connections, accepted, &phase, &alive);
    }
    drop(door);
    tokio::select! {
        () = reached(phase, Phase::Over) => connections.shutdown().await,
        () = async { while connections.join_next().await.is_some() {} } => {}
    }
}

impl Door {
    fn admit(
        &self,
        connections: &mut JoinSet<()>,
        (stream, remote, local): (Stream, Peer, Peer),
        phase: &watch::Receiver<Phase>,
        alive: &mpsc::Sender<()>,
    ) {
        let site = Arc::clone(&self.site);
        let phase = phase.clone();
        let counted = Some(self.connections.hold());
        let connection =
            Connection { remote, local, site, phase, _counted: counted, _alive: alive.clone() };
        connections.spawn(serve(stream, connection, *self.speaks.lock()));
    }

    fn complain(&self, error: &io::Error) {
        self.site.load().logs.write(Level::Error, "http", "accepting failed", |o| {
            o.str("address", &self.listening.local().to_string());
            o.str("error", &error.to_string());
        });
    }
}

/// Finds out which protocol is spoken, and speaks it.
async fn serve(stream: Stream, mut connection: Connection, speaks: Speaks) {
    let (timeouts, wrappers) = {
        let site = connection.site.load();
        (site.timeouts, Arc::clone(&site.wrappers))
    };
    let mut conn = Conn::new(stream, timeouts.write.limit, timeouts.part);
    if !wrappers.is_empty() {
        let admit = Box::pin(wrappers.admit(&mut conn, &mut connection));
        if !matches!(tokio::time::timeout(timeouts.head, admit).await, Ok(true)) {
            return;
        }
    }
    drop(wrappers);
    let sniffed = tokio::select! {
        biased;
        sniffed = tokio::time::timeout(timeouts.head, speaks_h2(&mut conn)) => sniffed,
        () = silent_end(&connection) => return,
    };
    match sniffed {
        Ok(Ok(true)) if speaks.h2c => Box::pin(h2::serve(conn, connection)).await,
        // Where HTTP/2 is off its preface is a request of a version that is not known.
        Ok(Ok(_)) if speaks.h1 => h1::serve(conn, connection).await,
        Ok(Ok(_) | Err(_)) | Err(_) => {}
    }
}

/// When a connection may be closed on which nothing was said yet. A client that was
/// accepted just before the listener drains has its request under way.
async fn silent_end(connection: &Connection) {
    connection.stopped().await;
    tokio::time::sleep(REST).await;
}

/// Waits until the preface of HTTP/2 is there or cannot be.
async fn speaks_h2(conn: &mut Conn) -> io::Result<bool> {
    loop {
        let seen = conn.waiting();
        let len = seen.len().min(PREFACE.len());
        if seen[..len] != PREFACE[..len] {
            return Ok(false);
        }
        if len == PREFACE.len() {
            return Ok(true);
        }
        if !conn.fill().await? {
            return Ok(false);
        }
    }
}
