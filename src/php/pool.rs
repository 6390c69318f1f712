//! A pool: workers with one configuration, and the door through which requests come.

use super::Client;
use super::dispatch::{Dispatch, Refused, Ticket};
use super::floor::{Event, Floor, Worker};
use super::serve::{self, ServeError, Served};
use parking_lot::Mutex;
use php_wire::frame::Kind;
use php_wire::request::Head;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How long a request waits before another worker is asked for, where there may be more.
const PRESSURE: Duration = Duration::from_millis(5);

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
    dispatch: Mutex<Dispatch<Arc<Worker>, oneshot::Sender<Arc<Worker>>>>,
}

impl Pool {
    /// A pool without workers.
    pub(super) fn new(
        name: String,
        index: usize,
        max_wait: Option<Duration>,
        grows: bool,
        floor: Arc<Floor>,
    ) -> Arc<Self> {
        let dispatch = Mutex::new(Dispatch::new());
        Arc::new(Self { name, index, max_wait, grows, floor, dispatch })
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

    /// A worker for one request; waits for one in turn, and not longer than to `until`, which
    /// is set when a request begins to wait.
    pub(super) async fn take(
        self: &Arc<Self>,
        until: &mut Option<Instant>,
    ) -> Result<Arc<Worker>, ServeError> {
        let mut place = {
            let mut dispatch = self.dispatch.lock();
            if let Some(worker) = dispatch.take() {
                return Ok(worker);
            }
            let (sender, handed) = oneshot::channel();
            match dispatch.wait(sender) {
                Ok(ticket) => Place { pool: self, ticket, handed },
                Err(Refused::Full) => return Err(ServeError::QueueFull),
                Err(Refused::Closing) => return Err(ServeError::Closing),
            }
        };
        let since = Instant::now();
        if self.grows {
            if let Ok(handed) = timeout_at(since + PRESSURE, &mut place.handed).await {
                return handed.map_err(|_closed| ServeError::Closing);
            }
            self.floor.roster.tell(Event::Pressed(self.index));
        }
        if until.is_none() {
            *until = self.max_wait.map(|max| since + max);
        }
        let handed = match *until {
            None => (&mut place.handed).await,
            Some(until) => match timeout_at(until, &mut place.handed).await {
                Ok(handed) => handed,
                Err(_elapsed) => return Err(ServeError::Busy),
            },
        };
        handed.map_err(|_closed| ServeError::Closing)
    }

    /// A worker is idle: it goes to who waits longest, or rests.
    pub(super) fn put(&self, mut worker: Arc<Worker>) {
        loop {
            let mut dispatch = self.dispatch.lock();
            if !dispatch.is_open() {
                drop(dispatch);
                // One that is gone already needs no telling.
                let _ = worker.link.post(Kind::Drain, 0, 0, [b"", b""]);
                return;
            }
            let Some((request, idle)) = dispatch.idle(worker) else { return };
            drop(dispatch);
            let Err(refused) = request.send(idle) else { return };
            worker = refused;
        }
    }

    /// Takes a worker out that ended while it was idle.
    pub(super) fn remove(&self, serial: u32) {
        self.dispatch.lock().remove(|worker| worker.serial == serial);
    }

    /// Tells the worker that has rested longest to end, if one rests.
    pub(super) fn dismiss_one(&self) -> Option<u32> {
        let worker = self.dispatch.lock().coldest()?;
        let _ = worker.link.post(Kind::Drain, 0, 0, [b"", b""]);
        Some(worker.serial)
    }

    /// The numbers of the workers that rest.
    pub(super) fn idle_serials(&self) -> Vec<u32> {
        self.dispatch.lock().resting().map(|worker| worker.serial).collect()
    }

    /// How many workers rest.
    pub(super) fn idle_count(&self) -> usize {
        self.dispatch.lock().idle_count()
    }

    /// Whether requests wait.
    pub(super) fn is_pressed(&self) -> bool {
        self.dispatch.lock().waiting_count() > 0
    }

    /// Takes no more requests; workers end when they have done what they do.
    pub(super) fn close(&self) {
        let (waiting, idle) = self.dispatch.lock().close();
        // Those who wait see their sender gone.
        drop(waiting);
        for worker in idle {
            let _ = worker.link.post(Kind::Drain, 0, 0, [b"", b""]);
        }
    }
}

/// The place of a request in the queue; whoever drops it leaves the queue.
struct Place<'p> {
    pool: &'p Arc<Pool>,
    ticket: Ticket,
    handed: oneshot::Receiver<Arc<Worker>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.handed.is_terminated() {
            return;
        }
        self.pool.dispatch.lock().leave(self.ticket);
        // A worker may have been handed over in this very moment; others may have it.
        self.handed.close();
        if let Ok(worker) = self.handed.try_recv() {
            self.pool.put(worker);
        }
    }
}
