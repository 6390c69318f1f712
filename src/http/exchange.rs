//! A request in flight: what handlers and matchers see and change of it.
//!
//! One exchange lives from the end of the request's head to the end of its answer. It
//! borrows the session that carries it, whatever protocol that speaks, and the compiled
//! site that answers it. The answer's side is in [`super::response`].

use super::connection::{Connection, Peer};
use super::handlers::subroute::Catcher;
use super::handlers::{AnswerBody, LogAppend, Map, Traced};
use super::head;
use super::matchers::file::{Disk, FileMatch};
use super::pace::{Bound, Pace};
use super::placeholder::ErrorPart;
use super::regexp::Captured;
use super::response::Response;
use super::server::Site;
use super::session::StreamWatch;
use super::trust::Client;
use super::uri::Target;
use crate::logging::json;
use crate::metrics::http::InFlight;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, COOKIE, EXPECT};
use http::{HeaderMap, HeaderValue, Method, Version};
use pingora_core::protocols::http::server::Session;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::io;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Of a request's body, a placeholder gets no more parts than bring it to this length.
const BUFFERED_BODY_MAX: usize = 8 * 1024 * 1024;

/// What a handler leaves to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// The next handler.
    Next,
    /// Nothing: the request is answered.
    Done,
}

/// Why a handler did not answer.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The error routes answer, or else the bare status.
    Error(HandlerError),
    /// Nothing can be sent any more, or nothing may: the connection is dropped.
    Abort,
}

/// How a handler ends.
pub(crate) type Outcome = Result<Flow, Failure>;

/// An error with the status that tells the client of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandlerError {
    /// The status.
    pub status: u16,
    /// The reason, for log and error pages; there may be no more to say than the status.
    pub reason: Option<String>,
    /// Names it in the log.
    pub id: String,
}

impl Failure {
    /// An error with this status.
    pub(crate) fn error(status: u16, message: impl Into<String>) -> Self {
        let reason = Some(message.into());
        Self::Error(HandlerError { status, reason, id: error_id() })
    }

    /// An error of which its status says all.
    pub(crate) fn status(status: u16) -> Self {
        Self::Error(HandlerError { status, reason: None, id: error_id() })
    }
}

impl HandlerError {
    /// The value of one of its placeholders.
    pub(crate) fn part(&self, part: ErrorPart) -> Cow<'_, [u8]> {
        match part {
            ErrorPart::Whole => self.whole().into_bytes().into(),
            // There is no stack to be told of: a failure is a value.
            ErrorPart::Trace => Cow::Borrowed(b""),
            ErrorPart::Message => {
                Cow::Borrowed(self.reason.as_deref().unwrap_or_else(|| self.phrase()).as_bytes())
            }
            ErrorPart::Status => self.status.to_string().into_bytes().into(),
            ErrorPart::StatusText => Cow::Borrowed(self.phrase().as_bytes()),
            ErrorPart::Id => Cow::Borrowed(self.id.as_bytes()),
        }
    }

    /// What the log says of it.
    pub(super) fn message(&self) -> Cow<'_, str> {
        self.reason.as_deref().map_or_else(|| self.whole().into(), Cow::Borrowed)
    }

    fn whole(&self) -> String {
        let Self { id, status, reason } = self;
        let reason = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        format!("{{id={id}}}: HTTP {status}{}", reason.trim_end())
    }

    fn phrase(&self) -> &'static str {
        let status = http::StatusCode::from_u16(self.status).ok();
        status.and_then(head::phrase).unwrap_or("")
    }
}

/// Nine letters and digits that no other error of this process soon has.
fn error_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let mut n = RandomState::new().hash_one(Instant::now());
    let digit =
        |n: u64| b"abcdefghijkmnpqrstuvwxyz0123456789"[usize::try_from(n % 34).unwrap_or(0)];
    let letters = std::iter::repeat_with(|| {
        let letter = digit(n);
        n /= 34;
        char::from(letter)
    });
    letters.take(9).collect()
}

/// An answer that is being handled before it goes out.
#[derive(Debug)]
pub(crate) struct Intercepted {
    /// Its status.
    pub status: u16,
    /// Its fields.
    pub headers: HeaderMap,
}

/// Variables of a request, by name.
#[derive(Debug, Default)]
pub(crate) struct Vars<'s>(Vec<Var<'s>>);

#[derive(Debug)]
struct Var<'s> {
    name: Text<'s>,
    value: Text<'s>,
    /// Whether the value is JSON: a number, a boolean, a list.
    is_json: bool,
}

/// A text that the configuration or the request owns.
type Text<'s> = Cow<'s, [u8]>;

impl<'s> Vars<'s> {
    /// The value of a variable, empty when it is not set or null.
    pub(crate) fn value(&self, name: &str) -> &[u8] {
        let is_null = |var: &Var<'_>| var.is_json && *var.value == *b"null";
        self.find(name).filter(|var| !is_null(var)).map(|var| &*var.value).unwrap_or_default()
    }

    /// The value of a variable in JSON, if it is set.
    pub(crate) fn json(&self, name: &str) -> Option<Vec<u8>> {
        let var = self.find(name)?;
        Some(if var.is_json { var.value.to_vec() } else { json::text(&var.value) })
    }

    fn find(&self, name: &str) -> Option<&Var<'s>> {
        self.0.iter().find(|var| *var.name == *name.as_bytes())
    }

    /// Sets a variable.
    pub(crate) fn set(&mut self, name: Text<'s>, value: Text<'s>) {
        self.put(Var { name, value, is_json: false });
    }

    /// Sets a variable to a value that is JSON.
    pub(crate) fn set_json(&mut self, name: Text<'s>, value: Text<'s>) {
        self.put(Var { name, value, is_json: true });
    }

    fn put(&mut self, var: Var<'s>) {
        match self.0.iter_mut().find(|before| before.name == var.name) {
            Some(before) => *before = var,
            None => self.0.push(var),
        }
    }
}

/// What a protocol knows of a request besides its head.
pub(super) struct Asked {
    /// The host, with its port if it has one.
    pub(super) host: Vec<u8>,
    /// The `x` of `HTTP/1.x`; no matter for later protocols.
    pub(super) minor: u8,
    /// The target as the client sent it, where the session has another.
    pub(super) target: Option<Vec<u8>>,
    /// Sees that the client gave up this request, where that is not the connection's end.
    pub(super) stream: Option<StreamWatch>,
}

/// `HTTP/1.x` as Go writes it.
const HTTP1: [&str; 10] = [
    "HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/1.3", "HTTP/1.4", "HTTP/1.5", "HTTP/1.6", "HTTP/1.7",
    "HTTP/1.8", "HTTP/1.9",
];

/// A request in flight.
pub(crate) struct Exchange<'s> {
    pub(super) session: &'s mut Session,
    pub(super) connection: &'s Connection,
    pub(super) site: &'s Site,
    /// The method, as rewritten so far.
    pub method: Method,
    /// Path and query, as rewritten so far.
    pub target: Target,
    /// Host and port that were asked for.
    pub host: Vec<u8>,
    /// Variables.
    pub vars: Vars<'s>,
    /// Tables whose outputs are placeholders.
    pub maps: Vec<&'s Map>,
    /// How many of them are being asked within one another.
    pub map_depth: AtomicU32,
    /// Who the client is, once somebody asked.
    pub user_id: Option<String>,
    /// The access loggers that a handler chose instead of the host's.
    pub logger_names: Option<&'s [String]>,
    /// Fields that handlers add to the access log, and their values in JSON.
    pub log_fields: Vec<(Cow<'s, str>, Vec<u8>)>,
    /// Fields whose values are taken when the handlers are done.
    pub late_log_fields: Vec<&'s LogAppend>,
    /// Bodies of the answer that such fields show, by their keys.
    pub logged_bodies: Vec<(&'s str, AnswerBody)>,
    /// Spans that are under way, the innermost last.
    pub traced: Vec<Traced<'s>>,
    /// What the `file` matcher found last.
    pub file_match: Option<FileMatch>,
    /// What it saw on the disk since a handler ran last.
    pub disk: Disk,
    /// What the matcher `url_pattern` found, by component and name: `pathname.id`.
    pub url_groups: Vec<(String, Vec<u8>)>,
    /// What regular expressions found, the last one last.
    captured: Vec<Captured>,
    /// The error that is being answered.
    pub error: Option<HandlerError>,
    /// The answer that `intercept` took last.
    pub intercepted: Option<Box<Intercepted>>,
    /// The answer.
    pub response: Response<'s>,
    /// What counts it, since when.
    pub(super) metered: SmallVec<[(InFlight, Instant); 4]>,
    /// Who asks.
    client: Client,
    /// When the head was complete.
    pub started: Instant,
    /// How many named routes are running within one another.
    pub(super) invocations: u32,
    /// Error routes of subroutes that were entered.
    pub(super) catchers: Vec<Catcher<'s>>,
    /// Groups of routes of which one was taken.
    pub(super) groups: Vec<u32>,
    /// The header, once it was changed.
    changed_headers: Option<HeaderMap>,
    original_host: Option<Vec<u8>>,
    raw_target: Option<Vec<u8>>,
    minor: u8,
    stream: Option<StreamWatch>,
    uuid: OnceLock<String>,
    body: Body,
}

#[derive(Debug)]
struct Body {
    /// There is none.
    empty: bool,
    /// The client waits for `100 Continue`.
    awaits_continue: bool,
    /// The whole body, when a placeholder wanted it.
    buffered: Option<Bytes>,
    /// Read from the client, to be handed out next.
    returned: Option<Bytes>,
    read: u64,
    /// Another body stands in the place of the client's.
    replaced: bool,
    /// How many more bytes handlers may read.
    left: Option<u64>,
    pace: Pace,
}

impl<'s> Exchange<'s> {
    /// An exchange for the request whose head the session has read.
    pub(super) fn new(
        session: &'s mut Session,
        connection: &'s Connection,
        site: &'s Site,
        asked: Asked,
    ) -> Self {
        let now = Instant::now();
        let timeouts = site.timeouts;
        session.set_read_timeout(timeouts.read.idle());
        super::response::limit_writes(session, timeouts.write.idle());
        let empty = session.is_body_empty();
        let head = session.req_header();
        let expects = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        let awaits_continue = !empty
            && head.version >= Version::HTTP_11
            && head.headers.get(EXPECT).is_some_and(expects);
        let body = Body {
            awaits_continue,
            empty,
            buffered: None,
            returned: None,
            read: 0,
            replaced: false,
            left: None,
            pace: Pace::new(timeouts.read, timeouts.read_total, now.into()),
        };
        Self {
            method: head.method.clone(),
            target: Target::default(),
            host: asked.host,
            minor: asked.minor,
            raw_target: asked.target,
            stream: asked.stream,
            uuid: OnceLock::new(),
            vars: Vars::default(),
            maps: Vec::new(),
            map_depth: AtomicU32::new(0),
            user_id: None,
            logger_names: None,
            log_fields: Vec::new(),
            late_log_fields: Vec::new(),
            logged_bodies: Vec::new(),
            traced: Vec::new(),
            file_match: None,
            disk: Disk::default(),
            url_groups: Vec::new(),
            captured: Vec::new(),
            error: None,
            intercepted: None,
            response: Response::new(Pace::new(timeouts.write, timeouts.write_total, now.into())),
            metered: SmallVec::new(),
            client: site.trust.client(&connection.remote, &session.req_header().headers),
            started: now,
            invocations: 0,
            catchers: Vec::new(),
            groups: Vec::new(),
            changed_headers: None,
            original_host: None,
            body,
            session,
            connection,
            site,
        }
    }

    /// When the head was complete, by the clock on the wall.
    pub(crate) fn accepted(&self) -> SystemTime {
        SystemTime::now().checked_sub(self.started.elapsed()).unwrap_or(UNIX_EPOCH)
    }

    /// The request's header.
    pub(crate) fn headers(&self) -> &HeaderMap {
        self.changed_headers.as_ref().unwrap_or_else(|| self.original_headers())
    }

    /// Changes the request's header and host.
    pub(crate) fn change_headers(&mut self, change: impl FnOnce(&mut HeaderMap, &mut Vec<u8>)) {
        let mut headers = match self.changed_headers.take() {
            Some(headers) => headers,
            None => self.original_headers().clone(),
        };
        self.original_host.get_or_insert_with(|| self.host.clone());
        change(&mut headers, &mut self.host);
        self.changed_headers = Some(headers);
    }

    /// The header as the client sent it.
    pub(crate) fn original_headers(&self) -> &HeaderMap {
        &self.session.req_header().headers
    }

    /// The host as the client sent it.
    pub(crate) fn original_host(&self) -> &[u8] {
        self.original_host.as_ref().unwrap_or(&self.host)
    }

    /// The method as the client sent it.
    pub(crate) fn original_method(&self) -> &Method {
        &self.session.req_header().method
    }

    /// The target as the client sent it, in whatever form.
    pub(crate) fn original_uri(&self) -> &[u8] {
        self.raw_target.as_deref().unwrap_or_else(|| self.session.req_header().raw_path())
    }

    /// Path and query of it; `None` when an escape is malformed.
    pub(super) fn parse_target(&self) -> Option<Target> {
        Target::parse(origin_form(self.original_uri()))
    }

    /// The same, of a target that is well-formed.
    pub(crate) fn original_target(&self) -> Target {
        self.parse_target().unwrap_or_default()
    }

    /// Takes back what rewrites did.
    pub(super) fn restore_target(&mut self) {
        self.target = self.original_target();
        self.method = self.original_method().clone();
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        "http"
    }

    /// The protocol's version as Go writes it.
    pub(crate) fn proto(&self) -> &'static str {
        match self.version() {
            Version::HTTP_2 => "HTTP/2.0",
            Version::HTTP_3 => "HTTP/3.0",
            _ => HTTP1[usize::from(self.minor.min(9))],
        }
    }

    /// The `x` of `HTTP/1.x`.
    pub(super) const fn minor(&self) -> u8 {
        self.minor
    }

    /// The protocol's version.
    pub(crate) fn version(&self) -> Version {
        self.session.req_header().version
    }

    /// Whether files are looked for where they usually are: the only file system is the
    /// system's, and a variable may name another.
    pub(crate) fn has_usual_files(&self) -> bool {
        matches!(self.vars.value("fs"), b"" | b"default")
    }

    /// When the server ends, once that is known.
    pub(crate) fn shutdown_at(&self) -> Option<Instant> {
        self.site.shutdown_at.get().copied()
    }

    /// The client's address.
    pub(crate) fn remote(&self) -> &Peer {
        &self.connection.remote
    }

    /// The client's IP address: what trusted proxies say, or where the connection comes
    /// from.
    pub(crate) fn client_ip(&self) -> Option<IpAddr> {
        self.client.ip
    }

    /// Whether the connection comes from a proxy whose word is believed.
    pub(crate) fn is_from_trusted_proxy(&self) -> bool {
        self.client.by_proxy
    }

    /// Whether the request came over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.scheme() == "https"
    }

    /// Keeps what a regular expression found, for placeholders; whether it found anything.
    pub(super) fn keep(&mut self, found: Option<Captured>) -> bool {
        let matched = found.is_some();
        self.captured.extend(found);
        matched
    }

    /// The group of an expression that `key` names, as `NAME.1` or `1`: the one found last.
    pub(super) fn captured(&self, key: &str) -> Option<&[u8]> {
        self.captured.iter().rev().find_map(|captured| captured.group(key))
    }

    /// The part of the URL that `url_pattern` found by this key, as `pathname.id`.
    pub(super) fn url_group(&self, key: &str) -> Option<&[u8]> {
        self.url_groups.iter().find(|(name, _)| name == key).map(|(_, group)| &**group)
    }

    /// Our address.
    pub(crate) fn local(&self) -> &Peer {
        &self.connection.local
    }

    /// A random UUID that is this request's own (RFC 9562, version 4).
    pub(crate) fn uuid(&self) -> &str {
        self.uuid.get_or_init(|| {
            let mut bytes = [0; 16];
            // The kernel gives so few bytes at once, or, at its very first start, waits.
            let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
            let n = u128::from_be_bytes(bytes) & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
            let hex = format!("{n:032x}");
            [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
        })
    }

    /// The value of a cookie by its name in any case; one that Go does not take for a value is
    /// passed over.
    pub(crate) fn cookie(&self, name: &str) -> Option<&[u8]> {
        let is_of_value = |b: &u8| matches!(b, 0x20..=0x7e) && !matches!(b, b'"' | b';' | b'\\');
        let lines = self.headers().get_all(COOKIE).iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|b| *b == b';'));
        pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()).find_map(|pair| {
            let (key, value) = match pair.iter().position(|b| *b == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &b""[..]),
            };
            let bare = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\""));
            let value = bare.unwrap_or(value);
            let is_named = key.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
            (is_named && value.iter().all(is_of_value)).then_some(value)
        })
    }

    /// The length of the body as announced; `None` when only its end tells.
    pub(crate) fn body_length(&self) -> Option<u64> {
        if self.body.replaced {
            return self.body.buffered.as_ref().map(|body| body.len() as u64);
        }
        self.client_body_length()
    }

    /// The same of the body that the client sends, whatever handlers see.
    pub(super) fn client_body_length(&self) -> Option<u64> {
        if self.body.empty {
            return Some(0);
        }
        let length = self.original_headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        length.and_then(|length| length.trim().parse().ok())
    }

    /// Bytes of the body that were read so far.
    pub(crate) fn body_bytes_read(&self) -> u64 {
        self.body.read
    }

    /// Whether the client still waits to be asked for its body.
    pub(super) fn awaits_continue(&self) -> bool {
        self.body.awaits_continue
    }

    /// How long the client may take for the next part of its body; unbounded when absent.
    pub(crate) fn set_body_timeout(&mut self, limit: Option<Duration>) {
        self.session.set_read_timeout(limit);
    }

    /// Waits until the client has left, or has given up this request.
    pub(crate) fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let conn = super::response::conn_of(self.session).map(super::conn::Conn::watch);
        let stream = self.stream.clone();
        async move {
            match (conn, stream) {
                (Some(conn), _) => conn.closed_by_client().await,
                (None, Some(stream)) => stream.given_up().await,
                (None, None) => std::future::pending().await,
            }
        }
    }

    /// The next part of the body; `None` at its end. A client that waits for
    /// `100 Continue` is told to go on.
    ///
    /// # Errors
    /// When the client went away or took too long.
    pub(crate) async fn read_body(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(bytes) = self.body.returned.take() {
            return Ok(Some(bytes));
        }
        if self.body.replaced {
            return Ok(None);
        }
        let pace = self.body.pace;
        let part = match pace.keep(self.receive_body()).await {
            Ok(part) => part?,
            Err(late) => {
                self.session.set_keepalive(None);
                return Err(late);
            }
        };
        self.body.pace.earn(part.as_ref().map_or(0, Bytes::len));
        match (part, self.body.left) {
            (Some(part), Some(left)) => self.bounded(part, left).map(Some),
            (part, _) => Ok(part),
        }
    }

    /// As much of a part as handlers may still read.
    fn bounded(&mut self, mut part: Bytes, left: u64) -> io::Result<Bytes> {
        let length = part.len() as u64;
        self.body.left = Some(left.saturating_sub(length));
        if length <= left {
            return Ok(part);
        }
        // What is left of it is not read, so no request can follow.
        self.session.set_keepalive(None);
        if left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        part.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        Ok(part)
    }

    async fn receive_body(&mut self) -> io::Result<Option<Bytes>> {
        if std::mem::take(&mut self.body.awaits_continue) {
            self.session.write_continue_response().await.map_err(io::Error::other)?;
        }
        let part = self.session.read_request_body().await.map_err(|error| {
            // Where a body ends that broke off or is malformed, nobody knows: what follows
            // is not taken for a request.
            self.session.set_keepalive(None);
            io::Error::other(error)
        })?;
        self.body.read += part.as_ref().map_or(0, |p| p.len() as u64);
        Ok(part)
    }

    /// Lets handlers read no more than this of the body.
    pub(crate) fn limit_body(&mut self, max: u64) {
        let left = self.body.left.unwrap_or(u64::MAX).min(max);
        self.body.left = Some(left);
        let max = usize::try_from(left).unwrap_or(usize::MAX);
        for body in self.body.buffered.iter_mut().chain(&mut self.body.returned) {
            body.truncate(max);
        }
    }

    /// Whether the body is known to be longer than handlers may read.
    pub(crate) fn body_exceeds_limit(&self) -> bool {
        let left = self.body.left.filter(|_| self.body.buffered.is_none());
        left.is_some_and(|left| self.body_length().is_some_and(|length| length > left))
    }

    /// Puts another body in the place of the client's.
    pub(crate) fn replace_body(&mut self, body: Bytes) {
        self.body.replaced = true;
        self.body.left = None;
        self.body.returned = (!body.is_empty()).then(|| body.clone());
        self.body.buffered = Some(body);
    }

    /// Holds the client to another pace for its body.
    pub(crate) fn set_body_pace(&mut self, bound: Bound) {
        self.session.set_read_timeout(bound.idle());
        self.body.pace.turn_to(bound, Instant::now().into());
    }

    /// The same for the answer.
    pub(crate) fn set_answer_pace(&mut self, bound: Bound) {
        super::response::limit_writes(self.session, bound.idle());
        self.response.pace.turn_to(bound, Instant::now().into());
    }

    /// Takes the values of log fields whose handlers are done, the last one first.
    pub(super) fn settle_log_fields(&mut self) {
        while let Some(handler) = self.late_log_fields.pop() {
            self.log_uuid();
            let (key, value) = handler.field(self);
            self.log_fields.push((Cow::Borrowed(key), value));
        }
    }

    /// Adds the request's UUID to the access log if anybody asked for it.
    pub(super) fn log_uuid(&mut self) {
        if let Some(uuid) = self.uuid.get()
            && !self.log_fields.iter().any(|(key, _)| key == "uuid")
        {
            let value = json::text(uuid.as_bytes());
            self.log_fields.push((Cow::Borrowed("uuid"), value));
        }
    }

    /// Reads the whole body into memory, for placeholders; handlers can still read it.
    pub(super) async fn buffer_body(&mut self) {
        if self.body.buffered.is_some() {
            return;
        }
        let mut all = BytesMut::new();
        // A body cut short is used as far as it came, as Caddy does.
        while let Ok(Some(part)) = self.read_body().await {
            all.extend_from_slice(&part);
            if all.len() >= BUFFERED_BODY_MAX {
                break;
            }
        }
        let all = all.freeze();
        self.body.returned = (!all.is_empty()).then(|| all.clone());
        self.body.buffered = Some(all);
    }

    /// The body that [`Self::buffer_body`] read.
    pub(super) fn buffered_body(&self) -> &[u8] {
        self.body.buffered.as_deref().unwrap_or_default()
    }
}

/// The path and query of a request target in any form: those of an absolute one, where
/// either may be missing, and nothing of an authority.
fn origin_form(raw: &[u8]) -> &[u8] {
    if raw.starts_with(b"/") || raw == b"*" {
        return raw;
    }
    let Some(scheme) = raw.windows(3).position(|w| w == b"://") else { return b"" };
    let rest = &raw[scheme + 3..];
    rest.iter().position(|b| matches!(b, b'/' | b'?')).map_or(b"", |at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_in_absolute_form_has_a_path_and_a_query() {
        let check = |raw: &str, expected: &str| {
            assert_eq!(String::from_utf8_lossy(origin_form(raw.as_bytes())), expected, "{raw}");
        };
        check("/a?b", "/a?b");
        check("*", "*");
        check("http://one.test/path?q=1", "/path?q=1");
        check("http://one.test", "");
        check("http://one.test?q", "?q");
        check("target.test:443", "");
    }

    #[test]
    fn a_variable_keeps_its_last_value() {
        let mut vars = Vars::default();
        vars.set(Cow::Borrowed(b"root"), Cow::Borrowed(b"/a"));
        vars.set(Cow::Borrowed(b"root"), Cow::Borrowed(b"/b"));
        assert_eq!((vars.value("root"), vars.value("none")), (&b"/b"[..], &b""[..]));
        vars.set_json(Cow::Borrowed(b"root"), Cow::Borrowed(b"null"));
        assert_eq!((vars.value("root"), vars.json("root")), (&b""[..], Some(b"null".to_vec())));
    }
}
