//! A pool: workers with one configuration, and the door through which requests come.

mod loan;
mod place;

use super::Client;
use super::floor::{Event, Floor, Worker};
use super::serve::finish;
use super::serve::{self, ServeError, Served};
use crate::dispatch::{
    AHEAD_BYTES, Dispatch, LOOK_EVERY, LOOKS_IN_VAIN, Next, Refused, Seat, Ticket,
};
pub(super) use loan::{Loan, Way};
use parking_lot::Mutex;
use php_wire::frame::Kind;
use php_wire::request::Head;
use place::Stander;
pub(super) use place::{Handed, Place};
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a request waits before another worker is asked for, where there may be more.
const PRESSURE: Duration = Duration::from_millis(5);

/// How many requests may wait for a worker of one pool.
const WAITING_MAX: usize = 16_384;

/// Workers with one configuration.
#[derive(Debug)]
pub struct Pool {
    name: String,
    /// Its number with the supervisor.
    index: usize,
    max_wait: Option<Duration>,
    /// Whether it may have more workers under load.
    grows: bool,
    pub(super) floor: Arc<Floor>,
    hall: Mutex<Hall>,
}

/// Who waits for whom.
#[derive(Debug)]
struct Hall {
    dispatch: Dispatch<Arc<Worker>, Stander>,
    /// Whether somebody looks for those who are stuck.
    is_watched: bool,
}

/// A request on its way to a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing<'h> {
    /// Its id.
    pub id: u64,
    /// Its URI, for the log.
    pub uri: &'h [u8],
}

/// What became of a request at the door.
pub(super) enum Admitted<'p> {
    /// There is a worker for it, which it is to be sent to.
    Worker(Loan),
    /// It was sent ahead, or waits.
    Place(Place<'p>),
}

impl Pool {
    /// A pool without workers, on a machine with so many processors.
    pub(super) fn new(
        name: String,
        index: usize,
        max_wait: Option<Duration>,
        grows: bool,
        processors: usize,
        floor: Arc<Floor>,
    ) -> Arc<Self> {
        let hall = Mutex::new(Hall {
            dispatch: Dispatch::new(WAITING_MAX, processors),
            is_watched: false,
        });
        Arc::new(Self { name, index, max_wait, grows, floor, hall })
    }

    /// Its name in logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Serves a request: waits for a worker, hands it the request, feeds it the body and
    /// passes its answer to `client`. Returns when the client has its answer, or an error
    /// after a part of it or nothing.
    ///
    /// May be dropped at any point: a request that waits leaves the queue, a worker that
    /// serves one is told that the client is gone, and finishes in its own time.
    ///
    /// # Errors
    /// See [`ServeError`].
    pub fn serve<C: Client>(
        self: &Arc<Self>,
        head: &Head<'_>,
        client: &mut C,
    ) -> impl Future<Output = Result<Served, ServeError>> + Send {
        serve::serve(self, head, client)
    }

    /// Sends a request ahead, or finds it a worker, or lets it wait for one. `before` is the
    /// ticket that it had, if it was sent ahead and comes back; it is not sent ahead again.
    pub(super) fn admit<'p>(
        self: &'p Arc<Self>,
        request: Outgoing<'p>,
        payload: &[u8],
        before: Option<Ticket>,
    ) -> Result<Admitted<'p>, ServeError> {
        let may_go_ahead = before.is_none() && payload.len() <= AHEAD_BYTES;
        let mut hall = self.hall.lock();
        if may_go_ahead
            && let Some((worker, seat)) = hall.dispatch.ahead(|w| takes(w, payload.len()))
            && let Some(mut inbox) = worker.try_inbox()
            && inbox.fits(payload.len())
        {
            let (stander, handed) = place::stander(request.id);
            let ticket = hall.dispatch.ticket();
            let is_first = hall.dispatch.stand(seat, ticket, stander);
            let is_watched = !is_first || std::mem::replace(&mut hall.is_watched, true);
            // Others may go on; only who sends to the same worker may not, so that they come
            // to it in the order in which they stand.
            drop(hall);
            worker.link.has_more(true);
            let sent = inbox.post(Kind::Request, request.id, payload);
            debug_assert!(sent.is_ok(), "there was room, and only we send");
            drop(inbox);
            if !is_watched {
                tokio::spawn(watch(Arc::downgrade(self)));
            }
            return Ok(Admitted::Place(Place::ahead(self, request, ticket, seat, handed)));
        }
        if let Some((worker, seat)) = hall.dispatch.take() {
            return Ok(Admitted::Worker(Loan::new(Arc::clone(self), worker, seat)));
        }
        let (stander, handed) = place::stander(request.id);
        match hall.dispatch.wait(before, stander) {
            Ok(ticket) => Ok(Admitted::Place(Place::waiting(self, request, ticket, handed))),
            Err(Refused::Full) => Err(ServeError::QueueFull),
            Err(Refused::Closing) => Err(ServeError::Closing),
        }
    }

    /// Waits in a place until there is a worker, and not longer than to `until`, which is
    /// set when a request begins to wait.
    pub(super) async fn wait(
        &self,
        place: &mut Place<'_>,
        until: &mut Option<Instant>,
    ) -> Result<Handed, ServeError> {
        let since = Instant::now();
        if place.is_ahead() {
            // Most often its turn comes, or it is called back, within moments.
            return match self.max_wait {
                None => place.handed().await,
                Some(max) => {
                    timeout_at(since + max, place.handed()).await.unwrap_or(Err(ServeError::Busy))
                }
            };
        }
        if self.grows {
            if let Ok(handed) = timeout_at(since + PRESSURE, place.handed()).await {
                return handed;
            }
            self.floor.roster.tell(Event::Pressed(self.index));
        }
        if until.is_none() {
            *until = self.max_wait.map(|max| since + max);
        }
        match *until {
            None => place.handed().await,
            Some(until) => match timeout_at(until, place.handed()).await {
                Ok(handed) => handed,
                Err(_elapsed) => Err(ServeError::Busy),
            },
        }
    }

    /// A new worker is idle: it goes to who waits longest, or rests.
    pub(super) fn put(self: &Arc<Self>, worker: Arc<Worker>) {
        let mut hall = self.hall.lock();
        if !hall.dispatch.is_open() {
            drop(hall);
            return dismiss(&worker);
        }
        let next = hall.dispatch.idle(Arc::clone(&worker));
        drop(hall);
        if let Some((stander, seat)) = next {
            stander.hand(Handed::Worker(Loan::new(Arc::clone(self), worker, seat)));
        }
    }

    /// The worker at a seat has finished its request, or never got one: it goes on with the
    /// next, or rests.
    fn next(self: &Arc<Self>, worker: &Arc<Worker>, seat: Seat, took: Option<u16>) {
        let loan = || Loan::new(Arc::clone(self), Arc::clone(worker), seat);
        let mut hall = self.hall.lock();
        let next = hall.dispatch.next(seat, took);
        match &next {
            Next::Ahead(_, count) => worker.link.has_more(*count > 0),
            Next::Waiting(_) | Next::Rest => worker.close_inbox(),
        }
        let is_open = hall.dispatch.is_open();
        drop(hall);
        match next {
            Next::Ahead(Stander::Left(left), _) => finish::spawn(loan(), left, true),
            Next::Ahead(stander, _) => stander.hand(Handed::Begun(loan())),
            Next::Waiting(stander) => stander.hand(Handed::Worker(loan())),
            Next::Rest if is_open => {}
            Next::Rest => dismiss(worker),
        }
    }

    /// The worker at a seat takes no more requests. Those that were sent ahead to it look for
    /// another. Whether it had not begun with the request `id`.
    fn vacate(&self, worker: &Worker, seat: Seat, id: Option<u64>) -> bool {
        let mut hall = self.hall.lock();
        worker.close_inbox();
        let taken = worker.lock_inbox().take_all_back();
        let standers = hall.dispatch.vacate(seat);
        drop(hall);
        for stander in standers {
            let is_back = taken.contains(&stander.id());
            stander.hand(if is_back { Handed::Back } else { Handed::Lost });
        }
        id.is_some_and(|id| taken.contains(&id))
    }

    /// A look for requests that were sent ahead and stand too long. Whether any stood.
    fn look(&self) -> bool {
        let mut hall = self.hall.lock();
        let stood = hall.dispatch.standing_count() > 0;
        let mut back = Vec::new();
        for seat in hall.dispatch.stuck() {
            hall.call_back(seat, &mut back);
        }
        drop(hall);
        back.into_iter().for_each(|stander| stander.hand(Handed::Back));
        stood
    }

    /// Takes a worker out that ended while it was idle.
    pub(super) fn remove(&self, serial: u32) {
        self.hall.lock().dispatch.remove(|worker| worker.serial == serial);
    }

    /// Tells the worker that has rested longest to end, if one rests.
    pub(super) fn dismiss_one(&self) -> Option<u32> {
        let worker = self.hall.lock().dispatch.coldest()?;
        dismiss(&worker);
        Some(worker.serial)
    }

    /// The numbers of the workers that rest.
    pub(super) fn idle_serials(&self) -> Vec<u32> {
        self.hall.lock().dispatch.resting().map(|worker| worker.serial).collect()
    }

    /// How many workers rest.
    pub(super) fn idle_count(&self) -> usize {
        self.hall.lock().dispatch.idle_count()
    }

    /// Whether requests wait.
    pub(super) fn is_pressed(&self) -> bool {
        self.hall.lock().dispatch.waiting_count() > 0
    }

    /// How many requests were sent ahead and stand.
    #[cfg(test)]
    pub(super) fn standing_count(&self) -> usize {
        self.hall.lock().dispatch.standing_count()
    }

    /// Takes no more requests; workers end when they have done what they do.
    pub(super) fn close(&self) {
        let (waiting, idle) = self.hall.lock().dispatch.close();
        // Those who wait see their sender gone.
        drop(waiting);
        for worker in idle {
            dismiss(&worker);
        }
    }
}

impl Hall {
    /// Calls those back who stand behind a seat, as far as its worker has not begun with
    /// them. When it has not even begun with the one before them, it is not that which takes
    /// long, and taking that out and putting it back could change their order.
    fn call_back(&mut self, seat: Seat, back: &mut Vec<Stander>) {
        let Some(worker) = self.dispatch.worker(seat).map(Arc::clone) else { return };
        let mut inbox = worker.lock_inbox();
        let Some(front) = inbox.front() else { return };
        if self.dispatch.stands(seat, |stander| stander.id() == front) {
            let taken = inbox.take_all_back();
            back.extend(self.dispatch.call_back(seat, |one| taken.contains(&one.id())));
        }
    }
}

/// The worker, if another request of this length may be sent behind the one that it has.
fn takes(worker: &Arc<Worker>, len: usize) -> Option<Arc<Worker>> {
    let takes = worker.try_inbox().is_some_and(|mut inbox| inbox.is_open && inbox.fits(len));
    takes.then(|| Arc::clone(worker))
}

/// Tells a worker to end.
fn dismiss(worker: &Arc<Worker>) {
    // One that is gone already needs no telling.
    let _ = worker.link.post(Kind::Drain, 0, 0, [b"", b""]);
}

/// Looks for requests that were sent ahead to a worker that is stuck, as long as any are
/// sent ahead.
async fn watch(pool: Weak<Pool>) {
    let mut in_vain = 0;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(pool) = pool.upgrade() else { return };
        in_vain = if pool.look() { 0 } else { in_vain + 1 };
        if in_vain >= LOOKS_IN_VAIN {
            let mut hall = pool.hall.lock();
            if hall.dispatch.standing_count() == 0 {
                hall.is_watched = false;
                return;
            }
        }
    }
}
