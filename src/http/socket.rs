//! Sockets: those that listen, and the streams that come out of them.
//!
//! TCP and Unix sockets are one type each here, so that nobody behind has to tell them
//! apart.

use super::address::Endpoint;
use super::connection::Peer;
use super::server::Keepalive;
use rustix::net::sockopt::set_socket_reuseport;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{Interest, ReadBuf, Ready};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// TCP keep-alive's silence and interval when the configuration names none.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// And its number of probes.
const KEEPALIVE_COUNT: u32 = 9;

/// A socket that listens. A Unix socket's file goes with it.
#[derive(Debug)]
pub(super) struct Listening {
    kind: Kind,
    local: Peer,
    /// Where it listens, if that is TCP's.
    place: Option<Place>,
    /// The file to remove.
    file: Option<PathBuf>,
}

/// What TCP can listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    address: SocketAddr,
    /// Whether it is IPv4's as well as IPv6's.
    both: bool,
}

impl Place {
    /// Where an endpoint may be, the best first; nowhere when it is not TCP's.
    pub(super) fn of(endpoint: &Endpoint) -> io::Result<Vec<Self>> {
        let network = endpoint.network.as_str();
        if !matches!(network, "tcp" | "tcp4" | "tcp6") {
            return Ok(Vec::new());
        }
        let (host, port) = endpoint.address.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
        let port: u16 = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let v4 = Self { address: SocketAddr::from(([0; 4], port)), both: false };
        let v6 = Self { address: SocketAddr::from(([0u16; 8], port)), both: false };
        let is_any = host.parse().map_or(host.is_empty(), |ip: IpAddr| ip.is_unspecified());
        Ok(match (is_any, network) {
            (true, "tcp4") => vec![v4],
            (true, "tcp6") => vec![v6],
            // One socket for both families, where the system has the newer one; so does Go,
            // whichever of them the address is written in.
            (true, _) => vec![Self { both: true, ..v6 }, v4],
            _ => std::net::ToSocketAddrs::to_socket_addrs(&(host, port))?
                .filter(|a| network == "tcp" || a.is_ipv4() == (network == "tcp4"))
                .map(|address| Self { address, both: false })
                .collect(),
        })
    }

    /// Whether whoever connects to `other` comes here when nobody listens there.
    pub(super) fn covers(self, other: Self) -> bool {
        let Self { address, both } = self;
        address.ip().is_unspecified()
            && address.port() == other.address.port()
            && (both || address.is_ipv4() == other.address.is_ipv4())
            && (!other.address.ip().is_unspecified() || (both && !other.both))
    }
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listening {
    /// Opens an endpoint. Runs on a tokio runtime.
    pub(super) fn open(endpoint: &Endpoint, keepalive: Keepalive) -> io::Result<Self> {
        let address = endpoint.address.as_str();
        match endpoint.network.as_str() {
            "tcp" | "tcp4" | "tcp6" => {
                let (socket, both) = open_tcp(&Place::of(endpoint)?, keepalive, false)?;
                Self::tcp(socket, both)
            }
            "unix" | "unix+h2c" => {
                let listener = open_unix(address)?;
                let file = (!address.starts_with('@')).then(|| PathBuf::from(address));
                let local = Peer::Unix(address.to_owned());
                let opened = Self { kind: Kind::Unix(listener), local, place: None, file };
                opened.set_mode(endpoint.mode)?;
                Ok(opened)
            }
            "fd" => Self::inherited(address),
            network => {
                let text = format!("network \"{network}\" is not supported yet");
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }

    /// Opens an endpoint of TCP although `others`, which are ours, listen on the same port:
    /// whoever connects comes to the one whose address is most like the one asked for.
    pub(super) fn open_beside(
        endpoint: &Endpoint,
        keepalive: Keepalive,
        others: &[Arc<Self>],
    ) -> io::Result<Self> {
        others.iter().try_for_each(|other| other.share(true))?;
        let opened = Place::of(endpoint).and_then(|places| open_tcp(&places, keepalive, true));
        // It was set a moment ago; a socket that is shared for longer does no harm.
        others.iter().for_each(|other| drop(other.share(false)));
        let (socket, both) = opened?;
        Self::tcp(socket, both)
    }

    /// Lets the port be opened once more, by this user.
    fn share(&self, shared: bool) -> io::Result<()> {
        match &self.kind {
            Kind::Tcp(tcp) => Ok(set_socket_reuseport(tcp, shared)?),
            Kind::Unix(_) => Ok(()),
        }
    }

    fn tcp(socket: std::net::TcpListener, both: bool) -> io::Result<Self> {
        let address = socket.local_addr()?;
        Ok(Self {
            kind: Kind::Tcp(TcpListener::from_std(socket)?),
            local: Peer::Ip(canonical(address)),
            place: Some(Place { address, both }),
            file: None,
        })
    }

    /// A socket that the process was started with, by its number.
    fn inherited(number: &str) -> io::Result<Self> {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let fd: RawFd =
            number.parse().map_err(|_| invalid(format!("invalid file descriptor: {number}")))?;
        // Ours is a copy: the number stays for the next configuration.
        let this = pidfd_open(getpid(), PidfdFlags::empty())?;
        let socket: Socket = pidfd_getfd(this, fd, PidfdGetfdFlags::empty())
            .map_err(|_| invalid(format!("invalid socket file descriptor: {fd}")))?
            .into();
        socket.set_nonblocking(true)?;
        if socket.local_addr()?.is_unix() {
            let listener = UnixListener::from_std(OwnedFd::from(socket).into())?;
            return Ok(Self {
                kind: Kind::Unix(listener),
                local: Peer::Unix(String::new()),
                place: None,
                file: None,
            });
        }
        let both = !socket.only_v6().unwrap_or(true);
        Self::tcp(socket.into(), both)
    }

    /// Where it listens.
    pub(super) const fn local(&self) -> &Peer {
        &self.local
    }

    /// The same, if that is TCP's.
    pub(super) const fn place(&self) -> Option<Place> {
        self.place
    }

    /// Whether it has the port of one of these.
    pub(super) fn has_port_of(&self, places: &[Place]) -> bool {
        let port = |place: &Place| place.address.port();
        self.place.as_ref().is_some_and(|ours| places.iter().any(|p| port(p) == port(ours)))
    }

    /// Sets what connections to come are to have of TCP's keep-alive. What the system does
    /// not take is as it was.
    pub(super) fn set_keepalive(&self, keepalive: Keepalive) {
        if let Kind::Tcp(tcp) = &self.kind {
            let _ = probes(&socket2::SockRef::from(tcp), keepalive);
        }
    }

    /// Sets the mode of a Unix socket's file.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        std::fs::set_permissions(file, PermissionsExt::from_mode(mode)).map_err(|error| {
            let file = file.display();
            io::Error::new(error.kind(), format!("unable to set permissions on {file}: {error}"))
        })
    }

    /// The next connection, its client's address and ours.
    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer, Peer)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, remote) = listener.accept().await?;
                let local = stream.local_addr().map_or_else(|_| self.local.clone(), Peer::from);
                Ok((Stream::Tcp(stream), remote.into(), local))
            }
            Kind::Unix(listener) => {
                let (stream, _unnamed) = listener.accept().await?;
                Ok((Stream::Unix(stream), Peer::Unix("@".to_owned()), self.local.clone()))
            }
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(file);
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(canonical(address))
    }
}

/// An IPv4 address as such, when it comes through a socket for both families.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The first of these places that can be opened, and whether it is both families'.
fn open_tcp(
    places: &[Place],
    keepalive: Keepalive,
    shared: bool,
) -> io::Result<(std::net::TcpListener, bool)> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for place in places {
        match listen(*place, keepalive, shared) {
            Ok(listener) => return Ok((listener, place.both)),
            Err(e) => last = e,
        }
        // What is said of both families goes for the older one alone.
        let is_taken =
            matches!(last.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied);
        if place.both && is_taken {
            break;
        }
    }
    Err(last)
}

fn listen(place: Place, keepalive: Keepalive, shared: bool) -> io::Result<std::net::TcpListener> {
    let Place { address, both } = place;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!both)?;
    }
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit these.
    socket.set_tcp_nodelay(true)?;
    probes(&socket2::SockRef::from(&socket), keepalive)?;
    socket.set_nonblocking(true)?;
    if shared {
        set_socket_reuseport(&socket, true)?;
    }
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    if shared {
        set_socket_reuseport(&socket, false)?;
    }
    Ok(socket.into())
}

fn probes(socket: &socket2::SockRef<'_>, keepalive: Keepalive) -> io::Result<()> {
    if keepalive.disabled {
        return socket.set_keepalive(false);
    }
    let probes = TcpKeepalive::new()
        .with_time(keepalive.idle.unwrap_or(KEEPALIVE))
        .with_interval(keepalive.interval.unwrap_or(KEEPALIVE))
        .with_retries(keepalive.count.unwrap_or(KEEPALIVE_COUNT));
    socket.set_tcp_keepalive(&probes)
}

/// Opens a path, or with `@` a name that has no file.
fn open_unix(address: &str) -> io::Result<UnixListener> {
    use std::os::unix::net::{SocketAddr as Name, UnixListener as Std};
    let name = match address.strip_prefix('@') {
        Some(name) => Name::from_abstract_name(name)?,
        None => {
            // What a program left behind that was killed.
            match std::fs::remove_file(address) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => Name::from_pathname(address)?,
            }
        }
    };
    let listener = Std::bind_addr(&name)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// A connection's bytes.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(s) => s.readable().await,
            Self::Unix(s) => s.readable().await,
        }
    }

    pub(super) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self {
            Self::Tcp(s) => s.ready(interest).await,
            Self::Unix(s) => s.ready(interest).await,
        }
    }

    pub(super) fn try_io<R>(
        &self,
        interest: Interest,
        call: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        match self {
            Self::Tcp(s) => s.try_io(interest, call),
            Self::Unix(s) => s.try_io(interest, call),
        }
    }

    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(s) => s.poll_read_ready(cx),
            Self::Unix(s) => s.poll_read_ready(cx),
        }
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(s) => ready!(s.poll_write_ready(cx)),
            Self::Unix(s) => ready!(s.poll_write_ready(cx)),
        }
        .into()
    }

    pub(super) fn try_read_buf(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        match self {
            Self::Tcp(s) => s.try_read_buf(buf),
            Self::Unix(s) => s.try_read_buf(buf),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(s) => s.as_fd(),
            Self::Unix(s) => s.as_fd(),
        }
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::address::NetworkAddress;

    #[track_caller]
    fn open(text: &str) -> io::Result<Listening> {
        let address = NetworkAddress::parse(text, 0).expect("an address");
        Listening::open(&address.endpoints()[0], Keepalive::default())
    }

    #[tokio::test]
    async fn a_unix_socket_has_its_mode_and_its_file_goes_with_it() {
        let path = std::env::temp_dir().join(format!("pogo-socket-{}", std::process::id()));
        let listening = open(&format!("unix/{}|0622", path.display())).expect("it opens");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o622);
        let client = UnixStream::connect(&path).await.expect("it listens");
        let (_stream, remote, local) = listening.accept().await.expect("the client is there");
        assert_eq!(remote.to_string(), "@");
        assert_eq!(local.to_string(), path.display().to_string());
        drop((client, listening));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_name_without_a_file_is_listened_on() {
        let name = format!("pogo-abstract-{}", std::process::id());
        let listening = open(&format!("unix/@{name}")).expect("it opens");
        assert_eq!(listening.local().to_string(), format!("@{name}"));
        assert!(open(&format!("unix/@{name}")).is_err(), "it is taken");
    }

    #[tokio::test]
    async fn a_socket_of_our_own_is_listened_on_by_its_number() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("its address").port();
        let listening = open(&format!("fd/{}", socket.as_raw_fd())).expect("it is open");
        let client = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
        let (_stream, remote, local) = listening.accept().await.expect("the client is there");
        assert_eq!(remote.to_string(), client.local_addr().expect("it has one").to_string());
        assert_eq!(local.to_string(), format!("127.0.0.1:{port}"));
    }

    #[tokio::test]
    async fn a_number_without_a_socket_is_refused() {
        let error = open("fd/9999").expect_err("nothing is there");
        assert_eq!(error.to_string(), "invalid socket file descriptor: 9999");
        let error = open("udp/:1").expect_err("no streams");
        assert_eq!(error.to_string(), "network \"udp\" is not supported yet");
    }

    #[track_caller]
    fn check_covers(wide: &str, narrow: &str, expected: bool) {
        let place = |text| {
            let address = NetworkAddress::parse(text, 0).expect("an address");
            Place::of(&address.endpoints()[0]).expect("a place")[0]
        };
        assert_eq!(place(wide).covers(place(narrow)), expected, "{wide} {narrow}");
    }

    #[test]
    fn who_listens_on_every_address_is_reached_by_each() {
        check_covers(":80", "127.0.0.1:80", true);
        check_covers(":80", "[::1]:80", true);
        check_covers(":80", "tcp4/:80", true);
        check_covers("0.0.0.0:80", "tcp6/:80", true);
        check_covers("tcp4/:80", "127.0.0.1:80", true);
        check_covers("tcp4/:80", "[::1]:80", false);
        check_covers("tcp4/:80", ":80", false);
        check_covers(":80", ":80", false);
        check_covers(":80", "127.0.0.1:81", false);
        check_covers("127.0.0.1:80", ":80", false);
    }

    #[tokio::test]
    async fn a_socket_is_opened_beside_ours_and_nobody_elses() {
        let ours = Arc::new(open("127.0.0.1:0").expect("it opens"));
        let port = ours.local().port();
        let address = NetworkAddress::parse(&format!(":{port}"), 0).expect("an address");
        let wide = &address.endpoints()[0];
        let taken = Listening::open(wide, Keepalive::default()).expect_err("it is in the way");
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        let opened = Listening::open_beside(wide, Keepalive::default(), &[Arc::clone(&ours)]);
        let opened = opened.expect("it is ours that is in the way");
        let client = TcpStream::connect(("127.0.0.1", port.parse().expect("a port")));
        let _client = client.await.expect("the narrower one listens");
        ours.accept().await.expect("the client is there");
        let again = Listening::open(wide, Keepalive::default()).expect_err("it is in the way");
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        drop(opened);
    }

    #[tokio::test]
    async fn each_family_can_be_had_alone() {
        for network in ["tcp4", "tcp6"] {
            let listening = open(&format!("{network}/:0")).expect("it opens");
            let Peer::Ip(local) = listening.local() else { panic!("no Unix socket") };
            assert_eq!(local.is_ipv4(), network == "tcp4");
        }
    }
}
