//! A worker's inbox: where its requests or tasks lie until it takes them out.
//!
//! What the server sent it may take back as long as the worker has not taken it, and only one
//! of the two gets it. So work can be sent to a worker that still has other, and be taken back
//! when that takes longer than expected; and when a worker died it is known whether it had
//! begun with something.
//!
//! Nothing is ever put back: the worker could have taken what was behind it, and so come to
//! its work in another order than the server thinks.

use super::link::Link;
use php_wire::frame::Kind;
use php_wire::ring::Sending;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// The server's end of a worker's inbox.
#[derive(Debug)]
pub(crate) struct Inbox {
    ring: Sending,
    /// How its worker is woken.
    link: Arc<Link>,
    /// Whether the worker has a request that came this way, so that others may come behind it.
    /// Who sends tasks knows that without.
    pub is_open: bool,
    /// What lay at its front when [`Self::is_forgotten`] was last asked.
    seen: Option<u64>,
}

impl Inbox {
    /// An empty one of the worker at the other end of `link`, and the descriptor with which that
    /// opens it.
    pub(crate) fn new(link: Arc<Link>) -> io::Result<(Self, OwnedFd)> {
        let (ring, theirs) = Sending::new()?;
        Ok((Self { ring, link, is_open: false, seen: None }, theirs))
    }

    /// Sends a request or task.
    ///
    /// # Errors
    /// When it is too long for one frame, or the inbox is full or broken. That a worker is gone
    /// is no error here.
    pub(crate) fn post(&mut self, kind: Kind, id: u64, payload: &[u8]) -> io::Result<()> {
        let is_asleep = self.ring.post(kind, id, payload)?;
        if is_asleep && self.link.post(Kind::Work, 0, 0, [b"", b""]).is_err() {
            // It is gone, or would sleep over this; whoever reads from it learns which.
            self.link.hang_up();
        }
        Ok(())
    }

    /// Whether [`Self::post`] takes a payload of this length.
    pub(crate) fn fits(&mut self, len: usize) -> bool {
        self.ring.fits(len)
    }

    /// The id of the first that the worker has not taken.
    pub(crate) fn front(&mut self) -> Option<u64> {
        self.ring.front()
    }

    /// Whether the worker has not taken what lay at the front when this was last asked, or has
    /// broken its inbox and may wait for ever for what is in it.
    pub(crate) fn is_forgotten(&mut self) -> bool {
        let front = self.front();
        self.is_broken() || front.is_some() && std::mem::replace(&mut self.seen, front) == front
    }

    /// Whether the worker wrote into it what it should not.
    pub(crate) const fn is_broken(&self) -> bool {
        self.ring.is_broken()
    }

    /// Takes out all that the worker has not taken; the ids.
    pub(crate) fn take_all_back(&mut self) -> Vec<u64> {
        self.ring.take_all_back()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use php_wire::frame::{self, FRAME_MAX, Header, PAYLOAD_MAX};
    use php_wire::ring::Taking;
    use rustix::net::RecvFlags;

    /// What comes next to a worker that waits for work, out of its inbox if there is
    /// something; `None` when the server is gone.
    pub(in super::super) fn next_for_idle(
        inbox: &Taking,
        link: &OwnedFd,
    ) -> Option<(Header, Vec<u8>)> {
        let mut buffer = vec![0; FRAME_MAX];
        loop {
            let mut payload = Vec::new();
            if let Some(header) = inbox.take(&mut payload).expect("a frame") {
                return Some((header, payload));
            }
            if inbox.sleeps() {
                let received = frame::receive(link, &mut buffer, RecvFlags::empty());
                inbox.wakes();
                match received {
                    Ok(Some((header, _))) if header.kind == Kind::Work => {}
                    Ok(frame) => return frame.map(|(h, p)| (h, p.to_vec())),
                    Err(_broken) => return None,
                }
            }
        }
    }

    /// An inbox, its worker's end, and the worker's end of its link.
    fn inbox() -> (Inbox, Taking, OwnedFd) {
        let (ours, link) = frame::pair().expect("a socket pair");
        let (inbox, theirs) =
            Inbox::new(Arc::new(Link::new(ours).expect("a link"))).expect("memory");
        (inbox, Taking::open(theirs).expect("an inbox"), link)
    }

    #[tokio::test]
    async fn what_nobody_takes_is_noticed() {
        let (mut inbox, theirs, _link) = inbox();
        for id in [1, 2] {
            inbox.post(Kind::Request, id, b"head").expect("room");
        }
        let take = || theirs.take(&mut Vec::new()).expect("a frame").map(|header| header.id);
        assert!(!inbox.is_forgotten());
        assert!(inbox.is_forgotten());
        assert_eq!(take(), Some(1));
        assert!(!inbox.is_forgotten(), "2 has only come to the front");
        assert_eq!(take(), Some(2));
        assert!(!inbox.is_forgotten());
        assert!(!inbox.is_forgotten());
    }

    #[tokio::test]
    async fn a_worker_that_breaks_its_inbox_is_noticed() {
        let (ours, _link) = frame::pair().expect("a socket pair");
        let link = Arc::new(Link::new(ours).expect("a link"));
        let (mut inbox, theirs) = Inbox::new(link).expect("memory");
        inbox.post(Kind::Request, 1, b"head").expect("room");
        // What it has taken so far stands at the beginning.
        rustix::io::pwrite(&theirs, &99_u64.to_le_bytes(), 0).expect("memory");
        assert!(inbox.is_forgotten() && inbox.is_forgotten());
        assert!(!inbox.fits(0) && inbox.post(Kind::Request, 2, b"").is_err());
    }

    #[tokio::test]
    async fn only_a_worker_that_sleeps_is_woken() {
        let (mut inbox, theirs, link) = inbox();
        let mut buffer = vec![0; FRAME_MAX];
        let mut said = || match frame::receive(&link, &mut buffer, RecvFlags::DONTWAIT) {
            Ok(frame) => frame.map(|(header, _)| header.kind),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
            Err(e) => panic!("{e}"),
        };
        inbox.post(Kind::Request, 1, b"").expect("room");
        assert_eq!(said(), None);
        assert!(!theirs.sleeps(), "something is there");
        assert_eq!(inbox.take_all_back(), [1]);
        assert!(theirs.sleeps());
        inbox.post(Kind::Request, 2, b"").expect("room");
        inbox.post(Kind::Request, 3, b"").expect("room");
        assert_eq!((said(), said()), (Some(Kind::Work), None));
    }

    #[tokio::test]
    async fn a_request_of_more_than_one_frame_is_refused() {
        let (mut inbox, _theirs, _link) = inbox();
        inbox.post(Kind::Task, 1, &vec![0; PAYLOAD_MAX]).expect("room");
        assert!(inbox.post(Kind::Task, 2, &vec![0; PAYLOAD_MAX + 1]).is_err());
        assert_eq!(inbox.take_all_back(), [1]);
    }
}
