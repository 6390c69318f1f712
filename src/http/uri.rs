//! The target of a request: paths and queries, escaped and cleaned as Go's `net/url` and
//! Caddy do it. Everything is bytes: a path need not be UTF-8.

use std::borrow::Cow;

/// Path and query of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// The path without escapes.
    pub path: Vec<u8>,
    /// The path as it was sent, when that is not what [`escape_path`] makes of `path`.
    raw: Option<Vec<u8>>,
    /// What follows the first `?`.
    pub query: Option<Vec<u8>>,
}

impl Target {
    /// Reads path and query; `None` when an escape is malformed.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (path, query) = match text.iter().position(|b| *b == b'?') {
            Some(at) => (&text[..at], Some(text[at + 1..].to_vec())),
            None => (text, None),
        };
        let mut target = Self { query, ..Self::default() };
        target.set_escaped_path(path)?;
        Some(target)
    }

    /// Sets the path from its escaped form; `None` when an escape is malformed.
    pub(crate) fn set_escaped_path(&mut self, escaped: &[u8]) -> Option<()> {
        if OF_PATH.has_all(escaped) {
            self.set_path(escaped.to_vec());
            return Some(());
        }
        self.path = unescape(escaped)?.into_owned();
        self.raw = (*escape_path(&self.path) != *escaped).then(|| escaped.to_vec());
        Some(())
    }

    /// Sets the path without escapes.
    pub(crate) fn set_path(&mut self, path: Vec<u8>) {
        self.path = path;
        self.raw = None;
    }

    /// Whether this is the path, and was sent with no other escapes than it needs.
    pub(crate) fn is_plain_path(&self, path: &[u8]) -> bool {
        self.raw.is_none() && self.path == path
    }

    /// The path with escapes, as sent where that is well-formed.
    pub(crate) fn escaped_path(&self) -> Cow<'_, [u8]> {
        match &self.raw {
            Some(raw) if OF_ESCAPED.has_all(raw) => Cow::Borrowed(raw),
            _ if self.path == b"*" => Cow::Borrowed(b"*"),
            _ => escape_path(&self.path),
        }
    }

    /// Path and query, escaped: Go's `RequestURI`.
    pub(crate) fn uri(&self) -> Vec<u8> {
        let mut uri = self.escaped_path().into_owned();
        if uri.is_empty() {
            uri.push(b'/');
        }
        if let Some(query) = &self.query {
            uri.push(b'?');
            uri.extend_from_slice(query);
        }
        uri
    }

    /// The query, empty when there is none.
    pub(crate) fn query(&self) -> &[u8] {
        self.query.as_deref().unwrap_or_default()
    }
}

/// Resolves `%xx`; `None` when one is malformed.
pub(crate) fn unescape(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.contains(&b'%') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            out.push(*first);
            rest = tail;
            continue;
        }
        let [high, low, tail @ ..] = tail else { return None };
        out.push(hex(*high)? << 4 | hex(*low)?);
        rest = tail;
    }
    Some(Cow::Owned(out))
}

/// Resolves `%xx` and `+` as in a query; `None` when an escape is malformed.
pub(crate) fn unescape_query(text: &[u8]) -> Option<Vec<u8>> {
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    unescape(&spaced).map(Cow::into_owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// The letters and digits of ASCII, and some more. All bytes of each target are looked up.
pub(super) struct Bytes([bool; 256]);

impl Bytes {
    /// A set with these besides letters and digits.
    pub(super) const fn with(others: &[u8]) -> Self {
        let mut set = [false; 256];
        let mut b: u8 = 0;
        while b < 128 {
            set[b as usize] = b.is_ascii_alphanumeric();
            b += 1;
        }
        let mut at = 0;
        while at < others.len() {
            set[others[at] as usize] = true;
            at += 1;
        }
        Self(set)
    }

    /// Whether this byte is one of them.
    pub(super) const fn has(&self, b: u8) -> bool {
        self.0[b as usize]
    }

    /// Whether all bytes of a text are.
    pub(super) fn has_all(&self, text: &[u8]) -> bool {
        text.iter().all(|b| self.has(*b))
    }
}

static UNRESERVED: Bytes = Bytes::with(b"-_.~");
/// What a path holds as it is.
static OF_PATH: Bytes = Bytes::with(b"-_.~$&+,/:;=@");
/// What an escaped path may hold.
static OF_ESCAPED: Bytes = Bytes::with(b"-_.~$&+,/:;=@!'()*[]%");

fn escape(text: &[u8], keep: impl Fn(u8) -> bool) -> Cow<'_, [u8]> {
    if text.iter().all(|b| keep(*b)) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    for &b in text {
        if keep(b) {
            out.push(b);
        } else {
            let digit = |d: u8| b"0123456789ABCDEF"[usize::from(d)];
            out.extend_from_slice(&[b'%', digit(b >> 4), digit(b & 15)]);
        }
    }
    Cow::Owned(out)
}

/// Escapes a path: Go's `URL.EscapedPath`.
pub(crate) fn escape_path(path: &[u8]) -> Cow<'_, [u8]> {
    escape(path, |b| OF_PATH.has(b))
}

/// Escapes what ASCII has that a path cannot hold as it is.
pub(crate) fn escape_ascii_path(path: &[u8]) -> Vec<u8> {
    escape(path, |b| b != b'%' && OF_ESCAPED.has(b) || !b.is_ascii()).into_owned()
}

/// Escapes a query's key or value: Go's `QueryEscape`.
pub(crate) fn escape_query(text: &[u8]) -> Vec<u8> {
    let mut out = escape(text, |b| UNRESERVED.has(b) || b == b' ').into_owned();
    for b in &mut out {
        if *b == b' ' {
            *b = b'+';
        }
    }
    out
}

/// Keys and values of a query, resolved, in order. Pairs with a semicolon or a malformed
/// escape are left out, as Go does.
pub(crate) fn query_pairs(query: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let pairs = query.split(|b| *b == b'&').filter(|p| !p.is_empty() && !p.contains(&b';'));
    pairs.filter_map(|pair| {
        let (key, value) = match pair.iter().position(|b| *b == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &b""[..]),
        };
        Some((unescape_query(key)?, unescape_query(value)?))
    })
}

/// The shortest equal path: Go's `path.Clean`. `.` and `..` are resolved, slashes are
/// merged, a trailing one is dropped; never empty.
pub(crate) fn clean(path: &[u8]) -> Cow<'_, [u8]> {
    if is_clean(path) {
        return Cow::Borrowed(path);
    }
    let rooted = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => drop(parts.pop()),
            b".." if rooted => {}
            _ => parts.push(part),
        }
    }
    let mut out = if rooted { b"/".to_vec() } else { Vec::new() };
    out.extend_from_slice(&parts.join(&b'/'));
    if out.is_empty() {
        out.push(b'.');
    }
    Cow::Owned(out)
}

fn is_clean(path: &[u8]) -> bool {
    match path {
        b"/" => true,
        // Only behind a slash can be what is not clean, and few parts begin with a dot.
        [b'/', .., last] if *last != b'/' => {
            let is_odd = |pair: &[u8]| pair[0] == b'/' && matches!(pair[1], b'/' | b'.');
            !path.windows(2).any(is_odd) || are_parts_clean(&path[1..])
        }
        _ => false,
    }
}

fn are_parts_clean(parts: &[u8]) -> bool {
    parts.split(|b| *b == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

/// A request's path for comparison: rooted and clean, with its trailing slash kept.
/// Slashes are merged only when `merge` is true.
pub(crate) fn clean_request_path(path: &[u8], merge: bool) -> Cow<'_, [u8]> {
    const HOLE: &[u8] = b"/\xff\xfe\xfd";
    if is_clean(path) {
        return Cow::Borrowed(path);
    }
    let cleaned = if merge {
        clean_keeping_slash(path)
    } else {
        // An empty part that must stay is filled while the path is cleaned.
        let mut filled = Vec::with_capacity(path.len() + 8);
        for (i, b) in path.iter().enumerate() {
            if i > 0 && *b == b'/' && path[i - 1] == b'/' {
                filled.extend_from_slice(&HOLE[1..]);
            }
            filled.push(*b);
        }
        let hole = &HOLE[1..];
        let cleaned = clean_keeping_slash(&filled);
        let parts = cleaned.split(|b| *b == b'/').map(|p| if p == hole { b"" } else { p });
        parts.collect::<Vec<_>>().join(&b'/')
    };
    Cow::Owned(cleaned)
}

fn clean_keeping_slash(path: &[u8]) -> Vec<u8> {
    let mut rooted = b"/".to_vec();
    rooted.extend_from_slice(path);
    let mut cleaned = clean(&rooted).into_owned();
    if path.ends_with(b"/") && !cleaned.ends_with(b"/") {
        cleaned.push(b'/');
    }
    cleaned
}

/// Joins a path from outside to a root so that it cannot leave it. A trailing slash is
/// kept, since it means a directory; a mere `/` is the root itself.
pub(crate) fn join_below(root: &[u8], path: &[u8]) -> Vec<u8> {
    let below = match is_clean(path) {
        true => Cow::Borrowed(path),
        false => Cow::Owned(clean_keeping_slash(path)),
    };
    let mut out = Vec::with_capacity(root.len() + below.len() + 1);
    out.extend_from_slice(if root.is_empty() { b"." } else { root });
    while out.len() > 1 && out.ends_with(b"/") {
        out.pop();
    }
    if out == b"/" {
        return below.into_owned();
    }
    if *below != *b"/" || path.len() > 1 && path.ends_with(b"/") {
        out.extend_from_slice(&below);
    }
    out
}

/// Whether a `Host` field may have this value: what Go lets through.
pub(crate) fn is_host(text: &[u8]) -> bool {
    text.iter().all(|b| {
        matches!(b,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'$'..=b'.' | b':' | b';' | b'='
        | b'[' | b']' | b'_' | b'~')
    })
}

/// Whether it may stand in the target of a request, too: a port is a number, brackets are
/// closed, and only within them may be an escape.
pub(crate) fn is_authority(text: &[u8]) -> bool {
    let is_port = |port: &[u8]| match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    match text.strip_prefix(b"[") {
        Some(rest) => match rest.iter().position(|b| *b == b']') {
            Some(end) => is_host(&rest[..end]) && is_port(&rest[end + 1..]),
            None => false,
        },
        None => {
            let end = text.iter().position(|b| *b == b':').unwrap_or(text.len());
            let (name, port) = text.split_at(end);
            is_host(name) && !name.iter().any(|b| b"%[]".contains(b)) && is_port(port)
        }
    }
}

/// Host and port of a `Host` value; the host without brackets.
pub(crate) fn split_host(host: &[u8]) -> (&[u8], &[u8]) {
    let colon = memchr::memrchr(b':', host);
    let (name, port) = match colon {
        Some(at) if host[..at].ends_with(b"]") => (&host[..at], &host[at + 1..]),
        Some(at) if !host[..at].contains(&b':') && !host.starts_with(b"[") => {
            (&host[..at], &host[at + 1..])
        }
        _ => (host, &b""[..]),
    };
    let bare = name.strip_prefix(b"[").and_then(|n| n.strip_suffix(b"]"));
    (bare.unwrap_or(name), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn a_target_keeps_the_escapes_it_came_with() {
        let target = Target::parse(b"/a%2Fb%20c?x=%20").expect("well-formed");
        assert_eq!(show(&target.path), "/a/b c");
        assert_eq!(show(&target.uri()), "/a%2Fb%20c?x=%20");
        assert_eq!(Target::parse(b"/%zz"), None);
        assert_eq!(show(&Target::parse(b"/a\"b?").expect("lenient").uri()), "/a%22b?");
        assert_eq!(show(&Target::parse(b"*").expect("asterisk").uri()), "*");
    }

    #[track_caller]
    fn check_clean(path: &str, merged: &str, unmerged: &str) {
        assert_eq!(show(&clean_request_path(path.as_bytes(), true)), merged, "{path}, merged");
        assert_eq!(show(&clean_request_path(path.as_bytes(), false)), unmerged, "{path}");
    }

    #[test]
    fn a_request_path_is_cleaned_for_comparison() {
        check_clean("/a/b", "/a/b", "/a/b");
        check_clean("//a//b/", "/a/b/", "//a//b/");
        check_clean("/x/../a/./b", "/a/b", "/a/b");
        check_clean("/../..", "/", "/");
        check_clean("", "/", "/");
    }

    #[test]
    fn a_joined_path_never_leaves_its_root() {
        let check = |path: &str, expected: &str| {
            assert_eq!(show(&join_below(b"/srv/", path.as_bytes())), expected, "{path}");
        };
        check("/a", "/srv/a");
        check("/../../etc/passwd", "/srv/etc/passwd");
        check("/a/../../b/", "/srv/b/");
        check("/", "/srv");
        check("", "/srv");
    }

    #[test]
    fn host_and_port_are_told_apart() {
        let check = |host: &str, name: &str, port: &str| {
            let (n, p) = split_host(host.as_bytes());
            assert_eq!((show(n), show(p)), (name.to_owned(), port.to_owned()), "{host}");
        };
        check("a.test:80", "a.test", "80");
        check("a.test", "a.test", "");
        check("a.test:", "a.test", "");
        check("[::1]:99", "::1", "99");
        check("[::1]", "::1", "");
        check("::1", "::1", "");
    }

    #[test]
    fn an_authority_is_a_host_with_a_port_that_is_a_number() {
        for good in ["", "a", "a.test:80", "a:", "[::1]", "[::1]:80", "[fe80::1%25lo]"] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in ["a:x", "a:1:2", "[::1", "[::1]x", "%61", "a/b", "a@b", "a b", "a]", "\u{e4}"] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn queries_are_escaped_and_read_as_go_does() {
        assert_eq!(show(&escape_query(b"/x y&")), "%2Fx+y%26");
        let pairs: Vec<_> = query_pairs(b"a=1&b=x%20y&a=+&c&d;e=1&f=%zz&%g=").collect();
        let shown: Vec<_> = pairs.iter().map(|(k, v)| (show(k), show(v))).collect();
        let own = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(shown, [own("a", "1"), own("b", "x y"), own("a", " "), own("c", "")]);
    }
}
