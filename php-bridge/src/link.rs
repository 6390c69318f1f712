//! The worker's end of its link: frames in both directions, without a runtime.

use php_wire::control::EXIT_ORPHAN;
use php_wire::frame::{
    self, Assembled, Assembler, FRAME_MAX, FrameError, Header, Kind, PAYLOAD_MAX, flag,
};
use php_wire::ring::Taking;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

/// A worker's link to the server.
#[derive(Debug)]
pub(crate) struct Link {
    fd: OwnedFd,
    /// Where requests and tasks come in; the server may take one back out. A process that PHP
    /// forked has none.
    inbox: Option<Taking>,
    received: Box<[u8]>,
    assembler: Assembler,
}

/// What [`Link::receive`] came back with.
#[derive(Debug)]
pub(crate) enum Received<'a> {
    /// A whole message.
    Message(Header, &'a [u8]),
    /// A fragment; the rest must follow.
    Fragment,
    /// Nothing, and waiting was not asked for.
    Nothing,
    /// A signal came first.
    Interrupted,
}

/// What the header of a part of an answer says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartOf {
    /// The request.
    pub(crate) id: u64,
    /// Bits of [`flag`].
    pub(crate) flags: u8,
    /// As in [`Header::took`].
    pub(crate) took: u16,
}

/// PHP's time limit passed while a frame waited for room; the frame was not sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped;

impl Link {
    pub(crate) fn new(fd: OwnedFd, inbox: Taking) -> Self {
        let received = vec![0; FRAME_MAX].into_boxed_slice();
        Self { fd, inbox: Some(inbox), received, assembler: Assembler::default() }
    }

    /// This process is not the worker, but one that it forked, and leaves its link to it.
    #[expect(unsafe_code, reason = "closes a descriptor that has an owner")]
    pub(crate) fn leave_to_parent(&mut self) {
        self.inbox = None;
        // SAFETY: this process never uses the link again but to see that it has none, so nobody
        // misses the descriptor; while it were open, the server could not see its parent's death.
        unsafe { libc::close(self.fd.as_raw_fd()) };
    }

    /// The next message. When the server is gone, or talks nonsense, the process ends.
    pub(crate) fn receive(&mut self, wait: bool) -> Received<'_> {
        let flags = if wait { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        let (header, payload) = match frame::receive(&self.fd, &mut self.received, flags) {
            Ok(Some(frame)) => frame,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Received::Nothing,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Received::Interrupted,
            Ok(None) | Err(_) => leave(),
        };
        match self.assembler.push(header, payload) {
            Ok(Assembled::Whole(header, payload)) => Received::Message(header, payload),
            Ok(Assembled::Partial) => Received::Fragment,
            Err(_) => leave(),
        }
    }

    /// The next request or task, if it is in the inbox already; its payload comes into `into`.
    pub(crate) fn take_work(&self, into: &mut Vec<u8>) -> Result<Option<Header>, FrameError> {
        self.inbox().take(into)
    }

    /// Where work comes in.
    pub(crate) fn inbox(&self) -> &Taking {
        self.inbox.as_ref().unwrap_or_else(|| leave())
    }

    /// Waits until a frame is there or the time is over; a signal ends it early.
    pub(crate) fn wait(&self, until: Option<Instant>) -> io::Result<()> {
        let left = until.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| left.try_into().ok());
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        rustix::event::poll(&mut fds, left.as_ref())?;
        Ok(())
    }

    /// Gives back the memory of an unusually long message.
    pub(crate) fn shrink(&mut self) {
        self.assembler.shrink();
    }

    /// Sends a message, as fragments when it is long, however long the server takes.
    pub(crate) fn send(&self, header: impl Into<Header>, parts: [&[u8]; 2]) {
        if frame::send(&self.fd, header, parts, SendFlags::empty()).is_err() {
            leave();
        }
    }

    /// Sends one frame of an answer, unless PHP's time limit passes while it waits for room.
    pub(crate) fn send_part(&self, part: &PartOf, parts: [&[u8]; 2]) -> Result<(), Stopped> {
        let len = parts[0].len() + parts[1].len();
        if len > PAYLOAD_MAX {
            // Only a huge head: its fragments belong together.
            self.send((Kind::Response, part.flags, part.id), parts);
            return Ok(());
        }
        let header = Header::new(Kind::Response, part.flags, part.id, len);
        let header = Header { took: part.took, ..header };
        loop {
            match frame::try_send(&self.fd, header, parts, SendFlags::empty()) {
                Ok(()) => return Ok(()),
                Err(Errno::INTR) if crate::worker::stopping() => return Err(Stopped),
                Err(Errno::INTR) => {}
                Err(_) => leave(),
            }
        }
    }

    /// Sends a frame without payload.
    pub(crate) fn signal(&self, kind: Kind, id: u64) {
        self.send((kind, 0, id), [&[], &[]]);
    }
}

/// The flags of a part of an answer.
pub(crate) const fn part_flags(head: bool, more: u8) -> u8 {
    if head { more | flag::HEAD } else { more }
}

/// Ends this process: without its server a worker has nothing to do, and nobody to tell.
fn leave() -> ! {
    #[expect(unsafe_code, reason = "ends the process as a forked child must")]
    // SAFETY: `_exit` runs no handlers, which belong to the zygote.
    unsafe {
        libc::_exit(EXIT_ORPHAN)
    }
}
