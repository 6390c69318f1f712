//! The heads of answers as they go over the wire: reason phrases, the case of names, and
//! the fields that say when, and what becomes of the connection.
//!
//! The former two mean nothing to HTTP, but scripts look for them; so they are Go's.

use crate::logging::json::Digits;
use bytes::{BufMut, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderName, StatusCode};
use pingora_http::ResponseHeader;
use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Which of these fields a header has, found in one pass: most have none of them.
pub(super) fn has<const N: usize>(headers: &HeaderMap, fields: &[HeaderName; N]) -> [bool; N] {
    let mut found = [false; N];
    for name in headers.keys() {
        for (field, found) in fields.iter().zip(&mut found) {
            *found |= field == name;
        }
    }
    found
}

/// Writes the head of an answer to a request of HTTP/1.x. `length` is the body's, if the
/// fields do not say it; `keeps` says that another request may follow.
pub(super) fn http1(
    out: &mut BytesMut,
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<usize>,
    minor: u8,
    keeps: bool,
) {
    status_line(out, status, minor);
    let mut has_date = false;
    for (name, value) in headers {
        has_date |= *name == DATE;
        if keeps || *name != CONNECTION {
            field(out, name.as_str(), value.as_bytes());
        }
    }
    if let Some(length) = length {
        field(out, CONTENT_LENGTH.as_str(), &Digits::of(length as u64));
    }
    if !has_date {
        with_date(|date| field(out, "date", date));
    }
    match (keeps, minor) {
        // Whoever speaks HTTP/1.0 counts on the end.
        (true, 0) if !headers.contains_key(CONNECTION) => field(out, "connection", b"keep-alive"),
        (false, 1..) => field(out, "connection", b"close"),
        _ => {}
    }
    out.put_slice(b"\r\n");
}

/// Writes the head of an interim answer.
pub(super) fn interim(out: &mut BytesMut, status: StatusCode, headers: &HeaderMap) {
    status_line(out, status, 1);
    for (name, value) in headers {
        field(out, name.as_str(), value.as_bytes());
    }
    out.put_slice(b"\r\n");
}

fn status_line(out: &mut BytesMut, status: StatusCode, minor: u8) {
    out.put_slice(if minor == 0 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.put_slice(status.as_str().as_bytes());
    out.put_u8(b' ');
    match phrase(status) {
        Some(phrase) => out.put_slice(phrase.as_bytes()),
        None => {
            out.put_slice(b"status code ");
            out.put_slice(status.as_str().as_bytes());
        }
    }
    out.put_slice(b"\r\n");
}

/// Writes a field. Its name, which is in lower case, gets capitals at its start and behind
/// each dash.
fn field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    let from = out.len();
    out.put_slice(name.as_bytes());
    let mut upper = true;
    for b in &mut out[from..] {
        if upper {
            b.make_ascii_uppercase();
        }
        upper = *b == b'-';
    }
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// A second since 1970, and how it is written.
type Written = (u64, String);

/// Gives the time as fields have it; it is written once for each second and thread.
fn with_date(take: impl FnOnce(&[u8])) {
    thread_local! {
        static LAST: RefCell<Written> = const { RefCell::new((0, String::new())) };
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    LAST.with_borrow_mut(|last| {
        if last.0 != since {
            *last = (since, httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(since)));
        }
        take(last.1.as_bytes());
    });
}

/// A head for pingora: as later protocols want it, and for HTTP/1 what frames the body.
pub(super) fn plain(status: StatusCode, headers: HeaderMap) -> ResponseHeader {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = status;
    parts.headers = headers;
    ResponseHeader::from(parts)
}

/// Go's phrase for a status, if it has one.
pub(super) fn phrase(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        203 => "Non-Authoritative Information",
        413 => "Request Entity Too Large",
        414 => "Request URI Too Long",
        416 => "Requested Range Not Satisfiable",
        _ => return status.canonical_reason(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[track_caller]
    fn check(status: u16, fields: &[(&'static str, &'static str)], expected: &str) {
        let pairs = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut wire = BytesMut::new();
        interim(&mut wire, StatusCode::from_u16(status).expect("a status"), &pairs.collect());
        assert_eq!(String::from_utf8_lossy(&wire), format!("HTTP/1.1 {expected}\r\n"));
    }

    #[test]
    fn names_have_capitals_and_phrases_are_gos() {
        check(200, &[("content-type", "a/b")], "200 OK\r\nContent-Type: a/b\r\n");
        check(
            200,
            &[("x-odd-one", "a-b"), ("server", "s")],
            "200 OK\r\nX-Odd-One: a-b\r\nServer: s\r\n",
        );
        check(416, &[], "416 Requested Range Not Satisfiable\r\n");
        check(103, &[], "103 Early Hints\r\n");
        check(425, &[], "425 Too Early\r\n");
        check(299, &[], "299 status code 299\r\n");
    }

    #[test]
    fn a_length_that_no_field_says_is_the_last_field_but_the_date() {
        let fields = [(DATE, HeaderValue::from_static("then"))];
        let mut wire = BytesMut::new();
        http1(&mut wire, StatusCode::OK, &fields.into_iter().collect(), Some(120), 1, true);
        let wire = String::from_utf8_lossy(&wire).into_owned();
        assert_eq!(wire, "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 120\r\n\r\n");
    }

    #[test]
    fn the_connection_is_spoken_of_where_its_end_is_not_what_one_expects() {
        let check = |minor, keeps, own: Option<&'static str>, expected: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, HeaderValue::from_static("then"));
            headers.extend(own.map(|own| (CONNECTION, HeaderValue::from_static(own))));
            let mut wire = BytesMut::new();
            http1(&mut wire, StatusCode::OK, &headers, None, minor, keeps);
            let wire = String::from_utf8_lossy(&wire).into_owned();
            let start = format!("HTTP/1.{minor} 200 OK\r\nDate: then\r\n");
            assert_eq!(wire, format!("{start}{expected}\r\n"));
        };
        check(1, true, None, "");
        check(1, false, None, "Connection: close\r\n");
        check(1, false, Some("close"), "Connection: close\r\n");
        check(1, true, Some("upgrade"), "Connection: upgrade\r\n");
        check(0, true, None, "Connection: keep-alive\r\n");
        check(0, false, None, "");
    }

    #[test]
    fn fields_are_found_whatever_stands_between_them() {
        let fields = [CONNECTION, CONTENT_LENGTH].map(|name| (name, HeaderValue::from_static("")));
        let headers = fields.into_iter().collect();
        assert_eq!(has(&headers, &[DATE, CONTENT_LENGTH, CONNECTION]), [false, true, true]);
        assert_eq!(has(&HeaderMap::new(), &[DATE]), [false]);
    }

    #[test]
    fn the_date_is_that_of_the_second() {
        with_date(|date| {
            let text = std::str::from_utf8(date).expect("ASCII");
            let date = httpdate::parse_http_date(text).expect("a date");
            let age = SystemTime::now().duration_since(date).expect("it is past");
            assert!(age < Duration::from_secs(5));
        });
    }
}
