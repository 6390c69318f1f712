//! The link to one worker: its socket, what waits to be sent, what came in part.
//!
//! Sending never waits. What the socket does not take at once is kept in an outbox, and
//! a task that lives only as long as there is something in it sends the rest. Many may
//! send; only one reads at a time: who has the worker on loan.

use parking_lot::Mutex;
use php_wire::frame::{
    Assembled, Assembler, FRAME_MAX, FrameError, Header, Kind, MESSAGE_MAX, PAYLOAD_MAX, flag,
    fragment_bits, send_one, window,
};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, shutdown};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::task::coop::consume_budget;

/// How many bytes may wait for a worker that does not read: a few messages of the longest.
const OUTBOX_MAX: usize = 4 * MESSAGE_MAX;
/// What a waiting frame costs besides its payload, so that many small ones count too.
const FRAME_COST: usize = 64;
/// How many waiting frames are sent before others that post to the worker have their turn.
const SENT_AT_ONCE: usize = 64;

thread_local! {
    /// Where datagrams land. What is kept of one is copied out before the next await,
    /// so one buffer for each thread is enough for any number of workers.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; FRAME_MAX].into_boxed_slice());
}

/// The server's end of a worker's socket.
#[derive(Debug)]
pub(crate) struct Link {
    /// Watched for what comes: to watch it for room as well would wake a thread each time
    /// that the worker takes something out.
    io: AsyncFd<OwnedFd>,
    outbox: Mutex<Outbox>,
    incoming: Mutex<Assembler>,
    /// Whether the worker ended with something unread.
    reset: AtomicBool,
    /// Whether it was given up because it does not read.
    deaf: AtomicBool,
    /// Whether the worker goes on with other work when it says that it is idle.
    has_more: AtomicBool,
}

/// Frames that the socket did not take yet.
#[derive(Debug, Default)]
struct Outbox {
    frames: VecDeque<(Header, Vec<u8>)>,
    /// What they cost.
    bytes: usize,
    /// Whether a task sends them already.
    sending: bool,
}

/// Why nothing more comes from a worker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// Its process ended, or it closed its socket.
    #[error("worker is gone")]
    Gone {
        /// Whether it ended before it read the last that was sent to it.
        unread: bool,
    },
    /// It did not read while more and more was sent to it.
    #[error("does not read what it is sent")]
    Deaf,
    /// It sent what is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The system failed us.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Link {
    /// A link over the server's end of a socket pair; needs a runtime around it.
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            io: watched(socket, Interest::READABLE)?,
            outbox: Mutex::default(),
            incoming: Mutex::default(),
            reset: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            has_more: AtomicBool::new(false),
        })
    }

    /// Whether the worker was sent other work already, so that it goes on talking after it
    /// says that it is idle. To be said before that message is done with; for a request,
    /// before it is sent.
    pub(crate) fn has_more(&self, it_has: bool) {
        self.has_more.store(it_has, Ordering::Relaxed);
    }

    /// Sends a message, or keeps what the socket does not take now. `parts` are sent one
    /// after the other as one payload.
    ///
    /// # Errors
    /// When the worker is gone, or does not read although [`OUTBOX_MAX`] waits for it; who
    /// reads from it learns which.
    pub(crate) fn post(
        self: &Arc<Self>,
        kind: Kind,
        bits: u8,
        id: u64,
        parts: [&[u8]; 2],
    ) -> io::Result<()> {
        let total = parts[0].len() + parts[1].len();
        let mut outbox = self.outbox.lock();
        let mut sent = 0;
        loop {
            let take = (total - sent).min(PAYLOAD_MAX);
            let more = sent + take < total;
            let header = Header::new(kind, fragment_bits(bits, sent == 0, more), id, take);
            let (a, b) = window(parts, sent, take);
            self.post_one(&mut outbox, header, [a, b])?;
            sent += take;
            if !more {
                return Ok(());
            }
        }
    }

    /// Sends a frame if nothing waits before it, or lets it wait.
    fn post_one(
        self: &Arc<Self>,
        outbox: &mut Outbox,
        header: Header,
        payload: [&[u8]; 2],
    ) -> io::Result<()> {
        if outbox.frames.is_empty() {
            match send_one(self.io.get_ref(), header, payload, SendFlags::DONTWAIT) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                sent => return sent,
            }
        }
        outbox.bytes += FRAME_COST + header.len as usize;
        if outbox.bytes > OUTBOX_MAX {
            outbox.frames = VecDeque::new();
            self.deaf.store(true, Ordering::Relaxed);
            self.hang_up();
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        outbox.frames.push_back((header, payload.concat()));
        if !outbox.sending {
            outbox.sending = true;
            tokio::spawn(Arc::clone(self).send_rest());
        }
        Ok(())
    }

    /// Closes the link: the worker ends at its next look at it, and who reads from it sees
    /// it gone.
    pub(crate) fn hang_up(&self) {
        // An error means that it is closed already.
        let _ = shutdown(self.io.get_ref(), Shutdown::Both);
    }

    /// Sends what waits, and ends when nothing does or the worker is gone.
    async fn send_rest(self: Arc<Self>) {
        let socket = self.io.get_ref().try_clone();
        let Ok(io) = socket.and_then(|socket| watched(socket, Interest::WRITABLE)) else {
            // Without a descriptor nobody would hear when there is room.
            return self.hang_up();
        };
        while let Ok(mut guard) = io.writable().await {
            if self.send_some(&mut guard) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Sends some of what waits; whether that was the rest.
    fn send_some(&self, guard: &mut AsyncFdReadyGuard<'_, OwnedFd>) -> bool {
        let mut outbox = self.outbox.lock();
        for _ in 0..SENT_AT_ONCE {
            let Some((header, payload)) = outbox.frames.front() else { break };
            let sent =
                guard.try_io(|io| send_one(io, *header, [payload, b""], SendFlags::DONTWAIT));
            match sent {
                Ok(Ok(())) => {
                    outbox.bytes -= FRAME_COST + payload.len();
                    outbox.frames.pop_front();
                }
                // The reader learns that the worker is gone; nobody reads these.
                Ok(Err(_)) => outbox.frames.clear(),
                Err(_would_block) => break,
            }
        }
        let is_done = outbox.frames.is_empty();
        if is_done {
            // The memory of a long queue goes with it.
            *outbox = Outbox::default();
        }
        is_done
    }

    /// Waits for the next message and gives it to `take`.
    ///
    /// # Errors
    /// See [`LinkError`]; none of them is followed by another message.
    pub(crate) async fn receive<R>(
        &self,
        mut take: impl FnMut(Header, &[u8]) -> R,
    ) -> Result<R, LinkError> {
        // A worker that never stops talking shares this thread with the others.
        consume_budget().await;
        loop {
            let mut guard = self.io.readable().await?;
            let got = guard.try_io(|io| self.receive_one(io, &mut take));
            match got {
                Err(_would_block) => {}
                Ok(Err(e)) => return Err(e.into()),
                Ok(Ok(Incoming::Partial)) => consume_budget().await,
                Ok(Ok(Incoming::Bad(e))) => return Err(e),
                Ok(Ok(Incoming::Whole(taken, idle))) => {
                    // A worker that is idle says nothing until it is spoken to, so the
                    // next reader need not ask in vain first.
                    if idle && !self.has_more.load(Ordering::Relaxed) {
                        guard.clear_ready();
                    }
                    return Ok(taken);
                }
            }
        }
    }

    /// The next message, if it is there already and in one piece.
    pub(crate) fn receive_now<R>(
        &self,
        mut take: impl FnMut(Header, &[u8]) -> R,
    ) -> Option<Result<R, LinkError>> {
        let got = self.io.try_io(Interest::READABLE, |io| self.receive_one(io, &mut take));
        match got {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
            Err(e) => Some(Err(e.into())),
            Ok(Incoming::Partial) => None,
            Ok(Incoming::Bad(e)) => Some(Err(e)),
            Ok(Incoming::Whole(taken, _)) => Some(Ok(taken)),
        }
    }

    /// What the end of the link means.
    fn end(&self) -> LinkError {
        if self.deaf.load(Ordering::Relaxed) {
            return LinkError::Deaf;
        }
        LinkError::Gone { unread: self.reset.load(Ordering::Relaxed) }
    }

    /// One datagram, put together with those before it.
    fn receive_one<R>(
        &self,
        socket: impl AsFd,
        take: &mut impl FnMut(Header, &[u8]) -> R,
    ) -> io::Result<Incoming<R>> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut is_over = false;
            let n = loop {
                match rustix::net::recv(&socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                    // A look at the moment in which the peer closes may see the end, but not
                    // yet the error below. (An empty datagram looks the same; it is skipped.)
                    Ok((0, _)) if !is_over => is_over = true,
                    Ok((0, _)) => return Ok(Incoming::Bad(self.end())),
                    Ok((n, _)) => break n,
                    // So a Unix socket says, once and before what the peer had sent, that
                    // the peer closed with something unread.
                    Err(Errno::CONNRESET) => self.reset.store(true, Ordering::Relaxed),
                    Err(e) => return Err(e.into()),
                }
            };
            let mut incoming = self.incoming.lock();
            let whole = Header::split(&buffer[..n]).and_then(|(header, payload)| {
                Ok(match incoming.push(header, payload)? {
                    Assembled::Partial => Incoming::Partial,
                    Assembled::Whole(header, payload) => {
                        Incoming::Whole(take(header, payload), says_idle(header))
                    }
                })
            });
            incoming.shrink();
            Ok(whole.unwrap_or_else(|e| Incoming::Bad(e.into())))
        })
    }
}

/// A descriptor that never blocks, watched by the runtime for this.
#[expect(
    deprecated,
    reason = "what replaces it is unsafe for types that lie about their descriptor; `OwnedFd` does not"
)]
pub(super) fn watched(socket: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    rustix::io::ioctl_fionbio(&socket, true)?;
    AsyncFd::with_interest(socket, interest)
}

/// What one datagram made.
enum Incoming<R> {
    /// A fragment.
    Partial,
    /// A message, and whether its sender is idle after it.
    Whole(R, bool),
    /// The end.
    Bad(LinkError),
}

/// Whether the worker waits for work after this message.
fn says_idle(header: Header) -> bool {
    header.kind == Kind::Ready
        || (matches!(header.kind, Kind::Response | Kind::TaskDone) && header.has(flag::IDLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use php_wire::frame::{pair, send};

    fn link() -> (Arc<Link>, OwnedFd) {
        let (ours, theirs) = pair().expect("a socket pair");
        (Arc::new(Link::new(ours).expect("a link")), theirs)
    }

    /// Reads a message as a worker does.
    fn read_whole(socket: &OwnedFd) -> (u64, Vec<u8>) {
        let mut buffer = vec![0; FRAME_MAX];
        let mut assembler = Assembler::default();
        loop {
            let frame = php_wire::frame::receive(socket, &mut buffer, RecvFlags::empty());
            let (h, p) = frame.expect("io").expect("a frame");
            if let Assembled::Whole(h, p) = assembler.push(h, p).expect("fragments fit") {
                return (h.id, p[1..].to_vec());
            }
        }
    }

    #[tokio::test]
    async fn messages_longer_than_the_sockets_buffer_are_sent_as_the_worker_reads() {
        let (link, theirs) = link();
        let body: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
        for id in [1, 2] {
            link.post(Kind::Result, 0, id, [b"\0", &body]).expect("the worker lives");
        }
        let worker = std::thread::spawn(move || [(); 2].map(|()| read_whole(&theirs)));
        let got = tokio::task::spawn_blocking(move || worker.join().expect("worker"));
        assert_eq!(got.await.expect("joined"), [(1, body.clone()), (2, body)]);
    }

    #[tokio::test]
    async fn a_fragmented_message_arrives_whole() {
        let (link, theirs) = link();
        let body = vec![7; 200_000];
        let expected = body.len();
        let worker = std::thread::spawn(move || {
            let header = (Kind::TaskDone, flag::EXIT, 9);
            send(&theirs, header, [b"\0", &body], SendFlags::empty()).expect("sent");
        });
        let got = link.receive(|h, p| (h.id, h.flags, p.len())).await.expect("a message");
        assert_eq!(got, (9, flag::EXIT, expected + 1));
        worker.join().expect("worker");
        let end = link.receive(|_, _| ()).await;
        assert!(matches!(end, Err(LinkError::Gone { unread: false })), "{end:?}");
    }

    #[tokio::test]
    async fn a_worker_that_does_not_read_is_given_up_before_it_costs_all_memory() {
        let (link, theirs) = link();
        let message = vec![0; MESSAGE_MAX / 2];
        let post = || link.post(Kind::Result, 0, 1, [b"\0", &message]);
        let taken = (0..).take_while(|_| post().is_ok()).count();
        assert!((7..=8).contains(&taken), "{taken} messages wait");
        assert_eq!(link.outbox.lock().frames.len(), 0);
        assert!(link.post(Kind::Result, 0, 1, [b"\0", b""]).is_err());
        let end = link.receive(|_, _| ()).await;
        assert!(matches!(end, Err(LinkError::Deaf)), "{end:?}");
        drop(theirs);
    }

    #[tokio::test]
    async fn a_worker_that_never_stops_talking_lets_others_run() {
        let (link, theirs) = link();
        let worker = std::thread::spawn(move || {
            let log = (Kind::Log, 0, 0);
            while send(&theirs, log, [b"", b""], SendFlags::empty()).is_ok() {}
        });
        let listener = Arc::clone(&link);
        let listening =
            tokio::spawn(async move { while listener.receive(|_, _| ()).await.is_ok() {} });
        // On the one thread of this test.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        link.hang_up();
        listening.await.expect("an end");
        worker.join().expect("worker");
    }

    #[tokio::test]
    async fn a_worker_that_ends_before_it_reads_is_told_apart() {
        let (link, theirs) = link();
        link.post(Kind::Request, 0, 1, [b"x", b""]).expect("the worker lives");
        drop(theirs);
        let end = link.receive(|_, _| ()).await;
        assert!(matches!(end, Err(LinkError::Gone { unread: true })), "{end:?}");
        assert!(link.post(Kind::Request, 0, 2, [b"x", b""]).is_err());
    }

    #[tokio::test]
    async fn the_last_words_of_a_worker_that_did_not_read_all_are_heard() {
        let (link, theirs) = link();
        link.post(Kind::Pools, 0, 0, [b"x", b""]).expect("the worker lives");
        send(&theirs, (Kind::Log, 0, 3), [b"", b""], SendFlags::empty()).expect("sent");
        drop(theirs);
        assert_eq!(link.receive(|h, _| h.id).await.expect("a message"), 3);
        let end = link.receive(|_, _| ()).await;
        assert!(matches!(end, Err(LinkError::Gone { unread: true })), "{end:?}");
    }

    #[tokio::test]
    async fn what_is_no_frame_is_refused() {
        let (link, theirs) = link();
        rustix::net::send(&theirs, b"rubbish", SendFlags::empty()).expect("sent");
        assert!(matches!(link.receive(|_, _| ()).await, Err(LinkError::Frame(_))));
    }

    #[tokio::test]
    async fn a_message_that_is_there_is_had_at_once() {
        let (link, theirs) = link();
        send(&theirs, (Kind::Ready, 0, 0), [b"", b""], SendFlags::empty()).expect("sent");
        link.receive(|_, _| ()).await.expect("a message");
        assert!(link.receive_now(|_, _| ()).is_none());
    }
}
