//! Decides which idle worker takes a request, and which request a worker that becomes idle.
//!
//! Nothing here waits, sends or reads a clock. The worker that became idle last goes
//! first, because its caches are warm; requests wait in order, and no more than
//! [`WAITING_MAX`] of them.

use std::collections::VecDeque;

/// How many requests may wait for a worker of one pool.
pub(crate) const WAITING_MAX: usize = 16_384;

/// The idle workers `W` of a pool, and the waiting requests `R`. One of the two is empty.
#[derive(Debug)]
pub(crate) struct Dispatch<W, R> {
    idle: Vec<W>,
    waiting: VecDeque<(Ticket, R)>,
    last: u64,
    open: bool,
}

/// The place of a request in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// Why a request may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many wait.
    Full,
    /// The pool is closing.
    Closing,
}

impl<W, R> Dispatch<W, R> {
    /// A pool without workers.
    pub(crate) const fn new() -> Self {
        Self { idle: Vec::new(), waiting: VecDeque::new(), last: 0, open: true }
    }

    /// The worker for a new request, if one is idle.
    pub(crate) fn take(&mut self) -> Option<W> {
        self.idle.pop()
    }

    /// Lets a request wait.
    pub(crate) fn wait(&mut self, request: R) -> Result<Ticket, Refused> {
        if !self.open {
            return Err(Refused::Closing);
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(Refused::Full);
        }
        self.last += 1;
        let ticket = Ticket(self.last);
        self.waiting.push_back((ticket, request));
        Ok(ticket)
    }

    /// A request no longer waits.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        if let Ok(at) = self.waiting.binary_search_by_key(&ticket, |(t, _)| *t) {
            self.waiting.remove(at);
        }
    }

    /// A worker is idle: the request that gets it, or nobody waits and it rests.
    pub(crate) fn idle(&mut self, worker: W) -> Option<(R, W)> {
        if let Some((_, request)) = self.waiting.pop_front() {
            return Some((request, worker));
        }
        self.idle.push(worker);
        None
    }

    /// Takes the idle worker out that `is` it.
    pub(crate) fn remove(&mut self, is: impl Fn(&W) -> bool) -> Option<W> {
        let at = self.idle.iter().position(is)?;
        Some(self.idle.remove(at))
    }

    /// Takes out the idle worker that was used longest ago.
    pub(crate) fn coldest(&mut self) -> Option<W> {
        (!self.idle.is_empty()).then(|| self.idle.remove(0))
    }

    /// The idle workers.
    pub(crate) fn resting(&self) -> impl Iterator<Item = &W> {
        self.idle.iter()
    }

    /// How many workers are idle.
    pub(crate) fn idle_count(&self) -> usize {
        self.idle.len()
    }

    /// How many requests wait.
    pub(crate) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// Lets no more requests wait; those that do are returned, and the idle workers.
    pub(crate) fn close(&mut self) -> (Vec<R>, Vec<W>) {
        self.open = false;
        let waiting = self.waiting.drain(..).map(|(_, request)| request).collect();
        (waiting, std::mem::take(&mut self.idle))
    }

    /// Whether [`Self::close`] was not called yet.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_that_was_idle_last_goes_first() {
        let mut d: Dispatch<u32, &str> = Dispatch::new();
        assert_eq!(d.take(), None);
        for worker in [1, 2, 3] {
            assert_eq!(d.idle(worker), None);
        }
        assert_eq!((d.take(), d.coldest(), d.take(), d.take()), (Some(3), Some(1), Some(2), None));
    }

    #[test]
    fn requests_get_workers_in_the_order_in_which_they_came() {
        let mut d = Dispatch::new();
        let first = d.wait("a").expect("room");
        for request in ["b", "c"] {
            d.wait(request).expect("room");
        }
        d.leave(first);
        assert_eq!(d.idle(1), Some(("b", 1)));
        d.leave(first);
        assert_eq!(d.idle(2), Some(("c", 2)));
        assert_eq!((d.idle(3), d.idle_count(), d.waiting_count()), (None, 1, 0));
    }

    #[test]
    fn a_worker_that_died_idle_is_taken_out() {
        let mut d: Dispatch<u32, &str> = Dispatch::new();
        for worker in [1, 2, 3] {
            d.idle(worker);
        }
        assert_eq!(d.remove(|w| *w == 2), Some(2));
        assert_eq!(d.remove(|w| *w == 2), None);
        assert_eq!((d.take(), d.take()), (Some(3), Some(1)));
    }

    #[test]
    fn the_queue_is_bounded_and_closes() {
        let mut d: Dispatch<u32, usize> = Dispatch::new();
        for n in 0..WAITING_MAX {
            d.wait(n).expect("room");
        }
        assert_eq!(d.wait(0), Err(Refused::Full));
        let (waiting, idle) = d.close();
        assert_eq!((waiting.len(), idle.len(), d.is_open()), (WAITING_MAX, 0, false));
        assert_eq!(d.wait(0), Err(Refused::Closing));
    }
}
