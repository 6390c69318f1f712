//! A worker on loan to a request.

use super::super::floor::Worker;
use super::{Outgoing, Pool};
use crate::dispatch::Seat;
use php_wire::frame::Kind;
use std::sync::Arc;

/// A worker that serves a request, until it is given back. One that is dropped instead takes
/// no more requests.
#[derive(Debug)]
pub(in super::super) struct Loan {
    /// The worker.
    pub worker: Arc<Worker>,
    /// Its pool.
    pub pool: Arc<Pool>,
    /// Its seat, until it is given back.
    seat: Option<Seat>,
}

/// How a request came to its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Way {
    /// As a frame in its inbox.
    Inbox,
    /// As a message over its link.
    Link,
}

impl Loan {
    pub(super) const fn new(pool: Arc<Pool>, worker: Arc<Worker>, seat: Seat) -> Self {
        Self { worker, pool, seat: Some(seat) }
    }

    /// Whether it was not given back.
    pub(in super::super) const fn is_held(&self) -> bool {
        self.seat.is_some()
    }

    /// Sends the worker its request, by its inbox or, where that cannot be, by its link.
    ///
    /// # Errors
    /// The worker, when it is gone; by its inbox that is only seen when it is read from.
    pub(in super::super) fn send(
        self,
        request: Outgoing<'_>,
        payload: &[u8],
    ) -> Result<(Self, Way), Arc<Worker>> {
        if self.worker.post_request(request.id, payload) {
            return Ok((self, Way::Inbox));
        }
        // Nothing is sent behind this, since it would arrive first.
        match self.worker.link.post(Kind::Request, 0, request.id, [payload, b""]) {
            Ok(()) => Ok((self, Way::Link)),
            Err(_gone) => Err(Arc::clone(&self.worker)),
        }
    }

    /// The worker has finished its request, which took it so many microseconds, or never got
    /// one.
    pub(in super::super) fn give_back(&mut self, took: Option<u16>) {
        if let Some(seat) = self.seat.take() {
            self.pool.next(&self.worker, seat, took);
        }
    }

    /// The worker takes no more requests. Whether it had not begun with the request `id`.
    pub(in super::super) fn end(&mut self, id: u64) -> bool {
        self.seat.take().is_some_and(|seat| self.pool.vacate(&self.worker, seat, Some(id)))
    }

    /// The same loan for somebody else.
    pub(in super::super) fn hand_on(&mut self) -> Self {
        let (worker, pool) = (Arc::clone(&self.worker), Arc::clone(&self.pool));
        Self { worker, pool, seat: self.seat.take() }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            self.pool.vacate(&self.worker, seat, None);
        }
    }
}
