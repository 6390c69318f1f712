//! Placeholders: `{…}` in a configuration's texts, replaced for each request.
//!
//! A text is read once, when the configuration is loaded, into a [`Template`]; filling
//! it for a request is a walk over its pieces. A text without placeholders costs nothing.
//! The names are Caddy's; a [`Placeholder`] knows where its value is found.

use super::connection::Peer;
use super::exchange::Exchange;
use super::uri::{self, Target};
use crate::logging::json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

/// A file that a placeholder names is no longer than this.
const FILE_MAX: u64 = 1024 * 1024;

/// Most texts that are filled are shorter.
const FILLED_SIZE: usize = 64;

/// What becomes of `{name}` when nothing has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It stays as it is.
    Stays,
    /// It becomes nothing.
    Vanishes,
}

/// A text with placeholders, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    unknown: Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Value(Placeholder, String),
}

impl Template {
    /// Compiles a text.
    pub(crate) fn new(text: &str, unknown: Unknown) -> Self {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '\\']) {
            literal.extend_from_slice(&rest.as_bytes()[..at]);
            rest = &rest[at..];
            if let Some(tail) = rest.strip_prefix('\\') {
                // Only a brace can be escaped.
                if !tail.starts_with(['{', '}']) {
                    literal.push(b'\\');
                    rest = tail;
                } else {
                    literal.push(tail.as_bytes()[0]);
                    rest = &tail[1..];
                }
                continue;
            }
            match (rest.find('}'), unknown) {
                (Some(end), _) if Placeholder::parse(&rest[1..end]).is_some() => {
                    let name = &rest[1..end];
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    }
                    pieces
                        .extend(Placeholder::parse(name).map(|p| Piece::Value(p, name.to_owned())));
                    rest = &rest[end + 1..];
                }
                (Some(end), Unknown::Vanishes) => rest = &rest[end + 1..],
                _ => {
                    literal.push(b'{');
                    rest = &rest[1..];
                }
            }
        }
        literal.extend_from_slice(rest.as_bytes());
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Self { pieces, unknown }
    }

    /// The text, when it has no placeholders.
    pub(crate) fn literal(&self) -> Option<&[u8]> {
        match self.pieces.as_slice() {
            [] => Some(b""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text behind the last of its placeholders.
    pub(crate) fn tail(&self) -> Option<&[u8]> {
        match self.pieces.as_slice() {
            [.., Piece::Value(..), Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is empty for every request.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether filling it needs the request's body in memory.
    pub(crate) fn needs_body(&self) -> bool {
        let body = |p: &Piece| matches!(p, Piece::Value(placeholder, _) if placeholder.is_body());
        self.pieces.iter().any(body)
    }

    /// The text for this request.
    pub(crate) fn fill<'a>(&'a self, ex: &'a Exchange<'_>) -> Cow<'a, [u8]> {
        self.fill_with(ex, |_, value| value)
    }

    /// The text for this request, with `change` applied to the values (not to the text
    /// between them); `change` is told the placeholder's name.
    pub(crate) fn fill_with<'a>(
        &'a self,
        ex: &'a Exchange<'_>,
        change: impl Fn(&str, Cow<'a, [u8]>) -> Cow<'a, [u8]>,
    ) -> Cow<'a, [u8]> {
        let piece = |piece: &'a Piece| match piece {
            Piece::Text(text) => Cow::Borrowed(text.as_slice()),
            Piece::Value(placeholder, name) => match placeholder.value(ex) {
                Some(value) => change(name, value),
                None if self.unknown == Unknown::Stays => format!("{{{name}}}").into_bytes().into(),
                None => Cow::Borrowed(&b""[..]),
            },
        };
        match self.pieces.as_slice() {
            [] => Cow::Borrowed(b""),
            [only] => piece(only),
            pieces => {
                let mut out = Vec::with_capacity(FILLED_SIZE);
                for each in pieces {
                    out.extend_from_slice(&piece(each));
                }
                Cow::Owned(out)
            }
        }
    }

    /// The text for this request; bytes that are not UTF-8 are replaced.
    pub(crate) fn fill_text<'a>(&'a self, ex: &'a Exchange<'_>) -> Cow<'a, str> {
        match self.fill(ex) {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        }
    }
}

/// Which target a placeholder speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// As rewritten so far.
    Current,
    /// As the client sent it.
    Original,
}

/// A part of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Path and query.
    Uri,
    /// The same, escaped as a query value.
    UriEscaped,
    /// The path without escapes.
    Path,
    /// The same, escaped as a query value.
    PathEscaped,
    /// Up to the last slash.
    Dir,
    /// After the last slash.
    File,
    /// The file without its extension.
    FileBase,
    /// The extension with its dot.
    FileExt,
    /// One part of the path, from 0.
    Segment(usize),
    /// The query.
    Query,
    /// The same, escaped as a query value.
    QueryEscaped,
    /// The query with `?`, if it is not empty.
    PrefixedQuery,
    /// The values of a key, joined with commas.
    QueryKey(String),
}

/// Where a value is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder {
    /// `env.*`.
    Env(String),
    /// `file.*`: what a file holds.
    File(String),
    /// `http.shutting_down`.
    ShuttingDown,
    /// `http.time_until_shutdown`.
    TimeUntilShutdown,
    /// `http.auth.user.id`.
    UserId,
    /// An output of a table, if there is one of this name.
    Mapped(String),
    /// A value that was known when the configuration was loaded.
    Fixed(String),
    /// `time.now.*`.
    Now(Clock),
    /// `http.request.method` and `http.request.orig_method`.
    Method(Of),
    /// `http.request.scheme`.
    Scheme,
    /// `http.request.proto`.
    Proto,
    /// `http.request.proto_name`.
    ProtoName,
    /// `http.request.host`.
    Host,
    /// `http.request.port`.
    Port,
    /// `http.request.hostport`.
    HostPort,
    /// `http.request.host.labels.N`, from the right, in lower case.
    HostLabel(usize),
    /// `http.request.local` and its parts.
    Local(End),
    /// `http.request.remote` and its parts.
    Remote(End),
    /// `http.vars.trusted_proxy`: whether a trusted proxy asks for somebody.
    TrustedProxy,
    /// `http.request.remote.host/BITS`: the client's network. `/V4,V6` has bits of their
    /// own for both families; what is no number gives nothing.
    RemoteNet(Option<u8>, Option<u8>),
    /// `http.request.uuid`.
    Uuid,
    /// `http.request.uri.*` and `http.request.orig_uri.*`.
    Target(Of, Part),
    /// `http.request.header.*`.
    Header(String),
    /// `http.request.cookie.*`.
    Cookie(String),
    /// `http.request.body`.
    Body,
    /// `http.request.body_base64`.
    BodyBase64,
    /// `http.request.duration` and `_ms`.
    Duration {
        /// As a number of milliseconds.
        ms: bool,
    },
    /// `http.response.header.*`.
    ResponseHeader(String),
    /// `http.vars.*`.
    Var(String),
    /// `http.vars.client_ip`, which handlers may set to something else.
    ClientIp,
    /// `http.regexp.*`.
    Regexp(String),
    /// `http.url_pattern.*`.
    UrlPattern(String),
    /// `http.matchers.file.*`.
    FileMatch(FilePart),
    /// `http.error.*`.
    Error(ErrorPart),
    /// `http.intercept.status_code`.
    InterceptStatus,
    /// `http.intercept.header.*`.
    InterceptHeader(String),
}

/// A form of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// As Go writes it.
    Full,
    /// As in a `Date` field.
    Http,
    /// As in the Common Log Format.
    CommonLog,
    /// The year.
    Year,
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
}

/// A part of an end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Address and port.
    Both,
    /// The address.
    Host,
    /// The port.
    Port,
}

/// A part of what the `file` matcher found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilePart {
    /// The path below the root.
    Relative,
    /// The file's name.
    Absolute,
    /// `file` or `directory`.
    Type,
    /// What followed the split.
    Remainder,
}

/// A part of the error that is being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorPart {
    /// Mark, status and reason.
    Whole,
    /// Where it came from.
    Trace,
    /// Its text.
    Message,
    /// Its status.
    Status,
    /// The name of that.
    StatusText,
    /// Its mark in the log.
    Id,
}

impl Placeholder {
    /// Reads a name without its braces; `None` when nothing has that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let own = str::to_owned;
        if let Some(key) = name.strip_prefix("env.") {
            return Some(Self::Env(own(key)));
        }
        if let Some(rest) = name.strip_prefix("http.request.") {
            return Self::parse_request(rest);
        }
        if name == "http.vars.trusted_proxy" {
            return Some(Self::TrustedProxy);
        }
        if let Some(path) = name.strip_prefix("file.") {
            return Some(Self::File(own(path)));
        }
        if name == "http.vars.client_ip" {
            return Some(Self::ClientIp);
        }
        if let Some(key) = name.strip_prefix("http.vars.") {
            return Some(Self::Var(own(key)));
        }
        if let Some(key) = name.strip_prefix("http.regexp.") {
            return Some(Self::Regexp(own(key)));
        }
        if let Some(key) = name.strip_prefix("http.url_pattern.") {
            return Some(Self::UrlPattern(own(key)));
        }
        if let Some(key) = name.strip_prefix("http.response.header.") {
            return Some(Self::ResponseHeader(key.to_ascii_lowercase()));
        }
        if let Some(key) = name.strip_prefix("http.intercept.header.") {
            return Some(Self::InterceptHeader(key.to_ascii_lowercase()));
        }
        Some(match name {
            "http.intercept.status_code" => Self::InterceptStatus,
            "http.shutting_down" => Self::ShuttingDown,
            "http.time_until_shutdown" => Self::TimeUntilShutdown,
            "http.auth.user.id" => Self::UserId,
            "http.error" => Self::Error(ErrorPart::Whole),
            "http.error.trace" => Self::Error(ErrorPart::Trace),
            "http.error.message" => Self::Error(ErrorPart::Message),
            "http.error.status_code" => Self::Error(ErrorPart::Status),
            "http.error.status_text" => Self::Error(ErrorPart::StatusText),
            "http.error.id" => Self::Error(ErrorPart::Id),
            "http.matchers.file.relative" => Self::FileMatch(FilePart::Relative),
            "http.matchers.file.absolute" => Self::FileMatch(FilePart::Absolute),
            "http.matchers.file.type" => Self::FileMatch(FilePart::Type),
            "http.matchers.file.remainder" => Self::FileMatch(FilePart::Remainder),
            "time.now" => Self::Now(Clock::Full),
            "time.now.common_log" => Self::Now(Clock::CommonLog),
            "time.now.year" => Self::Now(Clock::Year),
            "time.now.http" => Self::Now(Clock::Http),
            "time.now.unix" => Self::Now(Clock::Unix),
            "time.now.unix_ms" => Self::Now(Clock::UnixMs),
            "system.hostname" => Self::Fixed(hostname()),
            "system.slash" => Self::Fixed(own("/")),
            "system.os" => Self::Fixed(own(std::env::consts::OS)),
            "system.arch" => Self::Fixed(own(go_arch())),
            "system.wd" => Self::Fixed(std::env::current_dir().ok()?.to_string_lossy().into()),
            // Braces around anything else are just braces.
            name if !name.is_empty() && name.bytes().all(is_of_name) => Self::Mapped(own(name)),
            _ => return None,
        })
    }

    /// Whether it is of the request's body.
    pub(crate) const fn is_body(&self) -> bool {
        matches!(self, Self::Body | Self::BodyBase64)
    }

    /// Its value for this request in JSON; `None` when there is nothing of that name.
    pub(crate) fn json(&self, ex: &Exchange<'_>) -> Option<Vec<u8>> {
        let number = match self {
            Self::Duration { ms } => {
                let seconds = ex.started.elapsed().as_secs_f64();
                return Some((seconds * if *ms { 1e3 } else { 1.0 }).to_string().into_bytes());
            }
            Self::Now(Clock::Full) => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                return Some(now.unwrap_or_default().as_secs_f64().to_string().into_bytes());
            }
            Self::Var(name) => return ex.vars.json(name),
            Self::TimeUntilShutdown => {
                let left = ex.shutdown_at()?.saturating_duration_since(Instant::now());
                return Some(left.as_secs_f64().to_string().into_bytes());
            }
            Self::Port | Self::Local(End::Port) | Self::Remote(End::Port) => true,
            Self::ShuttingDown | Self::Error(ErrorPart::Status) | Self::InterceptStatus => true,
            _ => false,
        };
        let value = self.value(ex)?;
        let is_plain = matches!(&*value, b"true" | b"false")
            || !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        Some(if number && is_plain { value.into_owned() } else { json::text(&value) })
    }

    fn parse_request(name: &str) -> Option<Self> {
        let own = str::to_owned;
        if let Some(field) = name.strip_prefix("header.") {
            return Some(Self::Header(field.to_ascii_lowercase()));
        }
        if let Some(cookie) = name.strip_prefix("cookie.") {
            return Some(Self::Cookie(own(cookie)));
        }
        if let Some(bits) = name.strip_prefix("remote.host/") {
            let (v4, v6) = bits.split_once(',').unwrap_or((bits, bits));
            return Some(Self::RemoteNet(v4.parse().ok(), v6.parse().ok()));
        }
        if let Some(label) = name.strip_prefix("host.labels.") {
            return Some(Self::HostLabel(label.parse().ok()?));
        }
        if let Some(part) = name.strip_prefix("orig_uri") {
            let part = Part::parse(part).filter(|p| !matches!(p, Part::FileBase | Part::FileExt));
            return Some(Self::Target(Of::Original, part?));
        }
        if let Some(part) = name.strip_prefix("uri") {
            return Some(Self::Target(Of::Current, Part::parse(part)?));
        }
        Some(match name {
            "method" => Self::Method(Of::Current),
            "orig_method" => Self::Method(Of::Original),
            "scheme" => Self::Scheme,
            "proto" => Self::Proto,
            "proto_name" => Self::ProtoName,
            "host" => Self::Host,
            "port" => Self::Port,
            "hostport" => Self::HostPort,
            "local" => Self::Local(End::Both),
            "local.host" => Self::Local(End::Host),
            "local.port" => Self::Local(End::Port),
            "remote" => Self::Remote(End::Both),
            "remote.host" => Self::Remote(End::Host),
            "remote.port" => Self::Remote(End::Port),
            "uuid" => Self::Uuid,
            "body" => Self::Body,
            "body_base64" => Self::BodyBase64,
            "duration" => Self::Duration { ms: false },
            "duration_ms" => Self::Duration { ms: true },
            _ => return None,
        })
    }

    /// Its value for this request; `None` when there is nothing of that name.
    pub(crate) fn value<'a>(&'a self, ex: &'a Exchange<'_>) -> Option<Cow<'a, [u8]>> {
        Some(match self {
            Self::Env(key) => std::env::var_os(key).map_or_else(Vec::new, into_bytes).into(),
            Self::Fixed(value) => Cow::Borrowed(value.as_bytes()),
            Self::Now(clock) => clock.now().into_bytes().into(),
            Self::Method(Of::Current) => Cow::Borrowed(ex.method.as_str().as_bytes()),
            Self::Method(Of::Original) => Cow::Borrowed(ex.original_method().as_str().as_bytes()),
            Self::Scheme => Cow::Borrowed(ex.scheme().as_bytes()),
            Self::Proto => Cow::Borrowed(ex.proto().as_bytes()),
            Self::ProtoName => match ex.proto() {
                "HTTP/2.0" => Cow::Borrowed(b"HTTP/2"),
                "HTTP/3.0" => Cow::Borrowed(b"HTTP/3"),
                proto => Cow::Borrowed(proto.as_bytes()),
            },
            Self::File(path) => file(path).into(),
            Self::ShuttingDown => truth(ex.shutdown_at().is_some()),
            Self::TimeUntilShutdown => {
                let left = ex.shutdown_at().map(|at| at.saturating_duration_since(Instant::now()));
                left.map_or_else(String::new, go_duration).into_bytes().into()
            }
            Self::UserId => Cow::Borrowed(ex.user_id.as_ref()?.as_bytes()),
            Self::Mapped(name) => ex.maps.iter().find_map(|map| map.value(name, ex))?.into(),
            Self::Host => Cow::Borrowed(host(ex)),
            Self::Port => Cow::Borrowed(uri::split_host(&ex.host).1),
            Self::HostPort => Cow::Borrowed(&ex.host),
            Self::HostLabel(n) => {
                let host = uri::split_host(&ex.host).0;
                let label = host.rsplit(|b| *b == b'.').nth(*n).unwrap_or_default();
                label.to_ascii_lowercase().into()
            }
            Self::Local(end) => end.of(ex.local()).into_bytes().into(),
            Self::Remote(end) => end.of(ex.remote()).into_bytes().into(),
            Self::TrustedProxy => truth(ex.is_from_trusted_proxy()),
            Self::RemoteNet(v4, v6) => {
                let Some(ip) = ex.remote().ip() else {
                    return Some(ex.remote().host().into_bytes().into());
                };
                let bits = if ip.is_ipv4() { v4 } else { v6 };
                bits.map_or_else(String::new, |bits| network(ip, bits)).into_bytes().into()
            }
            Self::Uuid => Cow::Borrowed(ex.uuid().as_bytes()),
            Self::Target(Of::Current, part) => part.of(&ex.target),
            Self::Target(Of::Original, Part::Uri) => Cow::Borrowed(ex.original_uri()),
            Self::Target(Of::Original, part) => part.of(&ex.original_target()).into_owned().into(),
            Self::Header(name) if name == "host" => return Some(Cow::Borrowed(b"")),
            Self::Header(name) => joined(ex.headers(), name),
            Self::Cookie(name) => Cow::Borrowed(ex.cookie(name)?),
            Self::Body => Cow::Borrowed(ex.buffered_body()),
            Self::BodyBase64 => base64(ex.buffered_body()).into_bytes().into(),
            Self::Duration { ms } => duration(ex.started.elapsed(), *ms).into_bytes().into(),
            Self::ResponseHeader(name) => joined(ex.response.fields(), name),
            Self::ClientIp if !ex.vars.value("client_ip").is_empty() => {
                Cow::Borrowed(ex.vars.value("client_ip"))
            }
            Self::ClientIp => client(ex).into_bytes().into(),
            Self::Var(name) => Cow::Borrowed(ex.vars.value(name)),
            Self::Regexp(key) => Cow::Borrowed(ex.captured(key)?),
            Self::UrlPattern(key) => Cow::Borrowed(ex.url_group(key)?),
            Self::FileMatch(part) => ex.file_match.as_ref()?.part(*part),
            Self::Error(part) => ex.error.as_ref()?.part(*part),
            Self::InterceptStatus => {
                ex.intercepted.as_ref()?.status.to_string().into_bytes().into()
            }
            Self::InterceptHeader(name) => {
                let headers = &ex.intercepted.as_ref()?.headers;
                return headers.contains_key(name).then(|| joined(headers, name));
            }
        })
    }
}

impl Part {
    fn parse(name: &str) -> Option<Self> {
        if let Some(key) = name.strip_prefix(".query.") {
            return Some(Self::QueryKey(key.to_owned()));
        }
        Some(match name {
            "" => Self::Uri,
            "_escaped" => Self::UriEscaped,
            ".path" => Self::Path,
            ".path_escaped" => Self::PathEscaped,
            ".path.dir" => Self::Dir,
            ".path.file" => Self::File,
            ".path.file.base" => Self::FileBase,
            ".path.file.ext" => Self::FileExt,
            ".query" => Self::Query,
            ".query_escaped" => Self::QueryEscaped,
            ".prefixed_query" => Self::PrefixedQuery,
            _ => Self::Segment(name.strip_prefix(".path.")?.parse().ok()?),
        })
    }

    pub(crate) fn of<'a>(&self, target: &'a Target) -> Cow<'a, [u8]> {
        let path = target.path.as_slice();
        let (dir, file) = match path.iter().rposition(|b| *b == b'/') {
            Some(at) => path.split_at(at + 1),
            None => (&b""[..], path),
        };
        // The extension begins with the last dot.
        let dot = file.iter().rposition(|b| *b == b'.').unwrap_or(file.len());
        match self {
            Self::Uri => target.uri().into(),
            Self::UriEscaped => uri::escape_query(&target.uri()).into(),
            Self::Path => Cow::Borrowed(path),
            Self::PathEscaped => uri::escape_query(path).into(),
            Self::Dir => Cow::Borrowed(dir),
            Self::File => Cow::Borrowed(file),
            Self::FileBase if file.is_empty() => base(path).into(),
            Self::FileBase => Cow::Borrowed(&file[..dot]),
            Self::FileExt => Cow::Borrowed(&file[dot..]),
            Self::Segment(n) => {
                let rest = path.strip_prefix(b"/").unwrap_or(path);
                Cow::Borrowed(rest.split(|b| *b == b'/').nth(*n).unwrap_or_default())
            }
            Self::Query => Cow::Borrowed(target.query()),
            Self::QueryEscaped => uri::escape_query(target.query()).into(),
            Self::PrefixedQuery if target.query().is_empty() => Cow::Borrowed(b""),
            Self::PrefixedQuery => [b"?", target.query()].concat().into(),
            Self::QueryKey(key) => {
                let of_key = uri::query_pairs(target.query()).filter(|(k, _)| k == key.as_bytes());
                of_key.map(|(_, v)| v).collect::<Vec<_>>().join(&b',').into()
            }
        }
    }
}

/// The last part of a path, whatever slashes follow it: Go's `path.Base`.
fn base(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |at| at + 1);
    match path[..end].rsplit(|b| *b == b'/').next() {
        Some(name) if !name.is_empty() => name.to_vec(),
        _ if path.is_empty() => b".".to_vec(),
        _ => b"/".to_vec(),
    }
}

impl End {
    fn of(self, address: &Peer) -> String {
        match self {
            Self::Both => address.to_string(),
            Self::Host => address.host(),
            Self::Port => address.port(),
        }
    }
}

/// The network of this many bits that an address is in; nothing when it has fewer bits.
fn network(address: IpAddr, bits: u8) -> String {
    let bits = u32::from(bits);
    let start: IpAddr = match address {
        IpAddr::V4(ip) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Ipv4Addr::from_bits(ip.to_bits() & mask).into()
        }
        IpAddr::V6(ip) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Ipv6Addr::from_bits(ip.to_bits() & mask).into()
        }
        _ => return String::new(),
    };
    format!("{start}/{bits}")
}

impl Clock {
    fn now(self) -> String {
        let now = SystemTime::now();
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        match self {
            Self::Full => {
                static START: LazyLock<Instant> = LazyLock::new(Instant::now);
                let running = START.elapsed().as_secs_f64();
                let text = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S%.f %z %Z").to_string();
                format!("{text} m=+{running:.9}")
            }
            Self::CommonLog => jiff::Zoned::now().strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
            Self::Year => jiff::Zoned::now().year().to_string(),
            Self::Http => httpdate::fmt_http_date(now),
            Self::Unix => since.as_secs().to_string(),
            Self::UnixMs => since.as_millis().to_string(),
        }
    }
}

/// The values of a field, joined with commas; empty when it is absent.
fn joined<'a>(headers: &'a http::HeaderMap, name: &str) -> Cow<'a, [u8]> {
    let mut values = headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
    match (values.next(), values.next()) {
        (None, _) => Cow::Borrowed(b""),
        (Some(only), None) => Cow::Borrowed(only),
        (Some(first), Some(second)) => {
            let all = [first, second].into_iter().chain(values).collect::<Vec<_>>();
            all.join(&b',').into()
        }
    }
}

fn duration(elapsed: Duration, ms: bool) -> String {
    if ms { (elapsed.as_secs_f64() * 1e3).to_string() } else { go_duration(elapsed) }
}

fn truth(is: bool) -> Cow<'static, [u8]> {
    Cow::Borrowed(if is { b"true" } else { b"false" })
}

/// A time span as Go writes it.
fn go_duration(span: Duration) -> String {
    let nanos = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    crate::config::duration::Duration(nanos).to_string()
}

/// What a file holds, without the line break at its end; nothing of one that cannot be
/// read, or is too large.
fn file(path: &str) -> Vec<u8> {
    let mut text = Vec::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut text));
    if !read.is_ok_and(|length| length as u64 <= FILE_MAX) {
        return Vec::new();
    }
    text.pop_if(|b| *b == b'\n');
    text.pop_if(|b| *b == b'\r');
    text
}

/// Whether a name of somebody's own may hold this byte.
fn is_of_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"._-/".contains(&b)
}

fn into_bytes(text: std::ffi::OsString) -> Vec<u8> {
    std::os::unix::ffi::OsStringExt::into_vec(text)
}

/// The host that was asked for; the brackets of an address go only where a port follows.
fn host<'e>(ex: &'e Exchange<'_>) -> &'e [u8] {
    if ex.host.ends_with(b"]") { &ex.host } else { uri::split_host(&ex.host).0 }
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The processor in Go's words.
fn go_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// Who asks: the client's address as far as it is known.
fn client(ex: &Exchange<'_>) -> String {
    ex.client_ip().map_or_else(|| ex.remote().host(), |ip| ip.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, unknown: Unknown, expected: &[&str]) {
        let template = Template::new(text, unknown);
        let shown = template.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Piece::Value(_, name) => format!("<{name}>"),
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn a_text_is_cut_at_the_placeholders_that_exist() {
        use Unknown::{Stays, Vanishes};
        check("plain", Stays, &["plain"]);
        check("a{http.vars.x}b", Stays, &["a", "<http.vars.x>", "b"]);
        check(
            "{\"p\":\"{http.request.method}\"}",
            Stays,
            &["{\"p\":\"", "<http.request.method>", "\"}"],
        );
        check("{no pe}{http.request.uri}", Vanishes, &["<http.request.uri>"]);
        check("{no pe}", Stays, &["{no pe}"]);
        check("{mine}", Stays, &["<mine>"]);
        check("\\{http.request.uri\\}\\n", Stays, &["{http.request.uri}\\n"]);
        check("{open", Vanishes, &["{open"]);
    }

    #[track_caller]
    fn check_part(name: &str, uri: &str, expected: &str) {
        let target = Target::parse(uri.as_bytes()).expect("well-formed");
        let part = Part::parse(name).expect("known");
        assert_eq!(String::from_utf8_lossy(&part.of(&target)), expected, "{name} of {uri}");
    }

    #[test]
    fn the_parts_of_a_uri_are_caddys() {
        let uri = "/dir/sub/file.tar.gz?a=1&b=x%20y&a=2";
        check_part("", uri, uri);
        check_part(".path.dir", uri, "/dir/sub/");
        check_part(".path.file", uri, "file.tar.gz");
        check_part(".path.file.base", uri, "file.tar");
        check_part(".path.file.ext", uri, ".gz");
        check_part(".path.1", uri, "sub");
        check_part(".path.9", uri, "");
        check_part(".query.a", uri, "1,2");
        check_part(".query.b", uri, "x y");
        check_part(".prefixed_query", "/dir/?", "");
        check_part(".path.file.base", "/dir/?", "dir");
        check_part(".path.file.base", "/", "/");
        check_part(".path_escaped", "/a%20b/c%2Fd?q=%26", "%2Fa+b%2Fc%2Fd");
    }

    #[test]
    fn a_network_is_the_address_with_its_last_bits_cleared() {
        let check = |address: &str, bits, expected: &str| {
            let address = address.parse().expect("an address");
            assert_eq!(network(address, bits), expected, "{address}/{bits}");
        };
        check("1.2.3.4", 24, "1.2.3.0/24");
        check("1.2.3.4", 0, "0.0.0.0/0");
        check("1.2.3.4", 33, "");
        check("2001:db8::1", 32, "2001:db8::/32");
    }

    #[test]
    fn base64_is_padded() {
        assert_eq!(base64(b"hello body"), "aGVsbG8gYm9keQ==");
        assert_eq!(base64(b"abc"), "YWJj");
    }
}
