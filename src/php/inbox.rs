//! A worker's inbox: where its requests or tasks lie until it takes them out.
//!
//! The server keeps both ends. What it sent it may take back as long as the worker has not
//! taken it, and the kernel sees to it that only one of the two gets it. So work can be sent
//! to a worker that still has other, and be taken back when that takes longer than expected;
//! and when a worker died it is known whether it had begun with something.
//!
//! Nothing is ever put back: the worker could have taken what was behind it, and so come to
//! its work in another order than the server thinks.

use php_wire::frame::{self, Header, Kind, PAYLOAD_MAX, send_one};
use rustix::net::{RecvFlags, SendFlags};
use std::io;
use std::os::fd::OwnedFd;

/// Both ends of a worker's inbox.
#[derive(Debug)]
pub(crate) struct Inbox {
    sender: OwnedFd,
    receiver: OwnedFd,
    /// Whether the worker has a request that came this way, so that others may come behind it.
    /// Who sends tasks knows that without.
    pub is_open: bool,
    /// What lay at its front when [`Self::is_forgotten`] was last asked.
    seen: Option<u64>,
}

impl Inbox {
    /// An empty one, and the worker's end of it.
    pub(crate) fn new() -> io::Result<(Self, OwnedFd)> {
        let (sender, receiver) = frame::pair()?;
        let theirs = receiver.try_clone()?;
        Ok((Self { sender, receiver, is_open: false, seen: None }, theirs))
    }

    /// Sends a request or task.
    ///
    /// # Errors
    /// When it is too long for one frame, or the inbox is full. That a worker is gone is no
    /// error here.
    pub(crate) fn post(&self, kind: Kind, id: u64, payload: &[u8]) -> io::Result<()> {
        if payload.len() > PAYLOAD_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let header = Header::new(kind, 0, id, payload.len());
        send_one(&self.sender, header, [payload, b""], SendFlags::DONTWAIT)
    }

    /// The id of the first that the worker has not taken.
    pub(crate) fn front(&self) -> Option<u64> {
        self.receive(RecvFlags::PEEK)
    }

    /// Whether the worker has not taken what lay at the front when this was last asked.
    pub(crate) fn is_forgotten(&mut self) -> bool {
        let front = self.front();
        front.is_some() && std::mem::replace(&mut self.seen, front) == front
    }

    /// Takes the first out that the worker has not taken; its id. The worker may
    /// have taken the one that [`Self::front`] saw.
    pub(crate) fn take_back(&self) -> Option<u64> {
        self.receive(RecvFlags::empty())
    }

    /// Takes out all that the worker has not taken; the ids.
    pub(crate) fn take_all_back(&self) -> Vec<u64> {
        std::iter::from_fn(|| self.take_back()).collect()
    }

    /// The id of a frame, of which the rest is cut off.
    fn receive(&self, flags: RecvFlags) -> Option<u64> {
        let mut head = [0; Header::SIZE];
        let (read, _) =
            rustix::net::recv(&self.receiver, &mut head[..], flags | RecvFlags::DONTWAIT).ok()?;
        // Only we write into it.
        debug_assert_eq!(read, Header::SIZE, "a frame is as long as its header");
        let (_, id) = head.split_last_chunk()?;
        Some(u64::from_le_bytes(*id))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use php_wire::frame::FRAME_MAX;
    use rustix::event::{PollFd, PollFlags, poll};

    /// What comes next to a worker that waits for work, out of its inbox if there is
    /// something; `None` when the server is gone.
    pub(in super::super) fn next_for_idle(
        inbox: &OwnedFd,
        link: &OwnedFd,
    ) -> Option<(Header, Vec<u8>)> {
        let mut buffer = vec![0; FRAME_MAX];
        loop {
            let sockets = [inbox, link];
            let mut fds = sockets.map(|socket| PollFd::new(socket, PollFlags::IN));
            poll(&mut fds, None).expect("two sockets");
            let from = sockets[usize::from(fds[0].revents().is_empty())];
            match frame::receive(from, &mut buffer, RecvFlags::DONTWAIT) {
                Ok(frame) => return frame.map(|(h, p)| (h, p.to_vec())),
                // The server took it back.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_broken) => return None,
            }
        }
    }

    /// An inbox with these requests, and the worker's end of it.
    fn with(ids: &[u64]) -> (Inbox, OwnedFd) {
        let (inbox, theirs) = Inbox::new().expect("a socket pair");
        ids.iter().for_each(|id| inbox.post(Kind::Request, *id, b"head").expect("room"));
        (inbox, theirs)
    }

    /// What the worker takes.
    fn taken(theirs: &OwnedFd) -> (u64, Vec<u8>) {
        let mut buffer = vec![0; FRAME_MAX];
        let frame = frame::receive(theirs, &mut buffer, RecvFlags::empty());
        let (header, payload) = frame.expect("io").expect("a frame");
        (header.id, payload.to_vec())
    }

    #[test]
    fn each_request_is_taken_once_by_the_worker_or_by_the_server() {
        let (inbox, theirs) = with(&[1, 2, 3, 4]);
        assert_eq!((inbox.front(), inbox.front()), (Some(1), Some(1)));
        assert_eq!(taken(&theirs), (1, b"head".to_vec()));
        assert_eq!(inbox.take_back(), Some(2));
        assert_eq!(taken(&theirs).0, 3);
        assert_eq!((inbox.take_all_back(), inbox.front()), (vec![4], None));
    }

    #[test]
    fn what_nobody_takes_is_noticed() {
        let (mut inbox, theirs) = with(&[1, 2]);
        assert!(!inbox.is_forgotten());
        assert!(inbox.is_forgotten());
        assert_eq!(taken(&theirs).0, 1);
        assert!(!inbox.is_forgotten(), "2 has only come to the front");
        assert_eq!(taken(&theirs).0, 2);
        assert!(!inbox.is_forgotten());
        assert!(!inbox.is_forgotten());
    }

    #[test]
    fn a_request_of_more_than_one_frame_is_refused() {
        let (inbox, _theirs) = with(&[]);
        inbox.post(Kind::Task, 1, &vec![0; PAYLOAD_MAX]).expect("room");
        assert!(inbox.post(Kind::Task, 2, &vec![0; PAYLOAD_MAX + 1]).is_err());
        assert_eq!(inbox.take_all_back(), [1]);
    }

    #[test]
    fn a_full_inbox_says_so_and_loses_nothing() {
        let (inbox, _theirs) = with(&[]);
        let sent =
            (1..).take_while(|id| inbox.post(Kind::Request, *id, &[0; 30_000]).is_ok()).count();
        assert!(sent > 8, "only {sent}");
        assert_eq!(inbox.take_all_back().len(), sent);
    }
}
