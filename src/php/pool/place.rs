//! The place of a request that has no worker yet, and its other side: what the pool knows of
//! who stands there.

use super::super::serve::ServeError;
use super::super::serve::finish::{self, Left};
use super::{Loan, Outgoing, Pool};
use crate::dispatch::{Seat, Ticket};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A request that stands in a place.
#[derive(Debug)]
pub(super) enum Stander {
    /// Its task waits.
    Waits {
        /// Its id.
        id: u64,
        /// Where it hears what becomes of it.
        handed: oneshot::Sender<Handed>,
    },
    /// It was sent ahead, and its client left.
    Left(Left),
}

/// What becomes of a request in its place.
#[derive(Debug)]
pub(in super::super) enum Handed {
    /// It has a worker, which it is to be sent to.
    Worker(Loan),
    /// It has a worker, which has it already.
    Begun(Loan),
    /// It was sent ahead and was called back.
    Back,
    /// It was sent ahead to a worker that broke the rules while it had it.
    Lost,
}

/// The place of a request; whoever drops it leaves it.
#[derive(Debug)]
pub(in super::super) struct Place<'p> {
    pool: &'p Arc<Pool>,
    request: Outgoing<'p>,
    /// Its place among all who wait.
    pub ticket: Ticket,
    /// Behind which worker it stands, in whose inbox it lies, if it is not waiting.
    behind: Option<Seat>,
    handed: oneshot::Receiver<Handed>,
}

/// Both sides of a place.
pub(super) fn stander(id: u64) -> (Stander, oneshot::Receiver<Handed>) {
    let (sender, receiver) = oneshot::channel();
    (Stander::Waits { id, handed: sender }, receiver)
}

impl Stander {
    /// The request's id.
    pub(super) const fn id(&self) -> u64 {
        match self {
            Self::Waits { id, .. } => *id,
            Self::Left(left) => left.id,
        }
    }

    /// Tells it what becomes of it. One that leaves its place in this very moment gives the
    /// worker back.
    pub(super) fn hand(self, what: Handed) {
        let Self::Waits { id, handed } = self else { return };
        if let Err(refused) = handed.send(what) {
            refused.give_back(Left { id, uri: Vec::new(), spawned: false, done: None });
        }
    }
}

impl Handed {
    /// Nobody takes this any more.
    fn give_back(self, left: Left) {
        match self {
            Self::Worker(mut loan) => loan.give_back(None),
            Self::Begun(loan) => finish::spawn(loan, left, true),
            Self::Back | Self::Lost => {}
        }
    }
}

impl<'p> Place<'p> {
    /// The place of a request that waits.
    pub(super) const fn waiting(
        pool: &'p Arc<Pool>,
        request: Outgoing<'p>,
        ticket: Ticket,
        handed: oneshot::Receiver<Handed>,
    ) -> Self {
        Self { pool, request, ticket, behind: None, handed }
    }

    /// The place of a request that was sent ahead.
    pub(super) const fn ahead(
        pool: &'p Arc<Pool>,
        request: Outgoing<'p>,
        ticket: Ticket,
        behind: Seat,
        handed: oneshot::Receiver<Handed>,
    ) -> Self {
        Self { pool, request, ticket, behind: Some(behind), handed }
    }

    /// Whether the request was sent ahead.
    pub(super) const fn is_ahead(&self) -> bool {
        self.behind.is_some()
    }

    /// Waits for what becomes of the request.
    pub(super) async fn handed(&mut self) -> Result<Handed, ServeError> {
        (&mut self.handed).await.map_err(|_closed| ServeError::Closing)
    }

    /// Leaves the place, if the request still stands there.
    fn leave(&self) {
        let mut hall = self.pool.hall.lock();
        let Some(seat) = self.behind else {
            hall.dispatch.leave(self.ticket);
            return;
        };
        let mut back = Vec::new();
        hall.call_back(seat, &mut back);
        if let Some(stander) = hall.dispatch.standing(seat, self.ticket) {
            // The worker has begun with it, or is about to.
            *stander = Stander::Left(self.left());
        }
        drop(hall);
        // Those who stood there too look for another worker.
        let others = back.into_iter().filter(|stander| stander.id() != self.request.id);
        others.for_each(|stander| stander.hand(Handed::Back));
    }

    /// What is known of the request when its client has left.
    fn left(&self) -> Left {
        Left { id: self.request.id, uri: self.request.uri.to_vec(), spawned: false, done: None }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.handed.is_terminated() {
            return;
        }
        self.leave();
        // A worker may have been handed over before that; others may have it.
        self.handed.close();
        if let Ok(handed) = self.handed.try_recv() {
            handed.give_back(self.left());
        }
    }
}
