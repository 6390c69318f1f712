//! A log over a connection, which is made anew when it breaks.

use super::append;
use crate::config::logging::writers::Net as Config;
use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::{Duration, Instant};

/// How long connecting may take when the configuration does not say.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two attempts to connect anew.
const PAUSE: Duration = Duration::from_secs(10);

/// Where to, and how.
#[derive(Clone, Debug)]
struct Target {
    network: String,
    /// Host and port, or a path.
    address: String,
    timeout: Duration,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Udp(UdpSocket),
    Unix(UnixStream),
    UnixDatagram(UnixDatagram),
}

/// The connection.
#[derive(Debug)]
pub(super) struct Net {
    target: Target,
    socket: Option<Socket>,
    /// When it was last tried in vain.
    tried: Option<Instant>,
}

impl Net {
    /// Connects, unless it may start without.
    pub(super) fn open(config: &Config) -> io::Result<Self> {
        let target = Target::parse(config)?;
        match target.dial() {
            Ok(socket) => Ok(Self { target, socket: Some(socket), tried: None }),
            Err(_) if config.soft_start => {
                Ok(Self { target, socket: None, tried: Some(Instant::now()) })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether each line must go out by itself.
    pub(super) fn is_datagram(&self) -> bool {
        self.target.network.starts_with("udp") || self.target.network == "unixgram"
    }

    fn redial(&mut self) {
        if self.tried.is_none_or(|tried| tried.elapsed() >= PAUSE) {
            self.socket = self.target.dial().ok();
            self.tried = self.socket.is_none().then(Instant::now);
        }
    }
}

impl Write for Net {
    /// What cannot be sent goes to standard error instead, so that it is not lost.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.socket.as_mut().is_some_and(|socket| socket.send(data).is_ok()) {
            return Ok(data.len());
        }
        self.socket = None;
        self.redial();
        match &mut self.socket {
            Some(socket) => socket.send(data)?,
            None => io::stderr().write_all(data)?,
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket {
    fn send(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(data),
            Self::Unix(stream) => stream.write_all(data),
            Self::Udp(socket) => socket.send(data).map(drop),
            Self::UnixDatagram(socket) => socket.send(data).map(drop),
        }
    }
}

impl Target {
    fn parse(config: &Config) -> io::Result<Self> {
        let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let text = append::fill(&config.address, &append::value_of);
        let (network, address) = match text.split_once('/') {
            Some((network, address)) if !network.is_empty() => (network, address),
            _ => ("tcp", text.as_str()),
        };
        if address.is_empty() {
            return Err(wrong(format!("parsing network address '{text}': there is no address")));
        }
        match network {
            "tcp" | "tcp4" | "tcp6" | "udp" | "udp4" | "udp6" => {
                let port = address.rsplit_once(':').map(|(_, port)| port);
                if port.is_some_and(|port| port.contains('-')) {
                    return Err(wrong("multiple ports not supported".to_owned()));
                }
                if port.is_none_or(|port| port.parse::<u16>().is_err()) {
                    return Err(wrong(format!("parsing network address '{text}': bad port")));
                }
            }
            "unix" | "unixgram" => {}
            other => return Err(wrong(format!("network \"{other}\" is not supported"))),
        }
        let timeout = match config.dial_timeout.to_std() {
            Duration::ZERO => DIAL_TIMEOUT,
            timeout => timeout,
        };
        Ok(Self { network: network.to_owned(), address: address.to_owned(), timeout })
    }

    fn dial(&self) -> io::Result<Socket> {
        match self.network.as_str() {
            "unix" => return UnixStream::connect(&self.address).map(Socket::Unix),
            "unixgram" => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(&self.address)?;
                return Ok(Socket::UnixDatagram(socket));
            }
            _ => {}
        }
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        let address = match self.address.strip_prefix(':') {
            Some(port) => format!("localhost:{port}"),
            None => self.address.clone(),
        };
        for address in address.to_socket_addrs()? {
            let of_family = match self.network.as_bytes().last() {
                Some(b'4') => address.is_ipv4(),
                Some(b'6') => address.is_ipv6(),
                _ => true,
            };
            if !of_family {
                continue;
            }
            let dialed = if self.network.starts_with("udp") {
                let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                UdpSocket::bind(any)
                    .and_then(|socket| socket.connect(address).map(|()| Socket::Udp(socket)))
            } else {
                let stream = TcpStream::connect_timeout(&address, self.timeout);
                stream.and_then(|stream| {
                    // A peer that takes nothing is no better than one that is gone.
                    stream.set_write_timeout(Some(self.timeout))?;
                    Ok(Socket::Tcp(stream))
                })
            };
            match dialed {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn config(address: String, soft_start: bool) -> Config {
        Config { address, soft_start, ..Config::default() }
    }

    #[test]
    fn a_connection_that_broke_is_made_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let mut net = Net::open(&config(address, false)).expect("it listens");
        drop(listener.accept().expect("it is connected"));
        // The first write may still go into the closed connection.
        let mut connected = None;
        listener.set_nonblocking(true).expect("set");
        let deadline = Instant::now() + Duration::from_secs(5);
        while connected.is_none() && Instant::now() < deadline {
            net.write_all(b"line\n").expect("written somewhere");
            connected = listener.accept().ok();
        }
        let (mut stream, _) = connected.expect("it connects anew");
        stream.set_nonblocking(false).expect("set");
        let mut got = [0; 5];
        stream.read_exact(&mut got).expect("the line");
        assert_eq!(&got, b"line\n");
    }

    #[test]
    fn a_soft_start_needs_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        drop(listener);
        assert!(Net::open(&config(address.clone(), false)).is_err());
        assert!(Net::open(&config(address, true)).is_ok());
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        for (address, expected) in [
            ("tcp/a:1-2", "multiple ports not supported"),
            ("ip/a:1", "network \"ip\" is not supported"),
            ("a", "parsing network address 'a': bad port"),
            ("", "parsing network address '': there is no address"),
        ] {
            let error = Net::open(&config(address.to_owned(), true)).expect_err("it is wrong");
            assert_eq!(error.to_string(), expected);
        }
    }
}
