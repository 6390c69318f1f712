//! The life of one request, from the pool's door to the end of the answer.
//!
//! The request's own task talks to the worker; nobody stands between. The worker may
//! have more to do when the client has its answer (shutdown functions, what follows
//! `fastcgi_finish_request`, the way back to the top of a worker script's loop); a task
//! of its own sees that through in `finish`, and so it does when the client goes away.

pub(super) mod finish;
#[cfg(test)]
mod tests;

use super::answer::read_head;
use super::aside::{self, Aside};
use super::floor::{Event, Floor, Worker};
use super::link::LinkError;
use super::log::{Level, Value};
use super::pool::{Admitted, Handed, Loan, Outgoing, Pool, Way};
use super::{Client, Gone, Head as AnswerHead, Part};
use bytes::Bytes;
use finish::Left;
use php_wire::codec::{Reader, Writer};
use php_wire::frame::{FrameError, Header, Kind, MESSAGE_MAX, flag};
use php_wire::request::Head;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::time::Instant;

/// How a request went that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Whether the client went away before its answer was complete.
    pub gone: bool,
}

/// Why a request was not answered, or not to the end. A part of the answer may have
/// been passed to the client; then only the connection can say that it broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// No worker was free within `max_wait_time`.
    #[error("maximum request handling time exceeded")]
    Busy,
    /// Too many requests wait already.
    #[error("too many requests are waiting for a PHP worker")]
    QueueFull,
    /// The pools are closing.
    #[error("PHP is shutting down")]
    Closing,
    /// The worker ran into its time limit and had to be killed.
    #[error("PHP worker was killed by its time limit")]
    OverLimit,
    /// The worker's process ended in the middle of the request.
    #[error("PHP worker {0} in the middle of a request")]
    Died(String),
    /// The worker broke the rules of its link, and was killed.
    #[error("PHP worker sent what it may not: {0}")]
    Protocol(String),
    /// The request's head does not fit the wire.
    #[error("request head is too large for PHP")]
    HeadTooLarge,
}

impl ServeError {
    /// The status of an answer that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Busy | Self::QueueFull | Self::Closing => 503,
            Self::OverLimit => 504,
            Self::Died(_) | Self::Protocol(_) => 502,
            Self::HeadTooLarge => 431,
        }
    }

    /// The body of that answer, `text/plain; charset=utf-8`; empty when it has none.
    /// An answer with a body does not go through the error routes.
    pub const fn body(&self) -> &'static str {
        match self {
            Self::Busy => "maximum request handling time exceeded",
            _ => "",
        }
    }
}

/// The flags that end a request.
const ENDS: u8 = flag::DONE | flag::IDLE | flag::EXIT;

/// A request that a worker has.
struct Exchange<'h> {
    /// Its worker.
    loan: Loan,
    /// How it came there.
    way: Way,
    head: &'h Head<'h>,
    id: u64,
    /// How long it took, once it has ended.
    took: Option<u16>,
    /// Whether anything came from the worker since it has the request.
    heard: bool,
    /// Whether the client has been given a head.
    begun: bool,
    /// Whether the request spawned tasks.
    spawned: bool,
    /// What came of the body and was not passed on.
    body: Body,
}

/// The request's body on its way.
#[derive(Debug, Default)]
struct Body {
    rest: Bytes,
    sent: u64,
    over: bool,
}

/// One message of the worker, as far as the client is concerned.
enum Step {
    /// A part of the answer, and the frame's header.
    Reply(Part, Header),
    /// Its request ended without the end of the answer, which its time limit cut off.
    GivenUp(Header),
    /// An interim answer.
    Inform(AnswerHead),
    /// It wants so much of the body.
    Want(usize),
    /// It waits for work.
    Ready,
    /// Nothing for the client; whether it was a spawn.
    Aside(bool),
}

/// Why an exchange ended early.
enum Failure {
    /// The worker ended before it read the request: another may have it.
    Unread,
    /// The request failed.
    Failed(ServeError),
}

/// How many messages are taken after the end of an answer before its client has it.
const LAST_WORDS_MAX: usize = 8;

/// How much memory a thread keeps for the next request after a large one.
const PAYLOAD_KEPT: usize = 256 * 1024;

thread_local! {
    /// Where requests are written before they are sent, which happens in one go.
    static PAYLOAD: RefCell<Writer> = RefCell::default();
}

/// Writes a head for the wire, unless it is written already, and gives it to `send`.
fn encoded<R>(
    head: &Head<'_>,
    send: impl FnOnce(&[u8]) -> Result<R, ServeError>,
) -> Result<R, ServeError> {
    let send = |bytes: &[u8]| {
        if bytes.len() > MESSAGE_MAX {
            return Err(ServeError::HeadTooLarge);
        }
        send(bytes)
    };
    if let Some(written) = head.written {
        return send(written);
    }
    PAYLOAD.with_borrow_mut(|payload| {
        payload.0.clear();
        payload.0.shrink_to(PAYLOAD_KEPT);
        head.encode(payload);
        send(&payload.0)
    })
}

/// See [`Pool::serve`].
pub(super) async fn serve<C: Client>(
    pool: &Arc<Pool>,
    head: &Head<'_>,
    client: &mut C,
) -> Result<Served, ServeError> {
    let mut until = None;
    loop {
        let mut exchange = Exchange::open(pool, head, &mut until).await?;
        match exchange.run(client).await {
            Ok(served) => return Ok(served),
            Err(Failure::Failed(e)) => return Err(e),
            Err(Failure::Unread) => {}
        }
    }
}

impl<'h> Exchange<'h> {
    /// Finds a worker and gives it the request.
    async fn open(
        pool: &Arc<Pool>,
        head: &'h Head<'h>,
        until: &mut Option<Instant>,
    ) -> Result<Self, ServeError> {
        if head.headers.len() > usize::from(u16::MAX) {
            return Err(ServeError::HeadTooLarge);
        }
        let request = Outgoing { id: pool.floor.next_request(), uri: head.request_uri };
        let begun = |loan, way| Ok(Self::new(loan, way, head, request.id));
        let mut before = None;
        loop {
            let admitted = encoded(head, |payload| {
                Ok(match pool.admit(request, payload, before)? {
                    Admitted::Worker(loan) => Err(loan.send(request, payload)),
                    Admitted::Place(place) => Ok(place),
                })
            })?;
            let sent = match admitted {
                Err(sent) => sent,
                Ok(mut place) => {
                    before = Some(place.ticket);
                    match pool.wait(&mut place, until).await? {
                        Handed::Worker(loan) => {
                            encoded(head, |payload| Ok(loan.send(request, payload)))?
                        }
                        Handed::Begun(loan) => return begun(loan, Way::Inbox),
                        Handed::Back => continue,
                        Handed::Lost => {
                            let how = "it had another request and broke the rules".to_owned();
                            return Err(ServeError::Protocol(how));
                        }
                    }
                }
            };
            match sent {
                Ok((loan, way)) => return begun(loan, way),
                Err(worker) => pool.floor.roster.tell(Event::Lost(worker)),
            }
        }
    }

    /// A request that its worker has.
    fn new(loan: Loan, way: Way, head: &'h Head<'h>, id: u64) -> Self {
        let (heard, begun, spawned) = (false, false, false);
        Self { loan, way, head, id, took: None, heard, begun, spawned, body: Body::of(head) }
    }

    /// Sees the request through to the end of its answer.
    async fn run<C: Client>(&mut self, client: &mut C) -> Result<Served, Failure> {
        loop {
            let step = self.loan.worker.link.receive(|h, p| self.read(h, p)).await;
            match self.judge(step).await? {
                Step::Reply(part, header) if part.last => {
                    return Ok(self.end(part, header, client).await);
                }
                Step::Reply(part, _) => {
                    if client.reply(part).await == Err(Gone) {
                        return Ok(Served { gone: true });
                    }
                }
                Step::Inform(head) => {
                    if client.inform(head).await == Err(Gone) {
                        return Ok(Served { gone: true });
                    }
                }
                Step::Want(max) => self.feed(client, max).await?,
                Step::Aside(_) => {}
                Step::GivenUp(header) => {
                    self.release(header);
                    return Err(Failure::Failed(ServeError::OverLimit));
                }
                Step::Ready => return Err(self.broken("READY before the end of its answer")),
            }
        }
    }

    /// Makes a step of a message.
    fn read(&self, header: Header, payload: &[u8]) -> Result<Step, FrameError> {
        match header.kind {
            Kind::Response | Kind::Inform | Kind::Want if header.id != self.id => {
                Err(FrameError::Payload("a frame of another request"))
            }
            Kind::Response => self.read_part(header, payload),
            Kind::Inform => Ok(Step::Inform(read_head(payload)?.0)),
            Kind::Want => {
                let max = Reader::new(payload, "WANT").u32()?;
                Ok(Step::Want(usize::try_from(max).unwrap_or(usize::MAX).max(1)))
            }
            Kind::Ready => Ok(Step::Ready),
            _ => {
                let uri = Some(self.head.request_uri);
                match aside::hear(&self.loan.pool.floor, &self.loan.worker, uri, header, payload)? {
                    Aside::No => Err(FrameError::Payload("a frame that is not for a server")),
                    aside => Ok(Step::Aside(aside == Aside::Spawned)),
                }
            }
        }
    }

    /// Makes a part of the answer of a `RESPONSE`.
    fn read_part(&self, header: Header, payload: &[u8]) -> Result<Step, FrameError> {
        let (has_head, last) = (header.has(flag::HEAD), header.has(flag::LAST));
        let needs_head = !self.begun && (last || !payload.is_empty());
        if (has_head && self.begun) || (!has_head && needs_head) {
            return Err(FrameError::Payload("RESPONSE"));
        }
        if !last && header.flags & ENDS != 0 {
            return Ok(Step::GivenUp(header));
        }
        let (head, body) = if has_head {
            let (head, is_bad, body) = read_head(payload)?;
            if is_bad {
                self.loan.pool.floor.say(Level::Warn, "Invalid response status code", &[]);
            }
            (Some(head), body)
        } else {
            (None, payload)
        };
        let body = Bytes::copy_from_slice(body);
        let part = Part { head, body, last, flush: header.has(flag::FLUSH) };
        Ok(Step::Reply(part, header))
    }

    /// Notes what a step means for the exchange, or why there is none.
    async fn judge(
        &mut self,
        step: Result<Result<Step, FrameError>, LinkError>,
    ) -> Result<Step, Failure> {
        let step = match step {
            Ok(Ok(step)) => step,
            Err(LinkError::Gone { unread }) => return Err(self.lost(unread).await),
            Ok(Err(e)) => return Err(self.broken(&e.to_string())),
            Err(e) => return Err(self.broken(&e.to_string())),
        };
        if !std::mem::replace(&mut self.heard, true) {
            self.loan.worker.works();
        }
        match &step {
            Step::Reply(..) => self.begun = true,
            Step::Aside(spawned) => self.spawned |= spawned,
            _ => {}
        }
        Ok(step)
    }

    /// Passes the last part on, and the worker back.
    async fn end<C: Client>(&mut self, part: Part, header: Header, client: &mut C) -> Served {
        self.release(header);
        let mut reply = pin!(client.reply(part));
        let first = poll_fn(|cx| Poll::Ready(reply.as_mut().poll(cx))).await;
        if self.loan.is_held() && self.took.is_some() {
            // Most often a worker script is back in its loop by now.
            self.take_ready();
        }
        if self.loan.is_held() {
            self.finish_elsewhere(false, self.took);
        }
        let sent = match first {
            Poll::Ready(sent) => sent,
            Poll::Pending => reply.await,
        };
        Served { gone: sent == Err(Gone) }
    }

    /// Lets go of the worker as far as a frame's flags allow.
    fn release(&mut self, header: Header) {
        let Header { flags, took, .. } = header;
        self.took = (flags & ENDS != 0).then_some(took);
        if self.took.is_some() && std::mem::take(&mut self.spawned) {
            self.loan.pool.floor.request_ended(self.loan.worker.serial);
        }
        if flags & flag::EXIT != 0 {
            self.loan.end(self.id);
            self.loan.pool.floor.roster.tell(Event::Lost(Arc::clone(&self.loan.worker)));
        } else if flags & flag::IDLE != 0 {
            self.loan.give_back(self.took);
        }
    }

    /// Gives the worker back if its `READY` is there.
    fn take_ready(&mut self) {
        for _ in 0..LAST_WORDS_MAX {
            let step = self.loan.worker.link.receive_now(|h, p| self.read(h, p));
            let Some(step) = step else { return };
            match step {
                Ok(Ok(Step::Ready)) => return self.loan.give_back(self.took),
                Ok(Ok(Step::Aside(spawned))) => self.spawned |= spawned,
                // Its end is seen again where its last words are listened to.
                Err(LinkError::Gone { .. }) => return,
                _ => return drop(self.broken("it has more to say after the end")),
            }
        }
    }

    /// Passes some of the body to the worker.
    async fn feed<C: Client>(&mut self, client: &mut C, max: usize) -> Result<(), Failure> {
        let mut bits = 0;
        if self.body.rest.is_empty() && !self.body.over {
            match self.read_body(client).await? {
                Ok(Some(part)) => self.body.rest = part,
                Ok(None) => self.body.over = true,
                Err(_cut_short) => {
                    self.body.over = true;
                    bits = flag::ABORT;
                }
            }
        }
        let part = self.body.next(max, self.head.content_length);
        if self.body.over && self.body.rest.is_empty() {
            bits |= flag::LAST;
        }
        // A worker that is gone is noticed when it is read from.
        let _ = self.loan.worker.link.post(Kind::Body, bits, self.id, [&part, b""]);
        Ok(())
    }

    /// The next part of the body that is not empty, unless the worker ends first.
    async fn read_body<C: Client>(
        &mut self,
        client: &mut C,
    ) -> Result<io::Result<Option<Bytes>>, Failure> {
        loop {
            let mut part = pin!(client.read_body());
            let part = loop {
                let step = tokio::select! {
                    biased;
                    part = &mut part => break part,
                    step = self.loan.worker.link.receive(|h, p| self.read(h, p)) => step,
                };
                match self.judge(step).await? {
                    Step::Aside(_) => {}
                    _ => return Err(self.broken("it does not wait for the body")),
                }
            };
            if !matches!(&part, Ok(Some(part)) if part.is_empty()) {
                return Ok(part);
            }
        }
    }

    /// The worker's process ended in the middle.
    async fn lost(&mut self, unread: bool) -> Failure {
        let not_begun = self.loan.end(self.id);
        let unread = !self.heard && (not_begun || (unread && self.way == Way::Link));
        if !unread {
            self.loan.worker.works();
        }
        self.loan.pool.floor.roster.tell(Event::Lost(Arc::clone(&self.loan.worker)));
        if unread {
            return Failure::Unread;
        }
        if self.spawned {
            self.loan.pool.floor.request_ended(self.loan.worker.serial);
        }
        let exit = self.loan.worker.ended().await;
        report_loss(
            &self.loan.pool.floor,
            &self.loan.pool,
            &self.loan.worker,
            exit,
            self.head.request_uri,
        );
        Failure::Failed(if exit.is_over_limit() {
            ServeError::OverLimit
        } else {
            ServeError::Died(exit.to_string())
        })
    }

    /// The worker broke the rules.
    fn broken(&mut self, how: &str) -> Failure {
        condemn(&self.loan.pool, &self.loan.worker, how);
        self.loan.end(self.id);
        Failure::Failed(ServeError::Protocol(how.to_owned()))
    }

    /// Lets a task of its own see the worker through to where it is idle.
    fn finish_elsewhere(&mut self, client_gone: bool, done: Option<u16>) {
        let uri = self.head.request_uri.to_vec();
        let left = Left { id: self.id, uri, spawned: self.spawned, done };
        finish::spawn(self.loan.hand_on(), left, client_gone);
    }
}

impl Drop for Exchange<'_> {
    /// Whoever drops an exchange whose worker is on loan no longer wants the answer.
    fn drop(&mut self) {
        if self.loan.is_held() {
            self.finish_elsewhere(true, None);
        }
    }
}

impl Body {
    /// The body of this request as far as it did not come with the head.
    fn of(head: &Head<'_>) -> Self {
        Self { rest: Bytes::new(), sent: head.body.len() as u64, over: head.body_complete }
    }

    /// At most `max` bytes of what is there. The body is over when as many bytes as were
    /// announced have gone.
    fn next(&mut self, max: usize, announced: i64) -> Bytes {
        let part = self.rest.split_to(max.min(self.rest.len()));
        self.sent += part.len() as u64;
        if u64::try_from(announced).is_ok_and(|announced| self.sent >= announced) {
            self.over = true;
        }
        part
    }
}

/// Ends a worker that broke the rules of its link.
fn condemn(pool: &Pool, worker: &Worker, how: &str) {
    pool.floor.roster.tell(Event::Kill(worker.serial));
    pool.floor.request_ended(worker.serial);
    let fields = [
        ("worker", Value::Str(pool.name())),
        ("pid", Value::Int(worker.pid().into())),
        ("error", Value::Str(how)),
    ];
    pool.floor.say(Level::Error, "PHP worker broke the protocol, killing it", &fields);
}

/// Logs that a worker's process ended while it served a request.
fn report_loss(floor: &Floor, pool: &Pool, worker: &Worker, exit: super::floor::Exit, uri: &[u8]) {
    let (uri, how) = (String::from_utf8_lossy(uri), exit.to_string());
    let fields = [
        ("worker", Value::Str(pool.name())),
        ("pid", Value::Int(worker.pid().into())),
        ("uri", Value::Str(&uri)),
        ("exit", Value::Str(&how)),
    ];
    let message = if exit.is_over_limit() {
        "PHP worker did not stop at its time limit and was killed".to_owned()
    } else {
        format!("PHP worker {how} while it served a request")
    };
    floor.say(Level::Error, &message, &fields);
}
