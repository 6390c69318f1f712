//! `proxy_protocol`: a proxy says in front of a connection's bytes who the client is.
//!
//! Both versions of the header are read, a line of text and a block of bytes
//! (haproxy.org, proxy-protocol.txt). From whom one is believed, the configuration says.

use crate::config::listeners::{ProxyPolicy, ProxyProtocol as Config};
use crate::http::conn::Conn;
use crate::http::connection::{Connection, Peer};
use crate::http::ip_ranges::IpRanges;
use crate::http::server::ProvisionError;
use bytes::Buf;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long the header may take when the configuration does not say.
const TIMEOUT: Duration = Duration::from_secs(5);
/// What the header of the first version begins with, and how long it may be.
const V1: &[u8] = b"PROXY ";
const V1_MAX: usize = 107;
/// What that of the second version begins with, and the length of its fixed part.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V2_FIXED: usize = 16;

/// The compiled wrapper.
#[derive(Debug)]
pub(super) struct ProxyProtocol {
    timeout: Duration,
    allow: IpRanges,
    deny: IpRanges,
    fallback: ProxyPolicy,
}

/// What a connection begins with.
#[derive(Debug, PartialEq, Eq)]
enum Begins {
    /// Too little to tell.
    Unclear,
    /// No header.
    Bare,
    /// A header of so many bytes; the addresses of client and server when it has them.
    Header(usize, Option<(SocketAddr, SocketAddr)>),
    /// A header that is wrong.
    Malformed,
}

impl ProxyProtocol {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let parse = |ranges: &[String]| IpRanges::parse(ranges).map_err(ProvisionError::Invalid);
        Ok(Self {
            timeout: match config.timeout.to_std() {
                Duration::ZERO => TIMEOUT,
                timeout => timeout,
            },
            allow: parse(&config.allow)?,
            deny: parse(&config.deny)?,
            fallback: config.fallback_policy,
        })
    }

    /// Takes the header off a connection. False when the connection is to be closed.
    pub(super) async fn admit(&self, conn: &mut Conn, connection: &mut Connection) -> bool {
        let policy = self.policy(&connection.remote);
        if policy == ProxyPolicy::Skip {
            return true;
        }
        let begins = tokio::time::timeout(self.timeout, begins(conn)).await;
        // Who says nothing for so long has no header; what it says later is a request.
        let begins = begins.unwrap_or(match conn.waiting() {
            [] => Begins::Bare,
            _ => Begins::Malformed,
        });
        match (begins, policy) {
            (Begins::Bare, policy) => policy != ProxyPolicy::Require,
            (Begins::Malformed | Begins::Unclear, _) | (_, ProxyPolicy::Reject) => false,
            (Begins::Header(len, addresses), policy) => {
                conn.waiting_mut().advance(len);
                if let Some((client, server)) = addresses.filter(|_| policy != ProxyPolicy::Ignore)
                {
                    connection.remote = Peer::from(client);
                    connection.local = Peer::from(server);
                }
                true
            }
        }
    }

    fn policy(&self, remote: &Peer) -> ProxyPolicy {
        match remote.ip() {
            // Only who may open the socket connects through it.
            None => ProxyPolicy::Use,
            Some(ip) if self.deny.contains(ip) => ProxyPolicy::Reject,
            Some(ip) if self.allow.contains(ip) => ProxyPolicy::Use,
            Some(_) => self.fallback,
        }
    }
}

async fn begins(conn: &mut Conn) -> Begins {
    loop {
        match look(conn.waiting()) {
            Begins::Unclear => {}
            clear => return clear,
        }
        if !matches!(conn.fill().await, Ok(true)) {
            return Begins::Malformed;
        }
    }
}

fn look(seen: &[u8]) -> Begins {
    let begins_with = |signature: &[u8]| {
        let len = seen.len().min(signature.len());
        (seen[..len] == signature[..len]).then_some(len == signature.len())
    };
    match (begins_with(V1), begins_with(V2)) {
        (Some(true), _) => look_v1(seen),
        (_, Some(true)) => look_v2(seen),
        (None, None) => Begins::Bare,
        _ => Begins::Unclear,
    }
}

fn look_v1(seen: &[u8]) -> Begins {
    let Some(end) = seen.windows(2).take(V1_MAX).position(|w| w == b"\r\n") else {
        return if seen.len() < V1_MAX { Begins::Unclear } else { Begins::Malformed };
    };
    let Ok(line) = std::str::from_utf8(&seen[V1.len()..end]) else { return Begins::Malformed };
    let mut words = line.split(' ');
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        return Begins::Header(end + 2, None);
    }
    let parsed = (|| {
        let client: IpAddr = words.next()?.parse().ok()?;
        let server: IpAddr = words.next()?.parse().ok()?;
        let (from, to) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let is_family = match family {
            "TCP4" => client.is_ipv4() && server.is_ipv4(),
            "TCP6" => client.is_ipv6() && server.is_ipv6(),
            _ => false,
        };
        let ends = words.next().is_none();
        (is_family && ends).then(|| (SocketAddr::new(client, from), SocketAddr::new(server, to)))
    })();
    parsed.map_or(Begins::Malformed, |addresses| Begins::Header(end + 2, Some(addresses)))
}

fn look_v2(seen: &[u8]) -> Begins {
    let Some(fixed) = seen.get(..V2_FIXED) else { return Begins::Unclear };
    let end = V2_FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let Some(block) = seen.get(V2_FIXED..end) else { return Begins::Unclear };
    match (fixed[12], fixed[13] >> 4) {
        // The proxy speaks for itself, as to see whether we live.
        (0x20, _) => Begins::Header(end, None),
        (0x21, 1) => match block.first_chunk::<12>() {
            None => Begins::Malformed,
            Some(b) => {
                let client = Ipv4Addr::new(b[0], b[1], b[2], b[3]);
                let server = Ipv4Addr::new(b[4], b[5], b[6], b[7]);
                let (from, to) = ports([b[8], b[9], b[10], b[11]]);
                Begins::Header(end, Some(((client, from).into(), (server, to).into())))
            }
        },
        (0x21, 2) => match (
            block.first_chunk::<16>(),
            block.get(16..).and_then(<[u8]>::first_chunk::<16>),
            block.get(32..).and_then(<[u8]>::first_chunk::<4>),
        ) {
            (Some(client), Some(server), Some(last)) => {
                let (client, server) = (Ipv6Addr::from(*client), Ipv6Addr::from(*server));
                let (from, to) = ports(*last);
                Begins::Header(end, Some(((client, from).into(), (server, to).into())))
            }
            _ => Begins::Malformed,
        },
        // Of a family that has no addresses here.
        (0x21, _) => Begins::Header(end, None),
        _ => Begins::Malformed,
    }
}

const fn ports([a, b, c, d]: [u8; 4]) -> (u16, u16) {
    (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seen: &[u8], expected: &Begins) {
        assert_eq!(look(seen), *expected, "{:?}", String::from_utf8_lossy(seen));
    }

    fn header(len: usize, client: &str, server: &str) -> Begins {
        let address = |text: &str| text.parse().expect("an address");
        Begins::Header(len, Some((address(client), address(server))))
    }

    #[test]
    fn a_line_names_both_ends() {
        let line = b"PROXY TCP4 203.0.113.7 192.0.2.1 5678 80\r\nGET";
        check(line, &header(line.len() - 3, "203.0.113.7:5678", "192.0.2.1:80"));
        let line = b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n";
        check(line, &header(line.len(), "[2001:db8::1]:1", "[::1]:2"));
        check(b"PROXY UNKNOWN\r\n", &Begins::Header(15, None));
        check(b"PROXY UNKNOWN a b c d\r\n", &Begins::Header(23, None));
        check(b"PROXY TCP4 nonsense\r\n", &Begins::Malformed);
        check(b"PROXY TCP4 ::1 ::1 1 2\r\n", &Begins::Malformed);
        check(b"PROXY TCP4 203.0", &Begins::Unclear);
        check(&[b"PROXY TCP4 ".as_slice(), &[b'1'; 120]].concat(), &Begins::Malformed);
    }

    #[test]
    fn a_block_names_both_ends() {
        let block = |kind: [u8; 2], rest: &[u8]| {
            let len = u16::try_from(rest.len()).expect("short").to_be_bytes();
            [V2, &kind, &len, rest].concat()
        };
        let four = [203, 0, 113, 7, 192, 0, 2, 1, 0, 5, 0, 80];
        check(&block([0x21, 0x11], &four), &header(28, "203.0.113.7:5", "192.0.2.1:80"));
        let six = [[0; 15].as_slice(), &[1], &[0; 15], &[2], &[0, 5, 0, 80, 9]].concat();
        check(&block([0x21, 0x21], &six), &header(53, "[::1]:5", "[::2]:80"));
        check(&block([0x20, 0], &[]), &Begins::Header(16, None));
        check(&block([0x21, 0x11], &[1]), &Begins::Malformed);
        check(&block([0x31, 0x11], &four), &Begins::Malformed);
        check(&block([0x21, 0x11], &four)[..20], &Begins::Unclear);
    }

    #[test]
    fn a_request_has_no_header() {
        check(b"GET / HTTP/1.1\r\n", &Begins::Bare);
        check(b"PRI * HTTP/2.0\r\n", &Begins::Bare);
        check(b"P", &Begins::Unclear);
        check(b"", &Begins::Unclear);
    }
}
