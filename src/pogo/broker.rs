//! Decides which worker runs which task, who is answered what, and who is stopped.
//!
//! Nothing here waits, kills or reads a clock: events and the time go in, [`Action`]s come
//! out. Only a worker's inbox is reached for at once, through its [`Runner`], so that what
//! lies there is what is decided. Workers are known by their serials, tasks by the ids that
//! the spawning workers gave them. A task belongs to the request of the worker that spawned
//! it and dies with that request.
//!
//! **Sent ahead.** Where a pool's tasks last microseconds, a task may be sent to a worker that
//! still has others, as `dispatch` decides. Whatever its worker has not taken can be called
//! back, and is: from a worker that waits for a task, is stopped or ends, whose task takes
//! longer than thought, that is not back in its loop although it said so, or when nobody
//! wants the task any more.
//!
//! **Waiting in circles.** A worker that runs a task may wait for another task. When
//! that one is queued in a pool whose every worker waits, directly or through other
//! pools, for tasks that are queued behind such workers, no time will help; the task is
//! refused with an error that says so. `circle` finds that out.

mod ahead;
mod circle;
#[cfg(test)]
mod tests;

use super::quote::quoted;
use crate::config::duration::Duration as GoDuration;
use crate::dispatch::{Dispatch, LOOK_EVERY, LOOKS_IN_VAIN, Next, Refused, Seat, Ticket};
use bytes::Bytes;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many tasks may wait in one pool.
pub(crate) const QUEUE_MAX: usize = 65_536;
/// How many bytes their messages may have together.
pub(crate) const QUEUE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How long a worker may take to stop a cancelled task before it is killed.
pub(crate) const STOP_MAX: Duration = Duration::from_millis(600);
/// What the caller of a task is told whose worker ended or failed.
pub(crate) const WORKER_ERROR: &str = "Pogo worker returned an error";
/// What spawning is answered while the server ends.
pub(crate) const SHUTTING_DOWN: &str = "Pogo pool is shutting down";

/// A worker, by its serial.
pub(crate) type WorkerId = u32;
/// A task, by the id that its spawner gave it.
pub(crate) type TaskId = u64;

/// A task pool as configured.
#[derive(Clone, Debug)]
pub(crate) struct PoolConfig {
    /// Its name.
    pub name: String,
    /// How many workers it has when all are up.
    pub size: u32,
    /// How long a task may wait for one of them.
    pub max_wait: Duration,
}

/// A worker that runs tasks, and the inbox where they lie until it takes them.
pub(crate) trait Runner: fmt::Debug + Send + Sync {
    /// Gives it a task, when it has no other. Whether the task lies in its inbox, so that
    /// others may be sent behind it. A worker that is gone is reported to [`Broker::gone`].
    fn run(&self, task: TaskId, message: &[u8]) -> bool;
    /// Puts a task into its inbox, behind those that it has. `false` when there is no room.
    fn run_next(&self, task: TaskId, message: &[u8]) -> bool;
    /// The first in its inbox that it has not taken.
    fn front(&self) -> Option<TaskId>;
    /// Takes out of its inbox all that it has not taken, in order.
    fn take_back(&self) -> Vec<TaskId>;
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Tell the spawner of a task that it failed.
    Fail {
        /// Who spawned it.
        spawner: WorkerId,
        /// The task.
        task: TaskId,
        /// The text of the exception.
        error: String,
    },
    /// Ask a worker to stop this task.
    Stop {
        /// Which worker.
        worker: WorkerId,
        /// The task.
        task: TaskId,
    },
    /// End a worker that did not stop.
    Kill {
        /// Which worker.
        worker: WorkerId,
    },
}

/// All task pools.
#[derive(Debug)]
pub(crate) struct Broker {
    pools: Vec<Pool>,
    tasks: HashMap<TaskId, Task>,
    /// The tasks of each spawner that are not over.
    spawned: BTreeSet<(WorkerId, TaskId)>,
    /// The workers of all pools.
    members: HashMap<WorkerId, Member>,
    look: Option<Look>,
    closing: bool,
}

#[derive(Debug)]
struct Pool {
    config: PoolConfig,
    dispatch: Dispatch<WorkerId, TaskId>,
    /// How long the messages of the tasks that wait are together.
    queue_bytes: usize,
    members: u32,
}

#[derive(Debug)]
struct Task {
    spawner: WorkerId,
    pool: usize,
    ticket: Ticket,
    /// When it fails, if it has no worker by then.
    deadline: Instant,
    /// Empty once a worker has it for certain.
    message: Bytes,
    /// The worker that it was sent to: which runs it, or has it in its inbox.
    sent_to: Option<WorkerId>,
}

/// A worker of a pool.
#[derive(Debug)]
struct Member {
    pool: usize,
    runner: Arc<dyn Runner>,
    /// Its seat while it is at work.
    seat: Option<Seat>,
    /// What it runs or is about to take; it may have been cancelled.
    running: Option<TaskId>,
    /// Whether others may be sent behind that.
    is_open: bool,
    /// How often it was looked whether it has taken that.
    looks: u32,
    /// How many microseconds its last task took.
    took: Option<u16>,
    /// What it blocks on.
    awaits: Option<TaskId>,
    /// When it is killed, if it does not stop a cancelled task.
    kill_at: Option<Instant>,
    /// Whether it ends or is being killed: it gets nothing any more.
    doomed: bool,
}

/// When it is looked next for tasks that their workers do not take.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    /// How often there was none that could be one.
    in_vain: u32,
}

impl Broker {
    /// Pools without workers, on a machine with so many processors.
    pub(crate) fn new(pools: Vec<PoolConfig>, processors: usize) -> Self {
        let pools = pools.into_iter().map(|config| Pool {
            config,
            dispatch: Dispatch::new(QUEUE_MAX, processors),
            queue_bytes: 0,
            members: 0,
        });
        Self {
            pools: pools.collect(),
            tasks: HashMap::new(),
            spawned: BTreeSet::new(),
            members: HashMap::new(),
            look: None,
            closing: false,
        }
    }

    /// A worker spawns a task. `true` when [`Self::next_deadline`] may be sooner than it was.
    pub(crate) fn spawn(
        &mut self,
        spawner: WorkerId,
        id: TaskId,
        pool: u16,
        message: Bytes,
        now: Instant,
    ) -> (Option<Action>, bool) {
        let fail = |error| (Some(Action::Fail { spawner, task: id, error }), false);
        if self.closing {
            return fail(SHUTTING_DOWN.into());
        }
        let at = usize::from(pool);
        let Some(pool) = self.pools.get_mut(at) else {
            return fail("unknown Pogo pool".into());
        };
        if self.tasks.contains_key(&id) {
            return fail("Pogo task id is taken".into());
        }
        let ticket = pool.dispatch.ticket();
        let deadline = now + pool.config.max_wait;
        let is_first = pool.dispatch.first().is_none();
        self.spawned.insert((spawner, id));
        self.tasks.insert(id, Task { spawner, pool: at, ticket, deadline, message, sent_to: None });
        let refused = if self.send_ahead(id) { None } else { self.place(id) };
        let is_sent = self.tasks.get(&id).is_some_and(|task| task.sent_to.is_some());
        (refused, if is_sent { self.look_soon(now) } else { is_first })
    }

    /// A worker of a pool blocks on a task. Whose waiting can never end is refused.
    pub(crate) fn awaits(&mut self, worker: WorkerId, task: TaskId, now: Instant) -> Vec<Action> {
        if self.tasks.get(&task).is_none_or(|t| t.spawner != worker) {
            // Its result is on its way already.
            return Vec::new();
        }
        let Some(member) = self.members.get_mut(&worker) else { return Vec::new() };
        member.awaits = Some(task);
        let mut actions = self.call_back(worker, now);
        while let Some((id, error)) = circle::find(self, worker) {
            actions.extend(self.refuse(id, error));
        }
        actions
    }

    /// A task ended, which took so many microseconds. Says who is to have its outcome, if
    /// anybody still wants it; a worker that ended another than its own is `Err`.
    pub(crate) fn done(
        &mut self,
        worker: WorkerId,
        task: TaskId,
        took: u16,
    ) -> Result<Option<WorkerId>, NotYours> {
        let member = self.members.get_mut(&worker).ok_or(NotYours)?;
        if member.running != Some(task) {
            return Err(NotYours);
        }
        member.running = None;
        member.awaits = None;
        member.kill_at = None;
        member.took = Some(took);
        let spawner = self.tasks.remove(&task).map(|t| t.spawner);
        if let Some(spawner) = spawner {
            self.settle(spawner, task);
        }
        Ok(spawner)
    }

    /// A worker of a pool is idle, for the first time or again: what is to be done, and
    /// whether it goes on with a task that it has already. One that has not ended its task
    /// is `Err`.
    pub(crate) fn idle<R: Runner + 'static>(
        &mut self,
        worker: WorkerId,
        runner: &Arc<R>,
        pool: u16,
        now: Instant,
    ) -> Result<(Option<Action>, bool), NotYours> {
        let at = usize::from(pool);
        let Some(member) = self.members.get_mut(&worker) else {
            let runner = Arc::clone(runner);
            return Ok((self.enter(worker, runner, at, now), false));
        };
        if member.running.is_some() {
            return Err(NotYours);
        }
        let Some(seat) = member.seat.filter(|_| !member.doomed) else { return Ok((None, false)) };
        let took = member.took.take();
        let next = self.pools[at].dispatch.next(seat, took);
        let goes_on = matches!(next, Next::Ahead(..));
        Ok((self.go_on(worker, next, now), goes_on))
    }

    /// A worker of a pool is about to end, or has ended: what it was sent and has not taken
    /// goes to others.
    pub(crate) fn leaves(&mut self, worker: WorkerId) -> Vec<Action> {
        let Some(member) = self.members.get_mut(&worker) else { return Vec::new() };
        member.doomed = true;
        let taken = member.runner.take_back();
        let dispatch = &mut self.pools[member.pool].dispatch;
        let Some(seat) = member.seat.take() else {
            dispatch.remove(|w| *w == worker);
            return Vec::new();
        };
        let unbegun = member.running.take_if(|id| taken.contains(id));
        let behind = dispatch.vacate(seat);
        let all = unbegun.into_iter().chain(behind);
        let one = |id| {
            if taken.contains(&id) { self.place(id) } else { self.refuse(id, WORKER_ERROR.into()) }
        };
        all.filter_map(one).collect()
    }

    /// A worker of a pool ended, perhaps by a signal.
    pub(crate) fn gone(&mut self, worker: WorkerId, signal: Option<i32>) -> Vec<Action> {
        let mut actions = self.leaves(worker);
        let Some(member) = self.members.remove(&worker) else { return actions };
        self.pools[member.pool].members -= 1;
        let error = signal.map_or_else(
            || WORKER_ERROR.to_owned(),
            |n| format!("{WORKER_ERROR}: killed by {}", signal_text(n)),
        );
        actions.extend(member.running.and_then(|id| self.refuse(id, error)));
        actions
    }

    /// The caller gave up on a task.
    pub(crate) fn forget(&mut self, spawner: WorkerId, id: TaskId, now: Instant) -> Vec<Action> {
        if self.tasks.get(&id).is_none_or(|task| task.spawner != spawner) {
            return Vec::new();
        }
        self.settle(spawner, id);
        let task = self.take(id);
        task.map(|task| self.cancel(id, &task, now)).unwrap_or_default()
    }

    /// A request ended, or the worker that served it; its tasks end with it.
    pub(crate) fn request_ended(&mut self, spawner: WorkerId, now: Instant) -> Vec<Action> {
        let own = (spawner, TaskId::MIN)..=(spawner, TaskId::MAX);
        let own: Vec<_> = self.spawned.range(own).copied().collect();
        // All at first: what is called back is not to be given to somebody else.
        let mut tasks = Vec::with_capacity(own.len());
        for (spawner, id) in own {
            self.spawned.remove(&(spawner, id));
            tasks.extend(self.take(id).map(|task| (id, task)));
        }
        tasks.into_iter().flat_map(|(id, task)| self.cancel(id, &task, now)).collect()
    }

    /// When [`Self::tick`] is to be called.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let kills = self.members.values().filter_map(|m| m.kill_at);
        let heads = (0..self.pools.len()).filter_map(|at| self.head(at).map(|(_, at)| at));
        kills.chain(heads).chain(self.look.map(|look| look.at)).min()
    }

    /// Time passed: tasks that waited too long fail, workers that did not stop are killed,
    /// and what its worker does not take is called back.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for (worker, member) in &mut self.members {
            if member.kill_at.is_some_and(|at| at <= now) {
                (member.kill_at, member.doomed) = (None, true);
                actions.push(Action::Kill { worker: *worker });
            }
        }
        if self.look.is_some_and(|look| look.at <= now) {
            actions.extend(self.look(now));
        }
        for at in 0..self.pools.len() {
            while let Some((id, _)) = self.head(at).filter(|(_, deadline)| *deadline <= now) {
                let config = &self.pools[at].config;
                let wait =
                    GoDuration(i64::try_from(config.max_wait.as_nanos()).unwrap_or(i64::MAX));
                let name = quoted(&config.name);
                let error = format!("Pogo pool {name} had no free worker within {wait}");
                actions.extend(self.refuse(id, error));
            }
        }
        actions
    }

    /// Takes no more tasks; those that wait fail, those that run go on.
    pub(crate) fn close(&mut self) -> Vec<Action> {
        self.closing = true;
        let mut queued = Vec::new();
        for pool in &mut self.pools {
            queued.extend(pool.dispatch.close().0);
            pool.queue_bytes = 0;
        }
        queued.into_iter().filter_map(|id| self.refuse(id, SHUTTING_DOWN.into())).collect()
    }

    /// A new worker, which takes the first task that waits.
    fn enter(
        &mut self,
        worker: WorkerId,
        runner: Arc<dyn Runner>,
        at: usize,
        now: Instant,
    ) -> Option<Action> {
        let pool = &mut self.pools[at];
        pool.members += 1;
        let next = if self.closing { None } else { pool.dispatch.idle(worker) };
        let (next, seat) =
            next.map_or((Next::Rest, None), |(id, seat)| (Next::Waiting(id), Some(seat)));
        let member = Member {
            pool: at,
            runner,
            seat,
            running: None,
            is_open: false,
            looks: 0,
            took: None,
            awaits: None,
            kill_at: None,
            doomed: false,
        };
        self.members.insert(worker, member);
        self.go_on(worker, next, now)
    }

    /// A worker goes on with the next task, or rests.
    fn go_on(&mut self, worker: WorkerId, next: Next<TaskId>, now: Instant) -> Option<Action> {
        match next {
            Next::Waiting(id) => {
                let task = self.tasks.get(&id)?;
                self.pools[task.pool].queue_bytes -= task.message.len();
                self.start(worker, id);
            }
            Next::Rest => self.member(worker).seat = None,
            Next::Ahead(id, _) => {
                let member = self.member(worker);
                (member.running, member.looks) = (Some(id), 0);
                if !self.tasks.contains_key(&id) {
                    // Nobody wants it any more, and the worker has taken it.
                    return Some(self.stop(worker, id, now));
                }
            }
        }
        None
    }

    /// Gives a task to an idle worker, or lets it wait. One that may not wait fails; one that
    /// nobody wants any more is gone.
    fn place(&mut self, id: TaskId) -> Option<Action> {
        let task = self.tasks.get_mut(&id)?;
        task.sent_to = None;
        let pool = &mut self.pools[task.pool];
        if let Some((worker, seat)) = pool.dispatch.take() {
            self.member(worker).seat = Some(seat);
            self.start(worker, id);
            return None;
        }
        let bytes = pool.queue_bytes + task.message.len();
        let waits = if bytes > QUEUE_BYTES_MAX {
            Err(Refused::Full)
        } else {
            pool.dispatch.wait(Some(task.ticket), id)
        };
        let error = match waits {
            Ok(_) => {
                pool.queue_bytes = bytes;
                return None;
            }
            Err(Refused::Full) => {
                format!("Pogo pool {} has too many waiting tasks", quoted(&pool.config.name))
            }
            Err(Refused::Closing) => SHUTTING_DOWN.to_owned(),
        };
        self.refuse(id, error)
    }

    /// Sends a worker its next task, which waited or is new.
    fn start(&mut self, worker: WorkerId, id: TaskId) {
        let (Some(task), Some(member)) = (self.tasks.get_mut(&id), self.members.get_mut(&worker))
        else {
            return;
        };
        task.sent_to = Some(worker);
        (member.running, member.looks) = (Some(id), 0);
        member.is_open = member.runner.run(id, &task.message);
        if !member.is_open {
            task.message = Bytes::new();
        }
    }

    /// Lets a task fail.
    fn refuse(&mut self, id: TaskId, error: String) -> Option<Action> {
        let task = self.take(id)?;
        self.settle(task.spawner, id);
        Some(Action::Fail { spawner: task.spawner, task: id, error })
    }

    /// Nobody wants a task any more, which was taken out: it is stopped, if it has begun.
    fn cancel(&mut self, id: TaskId, task: &Task, now: Instant) -> Vec<Action> {
        let Some(worker) = task.sent_to else { return Vec::new() };
        let mut actions = self.call_back(worker, now);
        if self.members.get(&worker).is_some_and(|member| member.running == Some(id)) {
            actions.push(self.stop(worker, id, now));
        }
        actions
    }

    /// Asks a worker to stop what it runs.
    fn stop(&mut self, worker: WorkerId, task: TaskId, now: Instant) -> Action {
        self.member(worker).kill_at = Some(now + STOP_MAX);
        Action::Stop { worker, task }
    }

    /// The first task of a queue, and its deadline. All tasks of a pool wait equally long,
    /// so this is the pool's first deadline.
    fn head(&self, at: usize) -> Option<(TaskId, Instant)> {
        let id = self.pools[at].dispatch.first()?;
        Some((*id, self.tasks.get(id)?.deadline))
    }

    /// Takes a task out, from its queue too.
    fn take(&mut self, id: TaskId) -> Option<Task> {
        let task = self.tasks.remove(&id)?;
        let pool = &mut self.pools[task.pool];
        if task.sent_to.is_none() && pool.dispatch.leave(task.ticket) {
            pool.queue_bytes -= task.message.len();
        }
        Some(task)
    }

    /// A task is over: its spawner no longer has it and no longer waits for it.
    fn settle(&mut self, spawner: WorkerId, id: TaskId) {
        self.spawned.remove(&(spawner, id));
        if let Some(member) = self.members.get_mut(&spawner)
            && member.awaits == Some(id)
        {
            member.awaits = None;
        }
    }

    fn member(&mut self, worker: WorkerId) -> &mut Member {
        self.members.get_mut(&worker).expect("whoever is idle or runs a task is a member")
    }
}

/// A worker said that it ended a task that is not its own, or is idle with one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotYours;

/// A signal as the errors name it: `signal 11 (SIGSEGV)`.
pub(crate) fn signal_text(n: i32) -> String {
    let name = match n {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return format!("signal {n}"),
    };
    format!("signal {n} ({name})")
}
