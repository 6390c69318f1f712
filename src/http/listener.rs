//! Listeners and their accept loops.

use super::conn::Conn;
use super::connection::Connection;
use super::server::{BindError, Keepalive, Site};
use super::{h1, h2};
use crate::logging::Level;
use arc_swap::ArcSwap;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// TCP keep-alive's silence and interval when the configuration names none.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// And its number of probes.
const KEEPALIVE_COUNT: u32 = 9;
/// How long the loop rests when nothing can be accepted, as for want of descriptors.
const REST: Duration = Duration::from_millis(50);
/// What a client says first that speaks HTTP/2 without being asked.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One open listener.
#[derive(Debug)]
pub(super) struct Listener {
    tcp: TcpListener,
    local: SocketAddr,
    site: Arc<ArcSwap<Site>>,
}

impl Listener {
    /// Opens an address: `host:port`, `:port`, `[v6]:port`.
    pub(super) fn bind(address: &str, site: Arc<ArcSwap<Site>>) -> Result<Self, BindError> {
        let failed = |error| BindError { address: address.to_owned(), error };
        let keepalive = site.load().keepalive;
        let tcp = open(address, keepalive).map_err(failed)?;
        let tcp = TcpListener::from_std(tcp).map_err(failed)?;
        let local = tcp.local_addr().map_err(failed)?;
        Ok(Self { tcp, local, site })
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Accepts until `stop` is true; each connection holds `alive` as long as it lives.
    pub(super) async fn accept(self, mut stop: watch::Receiver<bool>, alive: mpsc::Sender<()>) {
        let stopped = stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                accepted = self.tcp.accept() => accepted,
            };
            match accepted {
                Ok((tcp, remote)) => {
                    let connection = Connection {
                        remote: canonical(remote),
                        local: canonical(tcp.local_addr().unwrap_or(self.local)),
                        site: Arc::clone(&self.site),
                        stop: stopped.clone(),
                    };
                    let alive = alive.clone();
                    tokio::spawn(async move {
                        serve(tcp, connection).await;
                        drop(alive);
                    });
                }
                // The client gave up before it was accepted.
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(e) => {
                    self.site.load().logs.write(Level::Error, "http", "accepting failed", |o| {
                        o.str("address", &self.local.to_string());
                        o.str("error", &e.to_string());
                    });
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

fn open(address: &str, keepalive: Keepalive) -> io::Result<std::net::TcpListener> {
    let (host, port) = address.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
    let port: u16 = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        // One socket for both families, where the system has the newer one.
        let any = SocketAddr::from(([0u16; 8], port));
        return listen(any, keepalive, true)
            .or_else(|_| listen(SocketAddr::from(([0; 4], port)), keepalive, false));
    }
    let addresses = std::net::ToSocketAddrs::to_socket_addrs(&(host, port))?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match listen(address, keepalive, false) {
            Ok(listener) => return Ok(listener),
            Err(e) => last = e,
        }
    }
    Err(last)
}

fn listen(
    address: SocketAddr,
    keepalive: Keepalive,
    both: bool,
) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if both {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit these.
    socket.set_tcp_nodelay(true)?;
    if !keepalive.disabled {
        let probes = TcpKeepalive::new()
            .with_time(keepalive.idle.unwrap_or(KEEPALIVE))
            .with_interval(keepalive.interval.unwrap_or(KEEPALIVE))
            .with_retries(keepalive.count.unwrap_or(KEEPALIVE_COUNT));
        socket.set_tcp_keepalive(&probes)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// An IPv4 address as such, when it comes through a socket for both families.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Finds out which protocol is spoken, and speaks it.
async fn serve(tcp: TcpStream, connection: Connection) {
    let (timeouts, h2c) = {
        let site = connection.site.load();
        (site.timeouts, site.h2c)
    };
    let mut conn = Conn::new(tcp, connection.remote, timeouts.write);
    let sniffed = tokio::select! {
        biased;
        sniffed = tokio::time::timeout(timeouts.head, speaks_h2(&mut conn)) => sniffed,
        () = connection.stopped() => return,
    };
    match sniffed {
        Ok(Ok(true)) if h2c => h2::serve(conn, connection).await,
        // Where HTTP/2 is off its preface is a request of a version that is not known.
        Ok(Ok(_)) => h1::serve(conn, connection).await,
        Ok(Err(_)) | Err(_) => {}
    }
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
