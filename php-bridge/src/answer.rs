//! The answer to one request, from PHP's first header to the last byte.

use crate::link::{Link, PartOf, part_flags};
use php_wire::codec::Writer;
use php_wire::frame::{Header, Kind, PAYLOAD_MAX, flag};
use php_wire::response::Head;

/// How much of an answer is kept back for a single frame.
const HELD_MAX: usize = 48 * 1024;

/// What PHP has answered so far, and how much of it is on its way.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    id: u64,
    /// Head, when not sent, and bytes.
    held: Writer,
    has_head: bool,
    head_sent: bool,
    complete: bool,
    gone: bool,
    broken: bool,
}

impl Answer {
    /// Starts the answer to request `id`, in the memory of the one before.
    pub(crate) fn begin(&mut self, id: u64) {
        let mut held = std::mem::take(&mut self.held);
        held.0.clear();
        held.0.shrink_to(2 * HELD_MAX);
        *self = Self { id, held, ..Self::default() };
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Says that nobody takes the answer.
    pub(crate) fn abort(&mut self) {
        self.gone = true;
    }

    /// Whether the client went away before it had everything.
    pub(crate) fn gone(&self) -> bool {
        self.gone
    }

    /// Keeps status and headers for the first part. The first head counts.
    pub(crate) fn head(&mut self, head: &Head<'_>) {
        if !self.has_head {
            head.encode(&mut self.held);
            self.has_head = true;
        }
    }

    /// Whether [`Self::write`] of so many bytes sends something.
    pub(crate) fn would_send(&self, len: usize) -> bool {
        self.held.0.len() + len > HELD_MAX
    }

    /// Takes bytes; when too many are held, sends them.
    pub(crate) fn write(&mut self, link: &Link, mut data: &[u8]) {
        if self.complete || self.gone || self.broken {
            return;
        }
        while self.would_send(data.len()) {
            let room = PAYLOAD_MAX.saturating_sub(self.held.0.len());
            let (now, later) = data.split_at(room.min(data.len()));
            self.send(link, now, 0, 0);
            data = later;
            if self.broken {
                return;
            }
        }
        self.held.0.extend_from_slice(data);
    }

    /// Sends what is held.
    pub(crate) fn flush(&mut self, link: &Link) {
        if self.has_head && !self.complete && !self.gone && !self.held.0.is_empty() {
            self.send(link, &[], flag::FLUSH, 0);
        }
    }

    /// Completes the answer; the request goes on.
    pub(crate) fn finish(&mut self, link: &Link) {
        if !self.complete && !self.broken {
            self.default_head();
            self.send(link, &[], flag::LAST, 0);
            self.complete = true;
        }
    }

    /// Ends the request, and the answer when it is still open. An answer whose sending was
    /// given up is not marked complete, so that the client sees it broken. `took` is as in
    /// [`php_wire::frame::Header::took`].
    pub(crate) fn end(&mut self, link: &Link, flags: u8, took: u16) {
        let last = if self.complete || self.broken { 0 } else { flag::LAST };
        if !self.broken {
            self.default_head();
        }
        self.broken = false;
        self.send(link, &[], last | flag::DONE | flags, took);
        if self.broken {
            // No room within the limit: the process ends, and the link says the rest.
            let header = Header::from((Kind::Response, flag::DONE | flags, self.id));
            link.send(Header { took, ..header }, [&[], &[]]);
        }
    }

    /// PHP may fail before it has a head.
    fn default_head(&mut self) {
        if !self.has_head {
            self.held.0.clear();
            self.head(&Head { status: 500, lines: Vec::new() });
        }
    }

    fn send(&mut self, link: &Link, more: &[u8], flags: u8, took: u16) {
        let flags = part_flags(self.has_head && !self.head_sent, flags);
        let part = PartOf { id: self.id, flags, took };
        match link.send_part(&part, [&self.held.0, more]) {
            Ok(()) => self.head_sent = self.has_head,
            Err(_) => self.broken = true,
        }
        self.held.0.clear();
    }
}
