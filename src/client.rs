//! Requests to other servers: an admin endpoint, a server of configurations, a collector.
//!
//! In reading order: [`Url`] says where somebody is, [`connect`] opens a stream to there,
//! [`ask`] sends one HTTP/1.1 request and waits for its answer, [`tls`] secures streams.
//! Nothing here is for requests of clients. This room knows nobody.

pub mod tls;

use std::io;
use std::time::Duration;
use tls::Tls;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest answer when nobody says.
const ANSWER_MAX: u64 = 128 * 1024 * 1024;

/// Where somebody listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A name or an IP address, and a port.
    Tcp(String, u16),
    /// The path of a Unix socket; `@` begins the name of an abstract one.
    Unix(String),
}

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether it begins with `https`.
    pub secure: bool,
    /// Host and port, as they are written.
    pub authority: String,
    /// The host without brackets.
    pub host: String,
    /// The port; absent when none is written.
    pub port: Option<u16>,
    /// Path and query; empty when there are none.
    pub target: String,
}

impl Url {
    /// Reads a URL of `http` or `https`; `None` when it is none, or names nobody.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let bracketed = authority.strip_prefix('[').and_then(|inner| inner.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let is_host = !host.is_empty() && !host.contains([' ', '@']);
        let port = port.map(str::parse).transpose().ok()?;
        let (authority, host, target) = (authority.to_owned(), host.to_owned(), target.to_owned());
        is_host.then_some(Self { secure, authority, host, port, target })
    }

    /// What a `Location` means that came from here.
    pub fn join(&self, location: &str) -> Option<Self> {
        if location.contains("://") {
            return Self::parse(location);
        }
        let scheme = if self.secure { "https" } else { "http" };
        if location.starts_with("//") {
            return Self::parse(&format!("{scheme}:{location}"));
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let target = match location.as_bytes().first() {
            Some(b'/') => location.to_owned(),
            Some(b'?') => format!("{path}{location}"),
            _ => format!("{}/{location}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
        };
        Some(Self { target, ..self.clone() })
    }

    /// Where it is; on the port of its scheme when it names none.
    pub fn place(&self) -> Place {
        let port = self.port.unwrap_or(if self.secure { 443 } else { 80 });
        Place::Tcp(self.host.clone(), port)
    }
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The `Host` field.
    pub host: &'a str,
    /// Further fields.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: &'a [u8],
    /// The longest answer; 128 MiB when absent.
    pub answer_max: Option<u64>,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its `Content-Type`; empty without one.
    pub content_type: String,
    /// Its `Location`; empty without one.
    pub location: String,
    /// Its `Retry-After`; empty without one.
    pub retry_after: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Both directions to another server.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens a stream, secured when there is something to secure it with.
///
/// # Errors
/// When nobody listens there, or who does is not who was meant.
pub async fn connect(place: &Place, tls: Option<&Tls>) -> io::Result<Box<dyn Stream>> {
    let connecting = async {
        match place {
            Place::Unix(path) => {
                let name = path.strip_prefix('@').map(|name| format!("\0{name}"));
                let stream = UnixStream::connect(name.as_ref().unwrap_or(path)).await?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            }
            Place::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                match tls {
                    None => Ok(Box::new(stream) as Box<dyn Stream>),
                    Some(tls) => Ok(Box::new(tls.secure(stream, host).await?) as _),
                }
            }
        }
    };
    timeout(CONNECT, connecting).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Asks whoever listens at a place, and waits for the whole answer.
///
/// # Errors
/// When nobody listens, or what comes back is no answer.
pub async fn ask(place: &Place, tls: Option<&Tls>, ask: &Ask<'_>) -> io::Result<Answer> {
    exchange(connect(place, tls).await?, ask).await
}

async fn exchange(mut stream: Box<dyn Stream>, ask: &Ask<'_>) -> io::Result<Answer> {
    let Ask { method, target, host, fields, body, answer_max } = ask;
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Length: {}\r\n",
        body.len()
    );
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let ended = stream.take(answer_max.unwrap_or(ANSWER_MAX)).read_to_end(&mut answer).await;
    match (parse(&answer), ended) {
        // An answer that says how long it is is whole, however its stream ends.
        (Some((answer, true)), _) | (Some((answer, false)), Ok(_)) => Ok(answer),
        (_, Err(error)) => Err(error),
        (None, Ok(_)) => Err(io::Error::new(io::ErrorKind::InvalidData, "malformed answer")),
    }
}

/// Reads an answer, and tells whether it says itself where it ends.
fn parse(bytes: &[u8]) -> Option<(Answer, bool)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let rest = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, ..Answer::default() };
    let (mut chunked, mut length) = (false, None);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-type" => answer.content_type = value.trim().to_owned(),
            "location" => answer.location = value.trim().to_owned(),
            "retry-after" => answer.retry_after = value.trim().to_owned(),
            "content-length" => length = value.trim().parse::<usize>().ok(),
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    answer.body = match length {
        _ if chunked => unchunk(rest)?,
        Some(length) => rest.get(..length)?.to_vec(),
        None => rest.to_vec(),
    };
    Some((answer, chunked || length.is_some()))
}
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &str, expected: Option<(u16, &str)>) {
        let got = parse(bytes.as_bytes());
        let got = got.map(|(a, _)| (a.status, String::from_utf8(a.body).expect("text")));
        assert_eq!(got, expected.map(|(status, body)| (status, body.to_owned())), "{bytes:?}");
    }

    #[test]
    fn bodies_end_by_length_by_chunks_or_with_the_connection() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", Some((200, "ab")));
        let chunks = "2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n";
        check(
            &format!("HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
            Some((400, "abc")),
        );
        check("HTTP/1.0 204 None\r\n\r\nabc", Some((204, "abc")));
    }

    #[track_caller]
    fn check_url(url: &str, expected: Option<(Place, &str, &str)>) {
        let got = Url::parse(url).map(|url| (url.place(), url.authority, url.target));
        let expected = expected.map(|(p, a, t)| (p, a.to_owned(), t.to_owned()));
        assert_eq!(got, expected, "{url}");
    }

    #[test]
    fn an_address_has_a_host_a_port_and_a_target() {
        let tcp = |host: &str, port| Place::Tcp(host.to_owned(), port);
        check_url("http://a.test", Some((tcp("a.test", 80), "a.test", "")));
        check_url("http://a.test:81/b?c#d", Some((tcp("a.test", 81), "a.test:81", "/b?c")));
        check_url("HTTPS://[::1]?x", Some((tcp("::1", 443), "[::1]", "?x")));
        check_url("https://[::1]:4318", Some((tcp("::1", 4318), "[::1]:4318", "")));
        check_url("http:///x", None);
        check_url("http://a:b/", None);
        check_url("a.test:80", None);
    }

    #[test]
    fn a_location_is_read_from_where_it_came() {
        let check = |location: &str, expected: &str| {
            let url = Url::parse("https://a.test/b/c?d").and_then(|url| url.join(location));
            let got = url.map(|url| format!("{} {}{}", url.secure, url.authority, url.target));
            assert_eq!(got.as_deref(), Some(expected), "{location}");
        };
        check("http://e.test:1/f", "false e.test:1/f");
        check("//e.test/f", "true e.test/f");
        check("/f?g", "true a.test/f?g");
        check("f", "true a.test/b/f");
        check("?g", "true a.test/b/c?g");
    }

    #[test]
    fn what_is_cut_short_is_no_answer() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", None);
        check("HTTP/1.1 200 OK\r\n", None);
        check("SSH-2.0\r\n\r\n", None);
    }
}
