//! Frames: what one datagram of a worker link holds.
//!
//! A message longer than [`PAYLOAD_MAX`] is cut into fragments of the same kind
//! and id; each but the last carries [`flag::MORE`]. The fragments of one message
//! follow one another without another kind between them.
//!
//! Life of a request, seen from the worker:
//!
//! ```text
//! server → worker   REQUEST            head and, when it is short and complete, the body
//! worker → server   WANT               only when PHP reads more body than came inline
//! server → worker   BODY (LAST)        at most what was wanted
//! worker → server   RESPONSE HEAD      status, headers and the first bytes
//! worker → server   RESPONSE           more bytes, after a flush or a full buffer
//! worker → server   RESPONSE LAST      the client has its answer
//! worker → server   RESPONSE DONE      clean-up is over, the request has ended
//! worker → server   READY              give me work
//! ```
//!
//! One frame may carry several of these flags: a short page is a single
//! `RESPONSE` with `HEAD | LAST | DONE | IDLE`.
//!
//! A worker has an **inbox** besides its link: shared memory ([`crate::ring`]), in which a
//! `REQUEST` or `TASK` of one frame comes, and nothing else; a longer one comes over the link,
//! as does `WORK`, which wakes a worker that sleeps. So work may be sent to a worker that
//! still has other: either the worker takes it out when that is done, or the server takes it
//! back.

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};

/// The longest datagram, header included.
pub const FRAME_MAX: usize = 64 * 1024;
/// The longest payload of one frame.
pub const PAYLOAD_MAX: usize = FRAME_MAX - Header::SIZE;
/// The longest message that is put together from fragments: 64 MiB.
pub const MESSAGE_MAX: usize = 64 * 1024 * 1024;
/// What both ends set as `SO_SNDBUF`, so that a few full frames fit.
pub const SOCKET_BUFFER: usize = 512 * 1024;
/// Up to this length a frame is joined before it is sent: to copy so little is quicker than
/// the kernel's look at three parts.
const JOINED_MAX: usize = 1024;
/// How many bytes of a request's body travel inside `REQUEST`.
pub const INLINE_BODY_MAX: usize = 32 * 1024;

/// What a frame is. The numbers are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Server to worker: a request ([`crate::request::Head`]), `id` its serial.
    Request = 1,
    /// Server to worker: bytes of the body; with [`flag::LAST`] there are no more,
    /// with [`flag::ABORT`] there will be none though some were announced.
    Body = 2,
    /// Server to worker: a task's message; `id` is the job's serial.
    Task = 3,
    /// Server to worker: how a spawned task ended ([`crate::task::Outcome`]); `id` is the task's.
    Result = 4,
    /// Server to worker: the table of task pools ([`crate::task::PoolTable`]).
    Pools = 5,
    /// Server to worker: the client of request `id` is gone.
    Abort = 6,
    /// Server to worker: take no more work; end when the current work is done.
    Drain = 7,
    /// Server to worker: something is in your inbox. Said to one that sleeps.
    Work = 8,
    /// Worker to server: booted, or back from its last work; idle.
    Ready = 32,
    /// Worker to server: a part of the answer ([`crate::response::Head`] first when [`flag::HEAD`]).
    Response = 33,
    /// Worker to server: an interim answer (1xx), a [`crate::response::Head`] alone.
    Inform = 34,
    /// Worker to server: send me up to `u32` bytes of the body.
    Want = 35,
    /// Worker to server: a line for the log ([`crate::response::Log`]).
    Log = 36,
    /// Worker to server: spawn a task ([`crate::task::Spawn`]); `id` is the task's.
    Spawn = 37,
    /// Worker to server: this worker now blocks on task `id`.
    Await = 38,
    /// Worker to server: this worker gave up on task `id`; cancel it.
    Forget = 39,
    /// Worker to server: how the job `id` ended ([`crate::task::Outcome`]).
    TaskDone = 40,
}

impl Kind {
    /// The kind with this number.
    pub const fn from_u8(n: u8) -> Option<Self> {
        Some(match n {
            1 => Self::Request,
            2 => Self::Body,
            3 => Self::Task,
            4 => Self::Result,
            5 => Self::Pools,
            6 => Self::Abort,
            7 => Self::Drain,
            8 => Self::Work,
            32 => Self::Ready,
            33 => Self::Response,
            34 => Self::Inform,
            35 => Self::Want,
            36 => Self::Log,
            37 => Self::Spawn,
            38 => Self::Await,
            39 => Self::Forget,
            40 => Self::TaskDone,
            _ => return None,
        })
    }
}

/// The bits of [`Header::flags`].
pub mod flag {
    /// More fragments of this message follow.
    pub const MORE: u8 = 1;
    /// `RESPONSE`: the payload begins with a [`crate::response::Head`].
    pub const HEAD: u8 = 2;
    /// `RESPONSE`: the answer is complete. `BODY`: the body is complete.
    pub const LAST: u8 = 4;
    /// `RESPONSE`: the request has ended: its clean-up is over, its tasks are cancelled.
    pub const DONE: u8 = 8;
    /// `RESPONSE`, `TASK_DONE`: as if a `READY` followed.
    pub const IDLE: u8 = 16;
    /// `RESPONSE`: the script asked for these bytes to go out now.
    pub const FLUSH: u8 = 32;
    /// `BODY`: the client went away or took too long.
    pub const ABORT: u8 = 64;
    /// `RESPONSE`, `TASK_DONE`: the worker process ends after this (bailout, quota, drain).
    pub const EXIT: u8 = 128;
}

/// The first bytes of every frame: kind, flags, the time taken as `u16`, the payload's
/// length as `u32` and the id as `u64`, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: Kind,
    /// Bits of [`flag`].
    pub flags: u8,
    /// `RESPONSE` with [`flag::DONE`], `TASK_DONE`: how many microseconds the worker had the
    /// request or task, the greatest number for all that do not fit. 0 in all other frames.
    pub took: u16,
    /// How many bytes follow.
    pub len: u32,
    /// Which request, task or job it is about; 0 when about none.
    pub id: u64,
}

/// Why a frame was refused. All of these mean that the other side is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than a header.
    #[error("frame of {0} bytes is shorter than its header")]
    Short(usize),
    /// The header's length is not the datagram's.
    #[error("frame announces {announced} bytes and holds {held}")]
    Length {
        /// What the header says.
        announced: usize,
        /// What came.
        held: usize,
    },
    /// Longer than what is there.
    #[error("frame does not end within the {0} words of its inbox")]
    Overrun(u64),
    /// A kind that does not exist.
    #[error("unknown frame kind {0}")]
    Kind(u8),
    /// Fragments that do not belong together, or too many of them.
    #[error("fragments do not fit together")]
    Fragments,
    /// A payload that ends early or holds an impossible value.
    #[error("malformed payload of {0}")]
    Payload(&'static str),
}

impl From<FrameError> for io::Error {
    fn from(e: FrameError) -> Self {
        Self::new(io::ErrorKind::InvalidData, e)
    }
}

impl Header {
    /// Bytes of a header on the wire.
    pub const SIZE: usize = 16;

    /// A header for a payload of `len` bytes, at most [`PAYLOAD_MAX`].
    pub fn new(kind: Kind, flags: u8, id: u64, len: usize) -> Self {
        debug_assert!(len <= PAYLOAD_MAX, "fragments are cut before they get a header");
        Self { kind, flags, took: 0, len: u32::try_from(len).unwrap_or(u32::MAX), id }
    }

    /// The header as it travels.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut b = [0; Self::SIZE];
        b[0] = self.kind as u8;
        b[1] = self.flags;
        b[2..4].copy_from_slice(&self.took.to_le_bytes());
        b[4..8].copy_from_slice(&self.len.to_le_bytes());
        b[8..16].copy_from_slice(&self.id.to_le_bytes());
        b
    }

    /// The header that travelled as this.
    pub fn of(bytes: [u8; Self::SIZE]) -> Result<Self, FrameError> {
        let [kind, flags, t0, t1, l0, l1, l2, l3, id @ ..] = bytes;
        let kind = Kind::from_u8(kind).ok_or(FrameError::Kind(kind))?;
        let (took, len) = (u16::from_le_bytes([t0, t1]), u32::from_le_bytes([l0, l1, l2, l3]));
        Ok(Self { kind, flags, took, len, id: u64::from_le_bytes(id) })
    }

    /// Splits a datagram into its header and payload.
    pub fn split(datagram: &[u8]) -> Result<(Self, &[u8]), FrameError> {
        let Some((head, payload)) = datagram.split_first_chunk::<{ Self::SIZE }>() else {
            return Err(FrameError::Short(datagram.len()));
        };
        let header = Self::of(*head)?;
        let announced = header.len as usize;
        if announced != payload.len() {
            return Err(FrameError::Length { announced, held: payload.len() });
        }
        Ok((header, payload))
    }

    /// Whether a bit of [`flag`] is set.
    pub const fn has(self, bit: u8) -> bool {
        self.flags & bit != 0
    }
}

impl From<(Kind, u8, u64)> for Header {
    /// The header of a message of this kind, with these flags and this id.
    fn from((kind, flags, id): (Kind, u8, u64)) -> Self {
        Self::new(kind, flags, id, 0)
    }
}

/// Sends a message as one frame, or as fragments.
///
/// `parts` are sent one after the other as one payload without being joined first. The
/// header's length is filled in; its flags go on the last fragment only, except
/// [`flag::HEAD`], which goes on the first.
pub fn send(
    socket: impl AsFd,
    header: impl Into<Header>,
    parts: [&[u8]; 2],
    flags: SendFlags,
) -> io::Result<()> {
    let header = header.into();
    let total = parts[0].len() + parts[1].len();
    let mut sent = 0;
    loop {
        let take = (total - sent).min(PAYLOAD_MAX);
        let more = sent + take < total;
        let bits = fragment_bits(header.flags, sent == 0, more);
        let (a, b) = window(parts, sent, take);
        let fragment = Header::new(header.kind, bits, header.id, take);
        send_one(&socket, Header { took: header.took, ..fragment }, [a, b], flags)?;
        sent += take;
        if !more {
            return Ok(());
        }
    }
}

/// The flags of one fragment: [`flag::HEAD`] on the first, the others on the last.
pub const fn fragment_bits(bits: u8, first: bool, more: bool) -> u8 {
    let head = if first { bits & flag::HEAD } else { 0 };
    if more { head | flag::MORE } else { head | (bits & !flag::HEAD) }
}

/// `len` bytes from `at` on of two slices seen as one.
pub fn window(parts: [&[u8]; 2], at: usize, len: usize) -> (&[u8], &[u8]) {
    let end = at + len;
    let cut = parts[0].len();
    let a = &parts[0][at.min(cut)..end.min(cut)];
    let b = &parts[1][at.saturating_sub(cut)..end.saturating_sub(cut)];
    (a, b)
}

/// Sends one frame; a signal does not end it early.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when the socket's buffer is full and `flags` or
/// the socket forbid waiting; `BrokenPipe` or `ConnectionReset` when the other end is gone.
pub fn send_one(
    socket: impl AsFd,
    header: Header,
    payload: [&[u8]; 2],
    flags: SendFlags,
) -> io::Result<()> {
    loop {
        match try_send(&socket, header, payload, flags) {
            Err(Errno::INTR) => {}
            sent => return Ok(sent?),
        }
    }
}

/// Sends one frame, unless a signal comes while it waits for room.
///
/// # Errors
/// Those of [`send_one`], and `INTR`.
pub fn try_send(
    socket: impl AsFd,
    header: Header,
    payload: [&[u8]; 2],
    flags: SendFlags,
) -> rustix::io::Result<()> {
    let head = header.to_bytes();
    let flags = flags | SendFlags::NOSIGNAL;
    let mut room = [0; JOINED_MAX];
    if let Some(joined) = join(&mut room, head, payload) {
        return rustix::net::send(socket, joined, flags).map(drop);
    }
    let parts = [IoSlice::new(&head), IoSlice::new(payload[0]), IoSlice::new(payload[1])];
    rustix::net::sendmsg(socket, &parts, &mut Default::default(), flags).map(drop)
}

/// A frame in one piece, if it is short enough.
fn join<'r>(
    room: &'r mut [u8; JOINED_MAX],
    head: [u8; Header::SIZE],
    payload: [&[u8]; 2],
) -> Option<&'r [u8]> {
    let len = Header::SIZE + payload[0].len() + payload[1].len();
    let joined = room.get_mut(..len)?;
    let (front, rest) = joined.split_at_mut(Header::SIZE);
    front.copy_from_slice(&head);
    let (a, b) = rest.split_at_mut(payload[0].len());
    a.copy_from_slice(payload[0]);
    b.copy_from_slice(payload[1]);
    Some(joined)
}

/// Receives one datagram into `buffer`, which must hold [`FRAME_MAX`] bytes.
/// `None` means that the other end is gone.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when nothing is there and waiting is forbidden,
/// [`io::ErrorKind::Interrupted`] when a signal came: a worker must look at why.
pub fn receive(
    socket: impl AsFd,
    buffer: &mut [u8],
    flags: RecvFlags,
) -> io::Result<Option<(Header, &[u8])>> {
    debug_assert!(buffer.len() >= FRAME_MAX, "a datagram would be cut short");
    let n = loop {
        match rustix::net::recv(&socket, &mut *buffer, flags) {
            Ok((n, _)) => break n,
            // The other end closed without having read everything. That is said once,
            // before what it still sent: read on, to the end of file.
            Err(Errno::CONNRESET) => {}
            Err(e) => return Err(e.into()),
        }
    };
    if n == 0 {
        return Ok(None);
    }
    Ok(Some(Header::split(&buffer[..n])?))
}

/// A connected pair of worker-link sockets, closed on exec, with buffers for several frames.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair, sockopt};
    let (a, b) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    for s in [&a, &b] {
        sockopt::set_socket_send_buffer_size(s, SOCKET_BUFFER)?;
    }
    Ok((a, b))
}

/// Puts the fragments of a message back together.
#[derive(Debug, Default)]
pub struct Assembler {
    open: Option<(Kind, u64)>,
    bits: u8,
    held: Vec<u8>,
}

/// What [`Assembler::push`] made of a frame.
#[derive(Debug)]
pub enum Assembled<'a> {
    /// A whole message.
    Whole(Header, &'a [u8]),
    /// A fragment; more must follow.
    Partial,
}

impl Assembler {
    /// Takes one frame. A message that came in one piece is passed through without a copy.
    ///
    /// # Errors
    /// When fragments of two messages mix, a message passes [`MESSAGE_MAX`], or a
    /// fragment with more behind it is empty: so a message could go on for ever.
    pub fn push<'a>(
        &'a mut self,
        header: Header,
        payload: &'a [u8],
    ) -> Result<Assembled<'a>, FrameError> {
        let more = header.has(flag::MORE);
        if more && payload.is_empty() {
            return Err(FrameError::Fragments);
        }
        let Some((kind, id)) = self.open else {
            if !more {
                return Ok(Assembled::Whole(header, payload));
            }
            self.open = Some((header.kind, header.id));
            self.bits = header.flags & !flag::MORE;
            self.held.clear();
            self.held.extend_from_slice(payload);
            return Ok(Assembled::Partial);
        };
        if kind != header.kind || id != header.id || self.held.len() + payload.len() > MESSAGE_MAX {
            return Err(FrameError::Fragments);
        }
        self.held.extend_from_slice(payload);
        self.bits |= header.flags & !flag::MORE;
        if more {
            return Ok(Assembled::Partial);
        }
        self.open = None;
        let len = u32::try_from(self.held.len()).map_err(|_| FrameError::Fragments)?;
        Ok(Assembled::Whole(Header { flags: self.bits, len, ..header }, &self.held))
    }

    /// Gives back the memory of an unusually long message.
    pub fn shrink(&mut self) {
        if self.open.is_none() && self.held.capacity() > 4 * FRAME_MAX {
            self.held = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(len: usize, bits: u8) -> (Header, Vec<u8>) {
        let (a, b) = pair().expect("a socket pair");
        let body: Vec<u8> = (0..=250).cycle().take(len).collect();
        let cut = len / 3;
        let sender = std::thread::spawn(move || {
            let parts = [&body[..cut], &body[cut..]];
            send(&a, (Kind::Response, bits, 7), parts, SendFlags::empty()).expect("sent");
            body
        });
        let mut buffer = vec![0; FRAME_MAX];
        let mut assembler = Assembler::default();
        loop {
            let (h, p) = receive(&b, &mut buffer, RecvFlags::empty()).expect("io").expect("frame");
            if let Assembled::Whole(h, p) = assembler.push(h, p).expect("fragments fit") {
                let got = p.to_vec();
                assert_eq!(got, sender.join().expect("sender"));
                return (h, got);
            }
        }
    }

    #[test]
    fn messages_of_every_size_arrive_whole() {
        for len in [0, 1, PAYLOAD_MAX - 1, PAYLOAD_MAX, PAYLOAD_MAX + 1, 5 * PAYLOAD_MAX + 3] {
            let bits = flag::HEAD | flag::LAST;
            let (h, got) = round_trip(len, bits);
            assert_eq!((h.kind, h.flags, h.id, got.len()), (Kind::Response, bits, 7, len));
        }
    }

    #[test]
    fn what_is_not_a_frame_is_refused() {
        let good = Header::new(Kind::Ready, 0, 1, 0).to_bytes();
        assert_eq!(Header::split(&good[..15]), Err(FrameError::Short(15)));
        let mut bad = good;
        bad[0] = 99;
        assert_eq!(Header::split(&bad), Err(FrameError::Kind(99)));
        let mut long = good;
        long[4] = 1;
        assert_eq!(Header::split(&long), Err(FrameError::Length { announced: 1, held: 0 }));
    }

    #[test]
    fn fragments_of_two_messages_do_not_mix() {
        let mut assembler = Assembler::default();
        let first = Header::new(Kind::Response, flag::MORE, 1, 1);
        assert!(matches!(assembler.push(first, b"a"), Ok(Assembled::Partial)));
        let other = Header::new(Kind::Response, 0, 2, 1);
        assert!(matches!(assembler.push(other, b"b"), Err(FrameError::Fragments)));
    }

    #[test]
    fn a_message_ends_and_is_bounded() {
        let mut assembler = Assembler::default();
        let empty = Header::new(Kind::Response, flag::MORE, 1, 0);
        assert!(matches!(assembler.push(empty, b""), Err(FrameError::Fragments)));
        let part = vec![0; PAYLOAD_MAX];
        let header = Header::new(Kind::Response, flag::MORE, 1, PAYLOAD_MAX);
        let taken = (0..).take_while(|_| assembler.push(header, &part).is_ok()).count();
        assert_eq!(taken, MESSAGE_MAX / PAYLOAD_MAX);
    }

    #[test]
    fn last_words_arrive_from_an_end_that_did_not_listen() {
        let (a, b) = pair().expect("a socket pair");
        send(&b, (Kind::Pools, 0, 0), [b"unread", &[]], SendFlags::empty()).expect("sent");
        send(&a, (Kind::Log, 0, 0), [b"words", &[]], SendFlags::empty()).expect("sent");
        drop(a);
        let mut buffer = vec![0; FRAME_MAX];
        let (_, payload) =
            receive(&b, &mut buffer, RecvFlags::empty()).expect("io").expect("frame");
        assert_eq!(payload, b"words");
        assert!(receive(&b, &mut buffer, RecvFlags::empty()).expect("io").is_none());
    }

    #[test]
    fn a_closed_end_is_end_of_file() {
        let (a, b) = pair().expect("a socket pair");
        drop(a);
        let mut buffer = vec![0; FRAME_MAX];
        assert!(receive(&b, &mut buffer, RecvFlags::empty()).expect("io").is_none());
    }
}
