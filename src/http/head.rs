//! The heads of answers as they go over the wire: reason phrases and the case of names.
//!
//! Both mean nothing to HTTP, but scripts look for them; so they are Go's.

use crate::logging::access::canonical;
use http::{HeaderMap, HeaderName, StatusCode, header};
use pingora_http::ResponseHeader;
use std::borrow::Cow;

/// A head for HTTP/1.
pub(super) fn http1(status: StatusCode, headers: HeaderMap) -> ResponseHeader {
    let mut head = match cased(status, &headers) {
        Some(head) => head,
        None => plain(status, headers),
    };
    let phrase = match phrase(status) {
        known if known.is_some() && known == status.canonical_reason() => return head,
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(format!("status code {}", status.as_u16())),
    };
    // A phrase without line breaks is always taken.
    let _ = head.set_reason_phrase(Some(&phrase));
    head
}

/// A head whose names are in lower case, as later protocols want them.
pub(super) fn plain(status: StatusCode, headers: HeaderMap) -> ResponseHeader {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = status;
    parts.headers = headers;
    ResponseHeader::from(parts)
}

/// A head that keeps the case of its names, when it has one that pingora does not know.
fn cased(status: StatusCode, headers: &HeaderMap) -> Option<ResponseHeader> {
    if headers.keys().all(is_titled) {
        return None;
    }
    let mut head = ResponseHeader::build(status, Some(headers.len())).ok()?;
    for (name, value) in headers {
        let appended = match common(name) {
            Some(name) => head.append_header(name, value),
            None => head.append_header(canonical(name.as_str()), value),
        };
        appended.ok()?;
    }
    Some(head)
}

/// Names that pingora writes with capitals by itself.
fn is_titled(name: &HeaderName) -> bool {
    [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::SERVER,
        header::TRANSFER_ENCODING,
        header::CONTENT_ENCODING,
        header::CACHE_CONTROL,
        header::ACCEPT_RANGES,
        header::DATE,
        header::CONNECTION,
        header::AGE,
    ]
    .contains(name)
}

/// Names that are seen often, so that their case is not worked out each time.
fn common(name: &HeaderName) -> Option<&'static str> {
    Some(match name.as_str() {
        "accept-ranges" => "Accept-Ranges",
        "cache-control" => "Cache-Control",
        "content-encoding" => "Content-Encoding",
        "content-length" => "Content-Length",
        "content-type" => "Content-Type",
        "etag" => "Etag",
        "expires" => "Expires",
        "last-modified" => "Last-Modified",
        "location" => "Location",
        "pragma" => "Pragma",
        "server" => "Server",
        "set-cookie" => "Set-Cookie",
        "transfer-encoding" => "Transfer-Encoding",
        "vary" => "Vary",
        "x-powered-by" => "X-Powered-By",
        _ => return None,
    })
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

    #[track_caller]
    fn check(status: u16, fields: &[(&'static str, &'static str)], expected: &str) {
        let pairs = fields.iter().map(|(name, value)| {
            (HeaderName::from_static(name), header::HeaderValue::from_static(value))
        });
        let head = http1(StatusCode::from_u16(status).expect("a status"), pairs.collect());
        let mut wire = Vec::new();
        head.header_to_h1_wire(&mut wire);
        let phrase = head.get_reason_phrase().unwrap_or_default();
        assert_eq!(format!("{phrase}\r\n{}", String::from_utf8_lossy(&wire)), expected);
    }

    #[test]
    fn names_have_capitals_and_phrases_are_gos() {
        check(200, &[("content-type", "a/b")], "OK\r\nContent-Type: a/b\r\n");
        check(200, &[("x-odd-one", "1"), ("server", "s")], "OK\r\nX-Odd-One: 1\r\nServer: s\r\n");
        check(416, &[], "Requested Range Not Satisfiable\r\n");
        check(103, &[], "Early Hints\r\n");
        check(425, &[], "Too Early\r\n");
        check(299, &[], "status code 299\r\n");
    }
}
