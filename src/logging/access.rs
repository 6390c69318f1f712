//! The line of a request: what Caddy's access log and error log say of it.

use super::json::{Digits, Object};
use super::{Level, Logs};
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, PROXY_AUTHORIZATION, SET_COOKIE, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Fields whose values are not logged unless the configuration says so.
const CREDENTIALS: [HeaderName; 4] = [COOKIE, SET_COOKIE, AUTHORIZATION, PROXY_AUTHORIZATION];

/// What is logged of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The other end of the connection.
    pub remote: Option<SocketAddr>,
    /// The client's address, as trusted proxies name it.
    pub client: Option<IpAddr>,
    /// As `HTTP/1.1`.
    pub proto: &'a str,
    /// The method as it came.
    pub method: &'a str,
    /// The `Host` as it came.
    pub host: &'a [u8],
    /// Path and query as they came.
    pub uri: &'a [u8],
    /// The header as it came.
    pub headers: &'a HeaderMap,
    /// Whether credentials are logged.
    pub with_credentials: bool,
}

/// How the request was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Bytes of the request's body that were read.
    pub bytes_read: u64,
    /// Who the client is, empty when nobody asked.
    pub user_id: &'a str,
    /// How long it took.
    pub duration: Duration,
    /// Bytes of the answer's body.
    pub size: u64,
    /// The status; 0 when nobody set one.
    pub status: u16,
    /// No handler answered.
    pub unhandled: bool,
    /// The answer's header.
    pub headers: &'a HeaderMap,
    /// Nobody was to guess its content type.
    pub untyped: bool,
    /// More fields, and their values in JSON.
    pub extra: &'a [(Cow<'a, str>, Vec<u8>)],
}

/// Writes the line of a finished request to this logger.
pub fn handled(logs: &Logs, logger: &str, request: &Request<'_>, answer: &Answer<'_>) {
    let level = if answer.status >= 500 { Level::Error } else { Level::Info };
    let message = if answer.unhandled { "NOP" } else { "handled request" };
    logs.write(level, logger, message, |o| {
        o.object("request", |o| describe(o, request));
        o.uint("bytes_read", answer.bytes_read);
        o.str("user_id", answer.user_id);
        o.duration("duration", answer.duration);
        o.uint("size", answer.size);
        o.uint("status", answer.status.into());
        o.object("resp_headers", |o| {
            fields(o, answer.headers, request.with_credentials);
            if answer.untyped && !answer.headers.contains_key(CONTENT_TYPE) {
                o.strings("Content-Type", []);
            }
        });
        for (key, json) in answer.extra {
            o.raw(key, json);
        }
    });
}

/// Writes the fields that name a request, as part of any line about it.
pub fn describe(o: &mut Object<'_>, request: &Request<'_>) {
    let ip = request.remote.map_or_else(at_sign, |r| shown(r.ip()));
    let port = request.remote.map_or_else(Shown::new, shown_port);
    o.bytes("remote_ip", &ip);
    o.bytes("remote_port", &port);
    match request.client.filter(|client| request.remote.is_none_or(|r| r.ip() != *client)) {
        Some(client) => o.bytes("client_ip", &shown(client)),
        None => o.bytes("client_ip", &ip),
    }
    o.str("proto", request.proto);
    o.str("method", request.method);
    o.bytes("host", request.host);
    o.bytes("uri", request.uri);
    o.object("headers", |o| fields(o, request.headers, request.with_credentials));
    if request.headers.contains_key(TRANSFER_ENCODING) {
        let codings = request.headers.get_all(TRANSFER_ENCODING).iter();
        o.strings("transfer_encoding", codings.map(|coding| coding.as_bytes()));
    }
}

/// A short text that needs no memory of its own.
pub(crate) type Shown = SmallVec<[u8; 64]>;

/// How an address is written. Nearly all are of the fourth version, whose numbers need no
/// formatting: each request has some.
pub(crate) fn shown(address: IpAddr) -> Shown {
    let mut text = Shown::new();
    match address {
        IpAddr::V4(address) => {
            for (i, octet) in address.octets().into_iter().enumerate() {
                if i > 0 {
                    text.push(b'.');
                }
                if octet >= 100 {
                    text.push(b'0' + octet / 100);
                }
                if octet >= 10 {
                    text.push(b'0' + octet / 10 % 10);
                }
                text.push(b'0' + octet % 10);
            }
        }
        // Writing to memory does not fail.
        IpAddr::V6(address) => drop(write!(text, "{address}")),
    }
    text
}

/// How the port of an address is written.
pub(crate) fn shown_port(address: SocketAddr) -> Shown {
    Shown::from_slice(&Digits::of(address.port().into()))
}

/// The address of a client at a Unix socket.
fn at_sign() -> Shown {
    Shown::from_slice(b"@")
}

/// Writes header fields, without `Host` and how the body is framed; credentials only where
/// they are wanted.
pub fn fields(o: &mut Object<'_>, headers: &HeaderMap, with_credentials: bool) {
    let left_out = [HOST, TRANSFER_ENCODING];
    for name in headers.keys().filter(|name| !left_out.contains(name)) {
        let key = canonical(name.as_str());
        if !with_credentials && CREDENTIALS.contains(name) {
            o.strings(&key, [&b"REDACTED"[..]]);
        } else {
            o.strings(&key, headers.get_all(name).iter().map(|v| v.as_bytes()));
        }
    }
}

/// A field's name as Go writes it: `content-type` is `Content-Type`.
pub fn canonical(name: &str) -> String {
    let mut name = name.to_ascii_lowercase();
    let mut at = 0;
    loop {
        if let Some(first) = name.get_mut(at..=at) {
            first.make_ascii_uppercase();
        }
        match name[at..].find('-') {
            Some(dash) => at += dash + 1,
            None => return name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::json;
    use http::HeaderValue;

    #[test]
    fn names_have_capitals_behind_each_dash() {
        let check = |name: &str, expected: &str| assert_eq!(canonical(name), expected);
        check("content-type", "Content-Type");
        check("X-FOO--bar-", "X-Foo--Bar-");
        check("etag", "Etag");
        check("", "");
        check("é-a", "é-A");
    }

    #[test]
    fn a_request_is_described_in_caddys_order_without_credentials() {
        let mut headers = HeaderMap::new();
        headers.append("accept-language", HeaderValue::from_static("de"));
        headers.append("accept-language", HeaderValue::from_static("en"));
        headers.append("cookie", HeaderValue::from_static("secret=1"));
        let request = Request {
            remote: Some(([127, 0, 0, 1], 99).into()),
            client: None,
            proto: "HTTP/1.1",
            method: "GET",
            host: b"localhost",
            uri: b"/a?b",
            headers: &headers,
            with_credentials: false,
        };
        let mut out = Vec::new();
        json::object(&mut out, |o| describe(o, &request));
        assert_eq!(
            String::from_utf8_lossy(&out),
            r#"{"remote_ip":"127.0.0.1","remote_port":"99","client_ip":"127.0.0.1","proto":"HTTP/1.1","method":"GET","host":"localhost","uri":"/a?b","headers":{"Accept-Language":["de","en"],"Cookie":["REDACTED"]}}"#
        );
    }
}
