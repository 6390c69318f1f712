//! A stream of HTTP/2 as a pingora session, so that handlers know one session type.
//!
//! pingora's own HTTP/2 session drops interim answers and has no timeouts for bodies; this
//! one has both. Nothing but the two halves of the stream is HTTP/2's, so that another
//! protocol becomes another such pair and not another session: so do requests that the
//! server makes to itself, whose answers stay in memory.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HOST, HeaderName, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Response};
use parking_lot::Mutex;
use pingora_core::protocols::Digest;
use pingora_core::protocols::http::HttpTask;
use pingora_core::protocols::http::custom::CustomMessageWrite;
use pingora_core::protocols::http::custom::server::Session;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// The longest answer that is kept in memory.
const KEPT_MAX: usize = 256 * 1024 * 1024;

/// Fields that speak of a connection, which a stream is not.
const CONNECTION_FIELDS: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// One request and its answer.
pub(super) struct StreamSession {
    head: RequestHeader,
    /// A request of the server's own has none.
    body: Option<RecvStream>,
    sending: Arc<Mutex<Sending>>,
    written: Option<ResponseHeader>,
    ended: bool,
    bytes_read: usize,
    bytes_sent: usize,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// Bytes that a client must take within that time.
    part: usize,
    drain_timeout: Option<Duration>,
}

/// The answer's half of the stream.
enum Sending {
    /// To a client.
    Stream {
        respond: SendResponse<Bytes>,
        /// The answer's body, once the head is out.
        answer: Option<SendStream<Bytes>>,
    },
    /// Into memory: its status and body.
    Kept(u16, BytesMut),
}

/// Takes the answer to a request of the server's own, when the session is done with it.
pub(super) struct KeptAnswer(Arc<Mutex<Sending>>);

impl KeptAnswer {
    /// Status and body.
    pub(super) fn take(self) -> Option<(u16, Bytes)> {
        match &mut *self.0.lock() {
            Sending::Kept(status, body) => Some((*status, body.split().freeze())),
            Sending::Stream { .. } => None,
        }
    }
}

/// Sees that the client reset the stream, while the session is at work on it. Both must be
/// polled by one task: the stream wakes only whoever asked last.
#[derive(Clone)]
pub(super) struct StreamWatch(Arc<Mutex<Sending>>);

impl Sending {
    /// The answer's body.
    fn answer(&mut self) -> Result<&mut SendStream<Bytes>> {
        match self {
            Self::Stream { answer: Some(answer), .. } => Ok(answer),
            _ => Error::e_explain(ErrorType::WriteError, "body without a head"),
        }
    }

    /// Keeps a part of a body; false when it is for a client.
    fn keep(&mut self, data: &Bytes) -> Result<bool> {
        let Self::Kept(_, body) = self else { return Ok(false) };
        if body.len() + data.len() > KEPT_MAX {
            return Error::e_explain(ErrorType::WriteError, "the answer is too long");
        }
        body.extend_from_slice(data);
        Ok(true)
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reason, h2::Error>> {
        match self {
            Self::Stream { answer: Some(answer), .. } => answer.poll_reset(cx),
            Self::Stream { respond, .. } => respond.poll_reset(cx),
            Self::Kept(..) => Poll::Pending,
        }
    }
}

impl StreamWatch {
    /// Waits until the client has reset the stream, or the connection is gone.
    pub(super) async fn given_up(self) {
        // Whatever the reason is, nobody waits for the answer.
        let _ = poll_fn(|cx| self.0.lock().poll_reset(cx)).await;
    }
}

impl StreamSession {
    /// A session for an accepted request, whose client must take `part` bytes at a time.
    pub(super) fn new(
        request: http::Request<RecvStream>,
        respond: SendResponse<Bytes>,
        part: usize,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let sending = Sending::Stream { respond, answer: None };
        Self::of(RequestHeader::from(parts), Some(body), sending, part)
    }

    /// A session for a request of the server's own, which has no body.
    pub(super) fn kept(head: RequestHeader) -> Self {
        Self::of(head, None, Sending::Kept(0, BytesMut::new()), usize::MAX)
    }

    fn of(head: RequestHeader, body: Option<RecvStream>, sending: Sending, part: usize) -> Self {
        Self {
            head,
            body,
            sending: Arc::new(Mutex::new(sending)),
            written: None,
            ended: false,
            bytes_read: 0,
            bytes_sent: 0,
            read_timeout: None,
            write_timeout: None,
            part,
            drain_timeout: None,
        }
    }

    /// An eye on the client that does not keep the session from its work.
    pub(super) fn watch(&self) -> StreamWatch {
        StreamWatch(Arc::clone(&self.sending))
    }

    /// Where the answer will be, if it stays in memory.
    pub(super) fn answer(&self) -> KeptAnswer {
        KeptAnswer(Arc::clone(&self.sending))
    }

    fn has_body(&self) -> bool {
        self.body.as_ref().is_some_and(|body| !body.is_end_stream())
    }

    async fn send(&self, mut data: Bytes, end: bool) -> Result<()> {
        if self.sending.lock().keep(&data)? {
            return Ok(());
        }
        while !data.is_empty() {
            self.sending.lock().answer()?.reserve_capacity(data.len());
            let capacity = poll_fn(|cx| match self.sending.lock().answer() {
                Ok(answer) => answer.poll_capacity(cx),
                Err(_) => Poll::Ready(None),
            });
            let room = match capacity.await {
                Some(Ok(room)) => room.min(data.len()),
                Some(Err(e)) => return Err(broken(ErrorType::WriteError, e)),
                None => return Error::e_explain(ErrorType::WriteError, "stream is closed"),
            };
            let part = data.split_to(room);
            let last = end && data.is_empty();
            let sent = self.sending.lock().answer()?.send_data(part, last);
            sent.map_err(|e| broken(ErrorType::WriteError, e))?;
            if last {
                return Ok(());
            }
        }
        if end {
            let sent = self.sending.lock().answer()?.send_data(data, true);
            sent.map_err(|e| broken(ErrorType::WriteError, e))?;
        }
        Ok(())
    }
}

fn broken(kind: ErrorType, error: h2::Error) -> Box<Error> {
    Error::because(kind, "HTTP/2 stream", error)
}

/// Runs a future within a limit, if there is one.
async fn within<T>(
    limit: Option<Duration>,
    kind: ErrorType,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match limit {
        None => work.await,
        Some(limit) => match timeout(limit, work).await {
            Ok(done) => done,
            Err(_) => Error::e_explain(kind, "the client is too slow"),
        },
    }
}

#[async_trait]
impl Session for StreamSession {
    fn req_header(&self) -> &RequestHeader {
        &self.head
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.head
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        let limit = self.read_timeout;
        let read = async {
            let Some(body) = &mut self.body else { return Ok(None) };
            let Some(data) = body.data().await else { return Ok(None) };
            let data = data.map_err(|e| broken(ErrorType::ReadError, e))?;
            // What was taken makes room for more; a stream that is gone needs none.
            let _ = body.flow_control().release_capacity(data.len());
            self.bytes_read += data.len();
            Ok(Some(data))
        };
        within(limit, ErrorType::ReadTimedout, read).await
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        // Other streams do not wait behind this one's body.
        Ok(())
    }

    async fn write_response_header(&mut self, resp: Box<ResponseHeader>, end: bool) -> Result<()> {
        self.write_response_header_ref(&resp, end).await
    }

    async fn write_response_header_ref(&mut self, resp: &ResponseHeader, end: bool) -> Result<()> {
        let mut head = Response::new(());
        *head.status_mut() = resp.status;
        *head.headers_mut() = resp.headers.clone();
        for name in &CONNECTION_FIELDS {
            head.headers_mut().remove(name);
        }
        match &mut *self.sending.lock() {
            Sending::Kept(..) if resp.status.is_informational() => return Ok(()),
            Sending::Kept(status, _) => *status = resp.status.as_u16(),
            Sending::Stream { respond, .. } if resp.status.is_informational() => {
                let sent = respond.send_informational(head);
                return sent.map_err(|e| broken(ErrorType::WriteError, e));
            }
            Sending::Stream { answer: Some(_), .. } => {
                return Error::e_explain(ErrorType::WriteError, "head was sent already");
            }
            Sending::Stream { respond, answer } => {
                if let Ok(date) = httpdate::fmt_http_date(SystemTime::now()).parse() {
                    head.headers_mut().insert(DATE, date);
                }
                let sent = respond.send_response(head, end);
                *answer = Some(sent.map_err(|e| broken(ErrorType::WriteError, e))?);
            }
        }
        self.ended = end;
        self.written = Some(resp.clone());
        Ok(())
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        self.bytes_sent += data.len();
        let limit = self.write_timeout;
        let mut rest = data;
        // Each part has the time: a client that takes a byte now and then is too slow.
        loop {
            let part = rest.split_to(rest.len().min(self.part));
            let last = rest.is_empty();
            within(limit, ErrorType::WriteTimedout, self.send(part, end && last)).await?;
            if last {
                break;
            }
        }
        self.ended = end;
        Ok(())
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.ended = true;
        if self.sending.lock().keep(&Bytes::new())? {
            return Ok(());
        }
        let sent = self.sending.lock().answer()?.send_trailers(trailers);
        sent.map_err(|e| broken(ErrorType::WriteError, e))
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        for task in tasks {
            match task {
                HttpTask::Header(head, end) => self.write_response_header(head, end).await?,
                HttpTask::Body(data, end) | HttpTask::UpgradedBody(data, end) => {
                    self.write_body(data.unwrap_or_default(), end).await?;
                }
                HttpTask::Trailer(Some(trailers)) => self.write_trailers(*trailers).await?,
                HttpTask::Trailer(None) | HttpTask::Done => {
                    self.write_body(Bytes::new(), true).await?;
                }
                HttpTask::Failed(error) => return Err(error),
            }
        }
        Ok(self.ended)
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.read_timeout
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.write_timeout = timeout;
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.write_timeout
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.drain_timeout = timeout;
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.drain_timeout
    }

    fn request_summary(&self) -> String {
        let host = self.head.headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        format!("{} {}, Host: {host}", self.head.method, self.head.uri)
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.written.as_ref()
    }

    async fn shutdown(&mut self, code: u32, _ctx: &str) {
        if self.ended {
            return;
        }
        let reason = if code == 0 { Reason::INTERNAL_ERROR } else { Reason::from(code) };
        let mut sending = self.sending.lock();
        match &mut *sending {
            Sending::Stream { answer: Some(answer), .. } => answer.send_reset(reason),
            Sending::Stream { respond, .. } => respond.send_reset(reason),
            // Nobody shall take half an answer for a whole one.
            Sending::Kept(status, body) => (*status, *body) = (0, BytesMut::new()),
        }
        drop(sending);
        self.ended = true;
    }

    fn is_body_done(&mut self) -> bool {
        !self.has_body()
    }

    async fn finish(&mut self) -> Result<()> {
        if self.ended { Ok(()) } else { self.write_body(Bytes::new(), true).await }
    }

    fn is_body_empty(&mut self) -> bool {
        let announced = self.head.headers.get(CONTENT_LENGTH);
        !self.has_body() || announced.is_some_and(|length| length == "0")
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if !no_body_expected && self.has_body() {
            return self.read_body_bytes().await;
        }
        let reset = poll_fn(|cx| self.sending.lock().poll_reset(cx)).await;
        let reason = reset.map_err(|e| broken(ErrorType::ConnectionClosed, e))?;
        Error::e_explain(ErrorType::ConnectionClosed, format!("the client left: {reason}"))
    }

    fn body_bytes_sent(&self) -> usize {
        self.bytes_sent
    }

    fn body_bytes_read(&self) -> usize {
        self.bytes_read
    }

    fn digest(&self) -> Option<&Digest> {
        None
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        None
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        None
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        None
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        let mut head = Vec::new();
        head.extend_from_slice(self.head.method.as_str().as_bytes());
        head.push(b' ');
        head.extend_from_slice(self.head.raw_path());
        head.extend_from_slice(b" HTTP/1.1\r\n");
        self.head.header_to_h1_wire(&mut head);
        head.extend_from_slice(b"\r\n");
        head.into()
    }

    fn enable_retry_buffering(&mut self) {}

    fn retry_buffer_truncated(&self) -> bool {
        // There is no buffer, so nothing of a body can be sent twice.
        true
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        None
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(
        &mut self,
    ) -> Option<Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>> {
        None
    }

    fn restore_custom_message_reader(
        &mut self,
        _reader: Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>,
    ) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(
        &mut self,
        _writer: Box<dyn CustomMessageWrite>,
    ) -> Result<()> {
        Ok(())
    }
}
