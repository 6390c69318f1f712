//! The answer's way to the client.
//!
//! Handlers set fields, a status, and write the body; what wraps other handlers (a
//! compressor, deferred changes to fields) is a [`Filter`] that it leaves behind, so
//! that no handler waits for another. The head is made when the first bytes of the body
//! must go out: until then filters may change it, and a short complete body gets its
//! `Content-Length`. The framing is Go's: without a length, up to 2048 bytes are held
//! back to learn it, then the body is chunked. So is what Go guesses: a body of which nobody
//! says the type gets one by its first bytes.

mod file;

use super::conn::Conn;
use super::exchange::{Exchange, Failure, Flow, Outcome};
use super::pace::Pace;
use super::{head, sniff};
use bytes::{Bytes, BytesMut};
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, SERVER, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use pingora_core::protocols::http::server::Session;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// A body that ends within this many bytes is not chunked.
const HELD_MAX: usize = 2048;
/// An answer that something takes whole is no longer than this.
const TAKEN_MAX: usize = 256 * 1024 * 1024;
/// A whole body up to this length is copied behind its head.
const WHOLE_MAX: usize = 8 * 1024;
/// Most heads are shorter.
const HEAD_SIZE: usize = 512;
/// A connection whose request has this many bytes unread is closed, not drained.
const UNREAD_MAX: u64 = 256 * 1024;

/// Something that changes an answer on its way out. The last one that was added sees the
/// answer first.
pub(crate) trait Filter: Send + Sync {
    /// Sees status and fields before they go out, with the length of the first
    /// part of the body. Returns whether it wants to see the body.
    fn head(&mut self, ex: &mut Exchange<'_>, first: usize) -> bool;

    /// Changes a part of the body, if [`Self::head`] said so.
    fn body(&mut self, data: Bytes, _end: bool, _flush: bool) -> Bytes {
        data
    }
}

/// Something that takes a whole answer and puts another in its place, once the handlers
/// that gave it are done: it may read files, run routes, or fail.
pub(crate) trait Afterwards<'s>: Send + Sync {
    /// Sees status and fields. Returns whether it takes the answer.
    fn takes(&self, ex: &Exchange<'_>) -> bool;

    /// Answers. Status and fields of the answer that was taken still stand.
    fn answer<'e>(
        self: Box<Self>,
        ex: &'e mut Exchange<'s>,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'e>>
    where
        's: 'e;
}

/// What stands between the handlers and the client.
enum Layer<'s> {
    /// A filter, and whether it wants the body.
    Filter(Box<dyn Filter + 's>, bool),
    Afterwards(Box<dyn Afterwards<'s> + 's>),
}

/// An answer that a layer took.
struct Taken {
    /// The layer's index.
    layer: usize,
    body: BytesMut,
    has_ended: bool,
}

/// The answer's state.
pub(crate) struct Response<'s> {
    /// The status, 0 until one is set.
    pub status: u16,
    /// The fields.
    pub headers: HeaderMap,
    /// Bytes of the body that handlers produced, behind filters.
    pub size: u64,
    /// What handlers said in the head, when it is out.
    pub sent_headers: Option<HeaderMap>,
    /// When the head went out, if that is counted.
    pub begun_at: Option<Instant>,
    /// The first part of the body, while filters see the head.
    pub first: Bytes,
    /// No handler answered: what goes out is an empty 200.
    pub unhandled: bool,
    /// Nobody knows the content type, and nobody shall guess it.
    pub untyped: bool,
    /// How fast it must go out.
    pub(super) pace: Pace,
    /// The longest part that is written at once.
    pub chunk_max: Option<usize>,
    layers: Vec<Layer<'s>>,
    taken: Option<Taken>,
    held: BytesMut,
    stage: Stage,
    /// The body's parts are framed on the wire.
    chunked: bool,
    /// Whether the connection ends with this answer.
    close: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Nothing was decided.
    Open,
    /// Filters have seen the head.
    Filtered,
    /// The head is out.
    Streaming,
    /// All of it is out.
    Ended,
}

/// The client does not take its answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl From<Gone> for Failure {
    fn from(_: Gone) -> Self {
        Self::Abort
    }
}

impl<'s> Response<'s> {
    pub(super) fn new(pace: Pace) -> Self {
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(SERVER, HeaderValue::from_static("Caddy"));
        Self {
            status: 0,
            headers,
            size: 0,
            sent_headers: None,
            begun_at: None,
            first: Bytes::new(),
            unhandled: false,
            untyped: false,
            pace,
            chunk_max: None,
            layers: Vec::new(),
            taken: None,
            held: BytesMut::new(),
            stage: Stage::Open,
            chunked: false,
            close: false,
        }
    }

    /// Lets a filter see the answer.
    pub(crate) fn filter(&mut self, filter: impl Filter + 's) {
        self.layers.push(Layer::Filter(Box::new(filter), false));
    }

    /// Lets something put another answer in this one's place.
    pub(crate) fn afterwards(&mut self, afterwards: impl Afterwards<'s> + 's) {
        self.layers.push(Layer::Afterwards(Box::new(afterwards)));
    }

    /// Whether no layer wants to see the rest of the body.
    fn passes_body(&self) -> bool {
        let wants = |layer: &Layer<'_>| matches!(layer, Layer::Filter(_, true));
        self.taken.is_none() && !self.layers.iter().any(wants)
    }

    /// How many layers there are.
    pub(super) fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Forgets the layers beyond the first `len`, what they took, and a status nobody
    /// sent: the handlers that set them failed, and others answer.
    pub(super) fn unwind(&mut self, len: usize) {
        self.layers.truncate(len);
        self.status = 0;
        // It was of a body that does not come.
        self.headers.remove(CONTENT_LENGTH);
        if self.taken.as_ref().is_some_and(|taken| taken.layer >= len) {
            self.taken = None;
            self.stage = Stage::Open;
        }
    }

    /// Whether a layer beyond the first `len` took the answer.
    pub(super) fn is_taken(&self, len: usize) -> bool {
        self.taken.as_ref().is_some_and(|taken| taken.layer >= len)
    }

    /// The layer that took the answer, and the body; the answer is open again.
    fn give_back(&mut self) -> Option<(Box<dyn Afterwards<'s> + 's>, Bytes)> {
        let Taken { layer, body, .. } = self.taken.take()?;
        self.stage = Stage::Open;
        let taker = self.layers.drain(layer..).next();
        match taker {
            Some(Layer::Afterwards(taker)) => Some((taker, body.freeze())),
            _ => None,
        }
    }

    /// Whether the head is out.
    pub(crate) fn has_begun(&self) -> bool {
        self.stage >= Stage::Streaming
    }

    /// Whether all of it is out, or was taken.
    pub(crate) fn has_ended(&self) -> bool {
        self.taken.as_ref().map_or(self.stage == Stage::Ended, |taken| taken.has_ended)
    }

    /// The fields, as they are to go out or went out.
    pub(crate) fn fields(&self) -> &HeaderMap {
        self.sent_headers.as_ref().unwrap_or(&self.headers)
    }

    /// Closes the connection after this answer.
    pub(crate) fn close_after(&mut self) {
        self.close = true;
    }

    /// Sets a field.
    pub(crate) fn set(&mut self, name: http::HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }
}

impl<'s> Exchange<'s> {
    /// Lets the layers beyond the first `len` that took an answer give theirs.
    ///
    /// # Errors
    /// The failure of one of them.
    pub(super) async fn settle(&mut self, len: usize) -> Outcome {
        while self.response.is_taken(len) {
            self.complete().await?;
            let Some((taker, body)) = self.response.give_back() else { break };
            taker.answer(self, body).await?;
        }
        Ok(Flow::Done)
    }
}

impl Exchange<'_> {
    /// Answers with this status and body.
    ///
    /// # Errors
    /// When the client is gone.
    pub(crate) async fn respond(&mut self, status: u16, body: Bytes) -> Result<(), Gone> {
        self.response.status = status;
        self.write(body, true, false).await
    }

    /// Writes a part of the body; `end` says that it is the last, `flush` that it must
    /// not wait for more.
    ///
    /// # Errors
    /// When the client is gone.
    pub(crate) async fn write(&mut self, data: Bytes, end: bool, flush: bool) -> Result<(), Gone> {
        if self.response.has_ended() {
            return Err(Gone);
        }
        if self.response.stage == Stage::Open {
            self.response.first = data.clone();
            self.filter_head(data.len());
            self.response.first = Bytes::new();
        }
        let data = self.filter_body(data, end, flush);
        if let Some(taken) = &mut self.response.taken {
            if taken.body.len() + data.len() > TAKEN_MAX {
                return Err(Gone);
            }
            taken.body.extend_from_slice(&data);
            taken.has_ended = end;
            return Ok(());
        }
        self.response.size += data.len() as u64;
        if self.response.stage == Stage::Streaming {
            return self.send(data, end, flush).await;
        }
        let may_wait = !end && !flush && !self.response.headers.contains_key(CONTENT_LENGTH);
        if may_wait && self.response.held.len() + data.len() <= HELD_MAX {
            self.response.held.extend_from_slice(&data);
            return Ok(());
        }
        let first = if self.response.held.is_empty() {
            data
        } else {
            let mut held = std::mem::take(&mut self.response.held);
            held.extend_from_slice(&data);
            held.freeze()
        };
        // The head travels with the first bytes of the body.
        let waits = !first.is_empty();
        self.send_head(first, end, flush, waits).await
    }

    /// Sends an interim answer with these fields.
    ///
    /// # Errors
    /// When the client is gone.
    pub(crate) async fn inform(&mut self, status: u16, headers: HeaderMap) -> Result<(), Gone> {
        if self.response.has_begun() || self.version() == Version::HTTP_10 {
            return Ok(());
        }
        let status = StatusCode::from_u16(status).map_err(|_| Gone)?;
        if let Some(conn) = conn_of(self.session) {
            let mut wire = BytesMut::with_capacity(HEAD_SIZE);
            head::interim(&mut wire, status, &headers);
            conn.put_head(wire);
        }
        let head = Box::new(head::plain(status, headers));
        self.session.write_response_header(head).await.map_err(|_| Gone)
    }

    fn filter_head(&mut self, first: usize) {
        self.response.stage = Stage::Filtered;
        if self.response.status == 0 {
            self.response.status = 200;
        }
        let mut layers = std::mem::take(&mut self.response.layers);
        for (index, layer) in layers.iter_mut().enumerate().rev() {
            match layer {
                Layer::Filter(filter, wants_body) => *wants_body = filter.head(self, first),
                Layer::Afterwards(afterwards) if afterwards.takes(self) => {
                    let body = BytesMut::new();
                    self.response.taken = Some(Taken { layer: index, body, has_ended: false });
                    break;
                }
                Layer::Afterwards(_) => {}
            }
        }
        self.response.layers = layers;
    }

    /// Lets those that have seen the head change a part of the body.
    fn filter_body(&mut self, mut data: Bytes, end: bool, flush: bool) -> Bytes {
        let first = self.response.taken.as_ref().map_or(0, |taken| taken.layer);
        for layer in self.response.layers[first..].iter_mut().rev() {
            if let Layer::Filter(filter, true) = layer {
                data = filter.body(data, end, flush);
            }
        }
        data
    }

    /// Ends an answer that handlers may not even have begun.
    ///
    /// # Errors
    /// When the client is gone.
    pub(super) async fn complete(&mut self) -> Result<(), Gone> {
        if self.response.has_ended() {
            return Ok(());
        }
        if self.response.status == 0 {
            match &self.error {
                Some(error) => self.response.status = error.status,
                // Layers change what somebody answers; nobody did.
                None => {
                    self.response.layers.clear();
                    self.response.unhandled = true;
                }
            }
        }
        self.write(Bytes::new(), true, false).await
    }

    /// Whether this answer has a body on the wire.
    fn has_body(&self) -> bool {
        *self.original_method() != Method::HEAD && !matches!(self.response.status, 204 | 304)
    }

    /// Sends the head and the first part of the body; a head that `waits` goes out with what
    /// is written next.
    async fn send_head(
        &mut self,
        first: Bytes,
        end: bool,
        flush: bool,
        waits: bool,
    ) -> Result<(), Gone> {
        self.response.stage = Stage::Streaming;
        // pingora and Go disagree about statuses beyond these; Go would drop the
        // connection, and so do we.
        let status = self.response.status;
        let status = StatusCode::from_u16(status).ok().filter(|s| !s.is_informational());
        let status = status.ok_or(Gone)?;
        let mut headers = std::mem::take(&mut self.response.headers);
        if self.site.loggers.is_some() {
            // What handlers said, without what is added on the way out.
            self.response.sent_headers = Some(headers.clone());
        }
        self.type_by_sight(&mut headers, &first);
        let length = self.frame(&mut headers, first.len(), end);
        self.decide_keepalive();
        if !self.metered.is_empty() {
            self.response.begun_at = Some(Instant::now());
        }
        if let Some(conn) = conn_of(self.session) {
            let keeps = self.session.get_keepalive().is_some();
            if end && self.is_written_at_once(&headers, length, first.len()) {
                let body = if self.has_body() { first } else { Bytes::new() };
                conn.put(|out| {
                    head::http1(out, status, &headers, length, self.minor(), keeps);
                    out.extend_from_slice(&body);
                });
                return self.end_at_once().await;
            }
            let mut wire = BytesMut::with_capacity(HEAD_SIZE);
            head::http1(&mut wire, status, &headers, length, self.minor(), keeps);
            conn.put_head(wire);
            let more = self.has_body() && (!first.is_empty() || !end);
            conn.hold(more && waits);
            conn.send_at_once(flush);
        }
        headers.extend(length.map(|length| (CONTENT_LENGTH, length.into())));
        let sent = self.session.write_response_header(Box::new(head::plain(status, headers))).await;
        hold(self.session, false);
        sent.map_err(|_| Gone)?;
        self.send(first, end, flush).await
    }

    /// Whether a whole body of this length goes out with its head, past pingora's session. One
    /// that is not as long as handlers said is left to the session.
    fn is_written_at_once(&self, headers: &HeaderMap, length: Option<usize>, len: usize) -> bool {
        let said = || headers.get(CONTENT_LENGTH).and_then(|said| said.to_str().ok());
        let is_as_said = || said().is_some_and(|said| said.parse() == Ok(len));
        len <= WHOLE_MAX
            && (length == Some(len) || !self.has_body() || is_as_said())
            && !self.response.pace.is_watched()
            && self.response.chunk_max.is_none()
    }

    /// Ends an answer whose bytes the connection has.
    async fn end_at_once(&mut self) -> Result<(), Gone> {
        self.response.stage = Stage::Ended;
        match self.session {
            // There is nothing of a body to be ended: this sends what was written.
            Session::H1(session) => session.finish_body().await.map(drop).map_err(|_| Gone),
            _ => Ok(()),
        }
    }

    /// Gives a body without a content type one by its first bytes.
    fn type_by_sight(&self, headers: &mut HeaderMap, first: &[u8]) {
        let [has_type, has_coding] = head::has(headers, &[CONTENT_TYPE, CONTENT_ENCODING]);
        let is_known = has_type
            || has_coding && headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.is_empty());
        if !(is_known
            || self.response.untyped
            || first.is_empty()
            || matches!(self.response.status, 204 | 304))
        {
            let kind = HeaderValue::from_static(sniff::content_type(first));
            headers.insert(CONTENT_TYPE, kind);
        }
    }

    /// Says in the head where the body ends, whatever handlers said of it; the length that is
    /// left to be said.
    fn frame(&mut self, headers: &mut HeaderMap, first: usize, end: bool) -> Option<usize> {
        let fields = [TRANSFER_ENCODING, CONNECTION, CONTENT_LENGTH];
        let [has_coding, has_connection, has_length] = head::has(headers, &fields);
        if has_coding {
            headers.remove(TRANSFER_ENCODING);
        }
        if has_connection && headers.get(CONNECTION).is_some_and(|value| lists(value, "close")) {
            self.response.close = true;
        }
        if matches!(self.response.status, 204 | 304) {
            headers.remove(CONTENT_LENGTH);
            if self.response.status == 304 {
                headers.remove(CONTENT_TYPE);
            }
            return None;
        }
        if has_length {
            return None;
        }
        let is_parted = has_coding && self.version() == Version::HTTP_11;
        let is_short = end && first <= HELD_MAX && !is_parted;
        let head_only = *self.original_method() == Method::HEAD;
        if is_short && !(head_only && first == 0) {
            return Some(first);
        }
        if self.version() == Version::HTTP_11 && !head_only {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            self.response.chunked = true;
        } else if self.has_body() {
            // The body ends with the connection.
            self.response.close = true;
        }
        None
    }

    /// Whether the connection can carry another request after this one.
    fn decide_keepalive(&mut self) {
        let unread = if self.session.is_body_done() {
            Some(0)
        } else {
            self.client_body_length().map(|len| len.saturating_sub(self.body_bytes_read()))
        };
        let drainable = unread == Some(0)
            || (!self.awaits_continue() && unread.is_some_and(|len| len <= UNREAD_MAX));
        if self.response.close || !drainable || self.connection.is_stopping() {
            self.session.set_keepalive(None);
        }
    }

    async fn send(&mut self, data: Bytes, end: bool, flush: bool) -> Result<(), Gone> {
        if end {
            self.response.stage = Stage::Ended;
        }
        let data = if self.has_body() { data } else { Bytes::new() };
        if flush && let Some(conn) = conn_of(self.session) {
            conn.send_at_once(true);
        }
        if !data.is_empty() {
            hold(self.session, end);
            let sent = self.send_parts(data).await;
            hold(self.session, false);
            sent?;
        }
        if end {
            let pace = self.response.pace;
            let write = self.session.write_response_body(Bytes::new(), true);
            pace.keep(write).await.map_err(|_| Gone)?.map_err(|_| Gone)?;
        }
        Ok(())
    }
}

impl Exchange<'_> {
    /// Writes a part of the body, in the pieces and in the time that there are for it.
    async fn send_parts(&mut self, mut data: Bytes) -> Result<(), Gone> {
        while !data.is_empty() {
            let pace = self.response.pace;
            // What counts for the pace goes out in parts that are counted.
            let usual = if pace.is_watched() { self.site.timeouts.part } else { usize::MAX };
            let length = self.response.chunk_max.unwrap_or(usual).min(data.len());
            let write = self.session.write_response_body(data.split_to(length), false);
            pace.keep(write).await.map_err(|_| Gone)?.map_err(|_| Gone)?;
            self.response.pace.earn(length);
        }
        Ok(())
    }
}

/// Whether a field of words has this one, in any case.
fn lists(value: &HeaderValue, word: &str) -> bool {
    let mut words = value.as_bytes().split(|b| *b == b',');
    words.any(|w| w.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

pub(super) fn conn_of(session: &Session) -> Option<&Conn> {
    // Only HTTP/1 has its stream to itself.
    session.as_http1()?;
    session.stream()?.as_any().downcast_ref()
}

/// How long the client may take for the next part of an answer.
pub(super) fn limit_writes(session: &mut Session, limit: Option<Duration>) {
    match conn_of(session) {
        Some(conn) => conn.limit_writes(limit),
        None => session.set_write_timeout(limit),
    }
}

fn hold(session: &Session, held: bool) {
    if let Some(conn) = conn_of(session) {
        conn.hold(held);
    }
}
