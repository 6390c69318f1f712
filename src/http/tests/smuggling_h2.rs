//! The same over HTTP/2, whose frames a hostile client writes by hand.

use super::{Running, respond, routes};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const SOON: Duration = Duration::from_secs(10);

/// The kinds of frames that are of interest.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

type Fields<'f> = &'f [(&'f str, &'f str)];

/// A request for `/` of host `a`.
const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")];

fn echo() -> Running {
    let seen = "<{http.request.method} {http.request.host} {http.request.uri} {http.request.body}>";
    routes(&json!([{"handle": [respond(seen)]}]))
}

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    [&len[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// Fields as literals that are not indexed (RFC 7541, 6.2.2).
fn block(fields: Fields<'_>) -> Vec<u8> {
    let text = |text: &str| {
        // Bytes, not characters: some of them are no text.
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).expect("a byte")).collect();
        let len = u8::try_from(bytes.len()).ok().filter(|len| *len < 127).expect("a short text");
        [&[len][..], &bytes].concat()
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// What comes back for a stream: its body; nothing when it was reset or the connection ended.
async fn ask(server: &Running, fields: Fields<'_>, body: Option<&str>) -> Option<String> {
    let mut client = server.connect().await;
    let end = u8::from(body.is_none());
    let mut sent = [PREFACE, &frame(HEADERS, 4 | end, &block(fields))].concat();
    if let Some(body) = body {
        sent.extend(frame(DATA, 1, body.as_bytes()));
    }
    client.write_all(&sent).await.expect("sent");
    let mut answer = Vec::new();
    loop {
        let mut head = [0; 9];
        if timeout(SOON, client.read_exact(&mut head)).await.expect("in time").is_err() {
            return None;
        }
        let [a, b, c, kind, flags, ..] = head;
        let len = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(len).expect("it fits")];
        timeout(SOON, client.read_exact(&mut payload)).await.expect("in time").expect("a frame");
        match kind {
            RST_STREAM | GOAWAY => return None,
            DATA => answer.extend_from_slice(&payload),
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & 1 != 0 {
            return Some(String::from_utf8_lossy(&answer).into_owned());
        }
    }
}

async fn check(server: &Running, fields: Fields<'_>, body: Option<&str>, expected: Option<&str>) {
    let got = ask(server, fields, body).await;
    assert_eq!(got.as_deref(), expected, "{fields:?}");
}

fn with<'f>(more: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    GET.iter().chain(more).copied().collect()
}

/// The request with another value of a field, or without it.
fn but<'f>(name: &str, value: Option<&'f str>) -> Vec<(&'f str, &'f str)> {
    let change = |(n, v): &(&'f str, &'f str)| match (*n == name, value) {
        (false, _) => Some((*n, *v)),
        (true, value) => value.map(|value| (*n, value)),
    };
    GET.iter().filter_map(change).collect()
}

const SERVED: Option<&str> = Some("<GET a / >");

#[tokio::test]
async fn fields_of_a_connection_have_no_place_in_a_stream() {
    let server = echo();
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        check(&server, &with(&[(name, "chunked")]), None, None).await;
    }
    check(&server, &with(&[("te", "gzip")]), None, None).await;
    check(&server, &with(&[("te", "trailers")]), None, SERVED).await;
}

#[tokio::test]
async fn names_and_values_cannot_become_other_fields() {
    let server = echo();
    for name in ["X-Big", "x y", "x:y", "", "x\0", "x\r\ny", "x\u{e4}"] {
        check(&server, &with(&[(name, "a")]), None, None).await;
    }
    for value in ["a\r\nTransfer-Encoding: chunked", "a\nb", "a\rb", "a\0b", "a\x01b", "a\x7fb"] {
        check(&server, &with(&[("x", value)]), None, None).await;
    }
    check(&server, &with(&[("x", "a\u{e4}\tb")]), None, SERVED).await;
}

#[tokio::test]
async fn pseudo_fields_come_first_and_once() {
    let server = echo();
    let late = [GET[0], GET[1], GET[2], ("x", "a"), GET[3]];
    check(&server, &late, None, None).await;
    check(&server, &with(&[(":x", "a")]), None, None).await;
    check(&server, &with(&[(":status", "200")]), None, None).await;
    for (name, value) in GET {
        let twice: Vec<_> = std::iter::once((name, value)).chain(GET).collect();
        check(&server, &twice, None, None).await;
        check(&server, &but(name, None), None, None).await;
        check(&server, &but(name, Some("")), None, None).await;
    }
}

#[tokio::test]
async fn host_and_authority_are_one() {
    let server = echo();
    check(&server, &with(&[("host", "a")]), None, SERVED).await;
    check(&server, &with(&[("host", "b")]), None, None).await;
    let without = but(":authority", None);
    let fields = |hosts: &[(&'static str, &'static str)]| [&without[..], hosts].concat();
    check(&server, &fields(&[("host", "b")]), None, Some("<GET b / >")).await;
    check(&server, &fields(&[("host", "a"), ("host", "b")]), None, None).await;
    check(&server, &fields(&[("host", "a"), ("host", "a")]), None, None).await;
    for authority in ["u@a", "a/b", "a b", "a\r\nb", "\"a\"", "{a}", "\u{e4}", "a#b", "a?b", "[::1"]
    {
        check(&server, &but(":authority", Some(authority)), None, None).await;
    }
    for authority in [".", ".."] {
        check(&server, &but(":authority", Some(authority)), None, Some("")).await;
    }
}

#[tokio::test]
async fn a_path_is_a_path_and_a_method_a_word() {
    let server = echo();
    for path in ["x", "/a\r\nb", "/\0", "http://b/x"] {
        check(&server, &but(":path", Some(path)), None, None).await;
    }
    check(&server, &but(":path", Some("//b/x")), None, Some("<GET a //b/x >")).await;
    for method in ["GE T", "GET\r\nX: y", "G\x01", "G@T"] {
        check(&server, &but(":method", Some(method)), None, None).await;
    }
    for scheme in ["ftp", "ht tp", "http\r\n"] {
        check(&server, &but(":scheme", Some(scheme)), None, None).await;
    }
    let star = [(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), (":authority", "a")];
    check(&server, &star, None, Some("")).await;
    check(&server, &but(":method", Some("CONNECT")), None, None).await;
    check(&server, &[(":method", "CONNECT")], None, None).await;
}

#[tokio::test]
async fn a_length_is_that_of_the_body() {
    let server = echo();
    let post: Vec<_> = but(":method", Some("POST"));
    let with_length = |lengths: &[&'static str]| {
        let lengths = lengths.iter().map(|length| ("content-length", *length));
        post.iter().copied().chain(lengths).collect::<Vec<_>>()
    };
    let served = Some("<POST a / abc>");
    check(&server, &with_length(&[]), Some("abc"), served).await;
    check(&server, &with_length(&["3"]), Some("abc"), served).await;
    check(&server, &with_length(&["3", "3"]), Some("abc"), served).await;
    for length in ["5", "2", "0", "-3", "+3", "3, 3", "x", "99999999999999999999"] {
        let got = ask(&server, &with_length(&[length]), Some("abc")).await;
        assert!(got.as_deref() != served, "{length}");
    }
    check(&server, &with_length(&["3", "4"]), Some("abc"), None).await;
}
