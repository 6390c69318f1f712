//! One HTTP/1.1 request and its answer, to an admin endpoint or a server of configurations.

use crate::http::NetworkAddress;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest answer.
const ANSWER_MAX: u64 = 128 * 1024 * 1024;

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
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its `Content-Type`; empty without one.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Asks whoever listens at an address, and waits for the whole answer.
///
/// # Errors
/// When nobody listens, or what comes back is no answer.
pub async fn ask(address: &NetworkAddress, ask: &Ask<'_>) -> io::Result<Answer> {
    if address.is_unix() {
        let path = address.host.split('|').next().unwrap_or_default();
        let path =
            path.strip_prefix('@').map_or_else(|| path.to_owned(), |name| format!("\0{name}"));
        return exchange(UnixStream::connect(path).await?, ask).await;
    }
    let host = if address.host.is_empty() { "localhost" } else { &address.host };
    let connecting = TcpStream::connect((host, address.ports.0));
    let stream = timeout(CONNECT, connecting).await.map_err(|_| io::ErrorKind::TimedOut)??;
    exchange(stream, ask).await
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    ask: &Ask<'_>,
) -> io::Result<Answer> {
    let Ask { method, target, host, fields, body } = ask;
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
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "malformed answer"))
}

/// Reads an answer that ends with its connection.
fn parse(bytes: &[u8]) -> Option<Answer> {
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
    Some(answer)
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
        let got = got.map(|a| (a.status, String::from_utf8(a.body).expect("text")));
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

    #[test]
    fn what_is_cut_short_is_no_answer() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", None);
        check("HTTP/1.1 200 OK\r\n", None);
        check("SSH-2.0\r\n\r\n", None);
    }
}
