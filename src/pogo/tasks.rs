//! The hands of the broker: its lock, its clock, and what is done with its decisions.

use super::broker::{Action, Broker, NotYours, PoolConfig, Runner, TaskId, WorkerId};
use bytes::Bytes;
use parking_lot::Mutex;
use php_wire::codec::Writer;
use php_wire::task::{Outcome, PoolTable};
use std::sync::{Arc, Weak};
use std::time::Instant;
use tokio::sync::Notify;

/// What tasks need done to workers. None of this waits.
pub(crate) trait Hands: Send + Sync {
    /// Gives the spawner of a task its outcome.
    fn answer(&self, spawner: WorkerId, task: TaskId, outcome: Outcome<'_>);
    /// Asks a worker to stop a task.
    fn stop(&self, worker: WorkerId, task: TaskId);
    /// Kills a worker.
    fn kill(&self, worker: WorkerId);
}

/// All task pools, shared by whoever reads from workers.
pub(crate) struct Tasks {
    broker: Mutex<Broker>,
    hands: Arc<dyn Hands>,
    sooner: Notify,
    names: Vec<(String, u32)>,
}

impl Tasks {
    /// Task pools without workers. Their deadlines are kept by a task that ends with them.
    pub(crate) fn new(
        pools: Vec<PoolConfig>,
        processors: usize,
        hands: Arc<dyn Hands>,
    ) -> Arc<Self> {
        let names = pools.iter().map(|p| (p.name.clone(), p.size)).collect();
        let broker = Mutex::new(Broker::new(pools, processors));
        let tasks = Arc::new(Self { broker, hands, sooner: Notify::new(), names });
        tokio::spawn(keep_time(Arc::downgrade(&tasks)));
        tasks
    }

    /// The payload of `POOLS`.
    pub(crate) fn table(&self, closing: bool) -> Vec<u8> {
        let pools = self.names.iter().map(|(name, size)| (name.as_bytes(), *size)).collect();
        let mut w = Writer::default();
        PoolTable { closing, pools }.encode(&mut w);
        w.0
    }

    /// A worker spawned a task.
    pub(crate) fn spawn(&self, spawner: WorkerId, task: TaskId, pool: u16, message: &[u8]) {
        let message = Bytes::copy_from_slice(message);
        let (action, sooner) =
            self.broker.lock().spawn(spawner, task, pool, message, Instant::now());
        if sooner {
            self.sooner.notify_one();
        }
        self.carry_out(action);
    }

    /// A worker blocks on a task.
    pub(crate) fn awaits(&self, worker: WorkerId, task: TaskId) {
        let actions = self.broker.lock().awaits(worker, task, Instant::now());
        self.carry_out(actions);
    }

    /// A worker gave up on a task.
    pub(crate) fn forget(&self, worker: WorkerId, task: TaskId) {
        let actions = self.broker.lock().forget(worker, task, Instant::now());
        self.after_cancel(actions);
    }

    /// A request ended, or the worker that served it.
    pub(crate) fn request_ended(&self, worker: WorkerId) {
        let actions = self.broker.lock().request_ended(worker, Instant::now());
        self.after_cancel(actions);
    }

    /// A task ended with this outcome, which goes to its spawner as it is, after so many
    /// microseconds.
    pub(crate) fn done(
        &self,
        worker: WorkerId,
        task: TaskId,
        took: u16,
        outcome: Outcome<'_>,
    ) -> Result<(), NotYours> {
        let spawner = self.broker.lock().done(worker, task, took)?;
        if let Some(spawner) = spawner {
            self.hands.answer(spawner, task, outcome);
        }
        // The task was a request too: whatever it spawned and did not await ends with it.
        self.request_ended(worker);
        Ok(())
    }

    /// A worker of a pool waits for a task. Whether it goes on with one that it has already.
    pub(crate) fn idle(
        &self,
        worker: WorkerId,
        runner: &Arc<impl Runner + 'static>,
        pool: u16,
    ) -> Result<bool, NotYours> {
        let now = Instant::now();
        let (action, goes_on) = self.broker.lock().idle(worker, runner, pool, now)?;
        self.after_cancel(action);
        Ok(goes_on)
    }

    /// A worker of a pool is about to end, or has ended and it is not known yet how.
    pub(crate) fn leaves(&self, worker: WorkerId) {
        let actions = self.broker.lock().leaves(worker);
        // What it had not taken may wait again.
        self.sooner.notify_one();
        self.carry_out(actions);
    }

    /// A worker of a pool ended.
    pub(crate) fn gone(&self, worker: WorkerId, signal: Option<i32>) {
        let actions = self.broker.lock().gone(worker, signal);
        self.sooner.notify_one();
        self.carry_out(actions);
        self.request_ended(worker);
    }

    /// Takes no more tasks.
    pub(crate) fn close(&self) {
        let actions = self.broker.lock().close();
        self.carry_out(actions);
    }

    /// Carries out what a cancellation needs; its kill has a deadline.
    fn after_cancel(&self, actions: impl IntoIterator<Item = Action>) {
        let mut actions = actions.into_iter().peekable();
        if actions.peek().is_some() {
            self.sooner.notify_one();
            self.carry_out(actions);
        }
    }

    fn carry_out(&self, actions: impl IntoIterator<Item = Action>) {
        for action in actions {
            match action {
                Action::Fail { spawner, task, error } => {
                    self.hands.answer(spawner, task, Outcome::Error(error.as_bytes()));
                }
                Action::Stop { worker, task } => self.hands.stop(worker, task),
                Action::Kill { worker } => self.hands.kill(worker),
            }
        }
    }
}

/// Tells the broker the time at each deadline.
async fn keep_time(tasks: Weak<Tasks>) {
    // Long enough to cost nothing, short enough to notice that the pools are gone.
    const LOOK: std::time::Duration = std::time::Duration::from_secs(5);
    while let Some(tasks) = tasks.upgrade() {
        let now = Instant::now();
        let (actions, next) = {
            let mut broker = tasks.broker.lock();
            (broker.tick(now), broker.next_deadline())
        };
        tasks.carry_out(actions);
        let until = next.map_or(now + LOOK, |next| next.min(now + LOOK));
        let sooner = tasks.sooner.notified();
        // An error is the deadline; either way the broker is asked again.
        let _ = tokio::time::timeout_at(until.into(), sooner).await;
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks").field("names", &self.names).finish_non_exhaustive()
    }
}
