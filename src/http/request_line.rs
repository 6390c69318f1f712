//! The first line of a request, before pingora's session sees it.
//!
//! What Go takes and what pingora takes is not the same: Go wants exactly two spaces,
//! takes every HTTP/1.x, and believes the authority of an absolute target rather than
//! the `Host` field. So the line is judged by Go's rules here, and where it is odd, it
//! is written anew as pingora wants it.

use super::uri::{self, Bytes, is_authority};
use bytes::BytesMut;

/// What pingora takes for what it is in a target.
static USUAL: Bytes = Bytes::with(b"-._~!$&'()*+,;=:@/?%[]");

/// What the line said that the one pingora gets does not say any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestLine {
    /// The authority of an absolute target, without user and password.
    pub(super) authority: Option<Vec<u8>>,
    /// The target as it came, where pingora gets another.
    pub(super) target: Option<Vec<u8>>,
    /// The `x` of `HTTP/1.x`.
    pub(super) minor: u8,
}

/// Why the line is no request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Malformed,
    /// It is well-formed, of another version of HTTP.
    Version,
}

/// The line's end, from a place on that was searched before.
pub(super) fn end_of_line(head: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(b'\n', &head[from..]).map(|at| from + at)
}

/// Judges the first line of a head, which must be there whole, and makes it pingora's.
pub(super) fn normalize(head: &mut BytesMut) -> Result<RequestLine, Fault> {
    let end = end_of_line(head, 0).ok_or(Fault::Malformed)?;
    let line = head[..end].strip_suffix(b"\r").unwrap_or(&head[..end]);
    let mut words = line.splitn(3, |b| *b == b' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Err(Fault::Malformed);
    };
    let [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] = version
    else {
        return Err(Fault::Malformed);
    };
    if *major != b'1' {
        return Err(Fault::Version);
    }
    let has_usual_bytes = USUAL.has_all(target);
    if target.is_empty() || (!has_usual_bytes && target.iter().any(u8::is_ascii_control)) {
        return Err(Fault::Malformed);
    }
    let mut asked = RequestLine { minor: minor - b'0', ..RequestLine::default() };
    let is_connect = method == b"CONNECT" && !target.starts_with(b"/");
    if is_connect {
        if !is_authority(target) {
            return Err(Fault::Malformed);
        }
        asked.authority = Some(target.to_vec());
    }
    let is_plain = target.starts_with(b"/") || target == b"*" || is_connect;
    let is_usual = is_plain && has_usual_bytes;
    if is_plain && !has_whole_escapes(target) {
        return Err(Fault::Malformed);
    }
    if is_usual && asked.minor <= 1 {
        return Ok(asked);
    }
    let mut line = [method, b" "].concat();
    if is_usual {
        line.extend_from_slice(target);
    } else {
        if !is_plain {
            let (authority, path) = split_absolute(target).ok_or(Fault::Malformed)?;
            if !has_whole_escapes(path) || !is_authority(authority) {
                return Err(Fault::Malformed);
            }
            asked.authority = (!authority.is_empty()).then(|| authority.to_vec());
        }
        asked.target = Some(target.to_vec());
        line.push(b'/');
    }
    line.extend_from_slice(if asked.minor == 0 { b" HTTP/1.0\r" } else { b" HTTP/1.1\r" });
    let rest = head.split_off(end);
    *head = BytesMut::from(&line[..]);
    head.unsplit(rest);
    Ok(asked)
}

/// Whether each `%` of the path begins an escape.
fn has_whole_escapes(target: &[u8]) -> bool {
    let path = target.split(|b| *b == b'?').next().unwrap_or_default();
    uri::unescape(path).is_some()
}

/// Authority and what follows it of `scheme://user@authority/path?query`.
fn split_absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = target.windows(3).position(|w| w == b"://")?;
    let [first, others @ ..] = &target[..colon] else { return None };
    let is_scheme = |b: &u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
    if !first.is_ascii_alphabetic() || !others.iter().all(is_scheme) {
        return None;
    }
    let rest = &target[colon + 3..];
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit(|b| *b == b'@').next().unwrap_or_default();
    Some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<(&str, Option<&str>), Fault>) {
        let mut head = BytesMut::from(format!("{line}\r\nHost: a\r\n\r\n").as_bytes());
        let got = normalize(&mut head).map(|asked| {
            let text = String::from_utf8_lossy(&head).into_owned();
            let line = text.strip_suffix("\r\nHost: a\r\n\r\n").expect("the fields stay");
            (line.to_owned(), asked.authority.map(|a| String::from_utf8_lossy(&a).into_owned()))
        });
        let expected = expected.map(|(line, host)| (line.to_owned(), host.map(str::to_owned)));
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn a_plain_line_stays_and_an_odd_one_becomes_plain() {
        check("GET /a?b HTTP/1.1", Ok(("GET /a?b HTTP/1.1", None)));
        check("OPTIONS * HTTP/1.0", Ok(("OPTIONS * HTTP/1.0", None)));
        check("GET / HTTP/1.2", Ok(("GET / HTTP/1.1", None)));
        check("CONNECT a:1 HTTP/1.1", Ok(("CONNECT a:1 HTTP/1.1", Some("a:1"))));
        check("CONNECT * HTTP/1.1", Ok(("CONNECT * HTTP/1.1", Some("*"))));
        check("GET http://a/b?c HTTP/1.1", Ok(("GET / HTTP/1.1", Some("a"))));
        check("GET https://u:p@a:1 HTTP/1.0", Ok(("GET / HTTP/1.0", Some("a:1"))));
        check("GET http:///b HTTP/1.1", Ok(("GET / HTTP/1.1", None)));
        check("GET /a#b<\u{e9} HTTP/1.1", Ok(("GET / HTTP/1.1", None)));
    }

    #[test]
    fn a_target_that_pingora_would_change_is_kept() {
        let check = |target: &str, expected: Option<&str>| {
            let mut head = BytesMut::from(format!("GET {target} HTTP/1.1\r\n").as_bytes());
            let asked = normalize(&mut head).expect("well-formed");
            assert_eq!(asked.target.as_deref(), expected.map(str::as_bytes), "{target}");
        };
        check("/a%20b?c=%zz", None);
        check("/a#b", Some("/a#b"));
        check("/\u{e9}", Some("/\u{e9}"));
        check("http://a?b", Some("http://a?b"));
    }

    #[test]
    fn a_line_that_go_does_not_take_is_not_taken() {
        for line in [
            "",
            "GET /",
            "GET  / HTTP/1.1",
            "GET / x HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET / http/1.1",
            "GET / HTTP/1.10",
            "GET /\u{1} HTTP/1.1",
            "GET nowhere HTTP/1.1",
            "GET ://a/ HTTP/1.1",
            "GET 1x://a/ HTTP/1.1",
            "GET http://a:x/ HTTP/1.1",
            "GET http://[::1/ HTTP/1.1",
            "GET http://%61/ HTTP/1.1",
            "CONNECT http://a/ HTTP/1.1",
            "GET /%zz HTTP/1.1",
            "GET /% HTTP/1.1",
            "GET http://a/%4 HTTP/1.1",
        ] {
            check(line, Err(Fault::Malformed));
        }
        check("GET / HTTP/2.0", Err(Fault::Version));
        check("GET / HTTP/0.9", Err(Fault::Version));
    }
}
