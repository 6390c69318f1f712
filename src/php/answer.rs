//! Reads what a worker answers: the head, checked, and the bytes behind it.

use super::Head;
use http::{HeaderName, HeaderValue};
use php_wire::codec::Reader;
use php_wire::frame::FrameError;

/// The status of an answer whose own is none that HTTP knows.
const BAD_STATUS: u16 = 500;

/// Reads a head and what follows it. Lines that HTTP does not allow are left out, as
/// FrankenPHP does; a status outside 100 to 999 becomes 500, and the second value is true.
pub(super) fn read_head(payload: &[u8]) -> Result<(Head, bool, &[u8]), FrameError> {
    let mut r = Reader::new(payload, "RESPONSE");
    let status = r.u16()?;
    let lines = usize::from(r.u16()?);
    let mut headers = Vec::with_capacity(lines.min(32));
    for _ in 0..lines {
        headers.extend(read_line(r.str()?));
    }
    let is_bad = !(100..=999).contains(&status);
    let status = if is_bad { BAD_STATUS } else { status };
    Ok((Head { status, headers }, is_bad, r.rest()))
}

/// A line `Name: value`, if it is one.
fn read_line(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use php_wire::codec::Writer;
    use php_wire::response;

    #[track_caller]
    fn check(status: u16, lines: &[&[u8]], expected: (u16, &[(&str, &[u8])])) {
        let mut w = Writer::default();
        response::Head { status, lines: lines.to_vec() }.encode(&mut w);
        w.0.extend_from_slice(b"body");
        let (head, is_bad, rest) = read_head(&w.0).expect("well-formed");
        let headers: Vec<_> =
            head.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        assert_eq!((head.status, &headers[..], rest), (expected.0, expected.1, &b"body"[..]));
        assert_eq!(is_bad, status != expected.0);
    }

    #[test]
    fn headers_arrive_in_order_and_repeated() {
        check(
            201,
            &[b"X-B: 1", b"Set-Cookie: a=b", b"Set-Cookie:c=d ", b"Content-Type:"],
            (
                201,
                &[
                    ("x-b", b"1"),
                    ("set-cookie", b"a=b"),
                    ("set-cookie", b"c=d"),
                    ("content-type", b""),
                ],
            ),
        );
    }

    #[test]
    fn lines_that_are_no_headers_are_left_out() {
        let lines: [&[u8]; 5] = [b"no colon", b"a b: c", b": x", b"X: a\nY: b", b"X: \xe9"];
        check(200, &lines, (200, &[("x", b"\xe9")]));
    }

    #[test]
    fn a_status_that_http_does_not_know_is_500() {
        for status in [0, 99, 1000, u16::MAX] {
            check(status, &[], (500, &[]));
        }
        check(999, &[], (999, &[]));
    }

    #[test]
    fn a_head_cut_short_is_refused() {
        let mut w = Writer::default();
        response::Head { status: 200, lines: vec![b"A: b"] }.encode(&mut w);
        for cut in 0..w.0.len() {
            assert!(read_head(&w.0[..cut]).is_err(), "cut at {cut}");
        }
    }
}
