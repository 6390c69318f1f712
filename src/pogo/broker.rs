//! Decides which worker runs which task, who is answered what, and who is stopped.
//!
//! Nothing here sends, kills, sleeps or reads a clock: events and the time go in,
//! [`Action`]s come out. Workers are known by their serials, tasks by the ids that the
//! spawning workers gave them. A task belongs to the request of the worker that spawned
//! it and dies with that request.
//!
//! **Waiting in circles.** A worker that runs a task may wait for another task. When
//! that one is queued in a pool whose every worker waits, directly or through other
//! pools, for tasks that are queued behind such workers, no time will help; the task is
//! refused with an error that says so. `circle` finds that out.

mod circle;
#[cfg(test)]
mod tests;

use super::quote::quoted;
use crate::config::duration::Duration as GoDuration;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap};
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

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Give this worker this task.
    Run {
        /// Which worker.
        worker: WorkerId,
        /// The task.
        task: TaskId,
        /// Its message.
        message: Bytes,
    },
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
    /// The last place given in a queue.
    last: Place,
    closing: bool,
}

/// A place in a queue; the lower the sooner.
type Place = u64;

#[derive(Debug)]
struct Pool {
    config: PoolConfig,
    idle: Vec<WorkerId>,
    /// The tasks that wait.
    queue: BTreeMap<Place, TaskId>,
    /// How long their messages are together.
    queue_bytes: usize,
    members: u32,
}

#[derive(Debug)]
struct Task {
    spawner: WorkerId,
    pool: usize,
    state: TaskState,
}

#[derive(Debug)]
enum TaskState {
    Queued { place: Place, message: Bytes, deadline: Instant },
    Running(WorkerId),
}

/// A worker of a pool.
#[derive(Debug)]
struct Member {
    pool: usize,
    /// What it runs; it may have been cancelled.
    running: Option<TaskId>,
    /// What it blocks on.
    awaits: Option<TaskId>,
    /// When it is killed, if it does not stop a cancelled task.
    kill_at: Option<Instant>,
    /// Whether it is being killed: it gets nothing any more.
    doomed: bool,
}

impl Broker {
    /// Pools without workers.
    pub(crate) fn new(pools: Vec<PoolConfig>) -> Self {
        let pools = pools.into_iter().map(|config| Pool {
            config,
            idle: Vec::new(),
            queue: BTreeMap::new(),
            queue_bytes: 0,
            members: 0,
        });
        Self {
            pools: pools.collect(),
            tasks: HashMap::new(),
            spawned: BTreeSet::new(),
            members: HashMap::new(),
            last: 0,
            closing: false,
        }
    }

    /// A worker spawns a task. `true` when a new deadline is the pool's first.
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
        if let Some(worker) = pool.idle.pop() {
            self.spawned.insert((spawner, id));
            self.tasks.insert(id, Task { spawner, pool: at, state: TaskState::Running(worker) });
            self.member(worker).running = Some(id);
            return (Some(Action::Run { worker, task: id, message }), false);
        }
        let bytes = pool.queue_bytes + message.len();
        if pool.queue.len() >= QUEUE_MAX || bytes > QUEUE_BYTES_MAX {
            let name = quoted(&pool.config.name);
            return fail(format!("Pogo pool {name} has too many waiting tasks"));
        }
        let first = pool.queue.is_empty();
        self.last += 1;
        let (place, deadline) = (self.last, now + pool.config.max_wait);
        pool.queue.insert(place, id);
        pool.queue_bytes = bytes;
        let state = TaskState::Queued { place, message, deadline };
        self.tasks.insert(id, Task { spawner, pool: at, state });
        self.spawned.insert((spawner, id));
        (None, first)
    }

    /// A worker of a pool blocks on a task. Whose waiting can never end is refused.
    pub(crate) fn awaits(&mut self, worker: WorkerId, task: TaskId) -> Vec<Action> {
        if self.tasks.get(&task).is_none_or(|t| t.spawner != worker) {
            // Its result is on its way already.
            return Vec::new();
        }
        let Some(member) = self.members.get_mut(&worker) else { return Vec::new() };
        member.awaits = Some(task);
        let mut actions = Vec::new();
        while let Some((id, error)) = circle::find(self, worker) {
            actions.extend(self.refuse(id, error));
        }
        actions
    }

    /// A task ended. Says who is to have its outcome, if anybody still wants it; a worker
    /// that ended another than its own is `Err`.
    pub(crate) fn done(
        &mut self,
        worker: WorkerId,
        task: TaskId,
    ) -> Result<Option<WorkerId>, NotYours> {
        let member = self.members.get_mut(&worker).ok_or(NotYours)?;
        if member.running != Some(task) {
            return Err(NotYours);
        }
        member.running = None;
        member.awaits = None;
        member.kill_at = None;
        let spawner = self.tasks.remove(&task).map(|t| t.spawner);
        if let Some(spawner) = spawner {
            self.settle(spawner, task);
        }
        Ok(spawner)
    }

    /// A worker of a pool is idle, for the first time or again; one that has not ended its
    /// task is `Err`.
    pub(crate) fn idle(&mut self, worker: WorkerId, pool: u16) -> Result<Option<Action>, NotYours> {
        let at = usize::from(pool);
        let member = self.members.entry(worker).or_insert_with(|| {
            self.pools[at].members += 1;
            Member { pool: at, running: None, awaits: None, kill_at: None, doomed: false }
        });
        if member.running.is_some() {
            return Err(NotYours);
        }
        if member.doomed || self.pools[at].idle.contains(&worker) {
            return Ok(None);
        }
        Ok(self.next_task(worker, at))
    }

    /// A worker of a pool ended, perhaps by a signal.
    pub(crate) fn gone(&mut self, worker: WorkerId, signal: Option<i32>) -> Option<Action> {
        let member = self.members.remove(&worker)?;
        let pool = &mut self.pools[member.pool];
        pool.members -= 1;
        pool.idle.retain(|w| *w != worker);
        let id = member.running?;
        let task = self.take(id)?;
        self.settle(task.spawner, id);
        let error = signal.map_or_else(
            || WORKER_ERROR.to_owned(),
            |n| format!("{WORKER_ERROR}: killed by {}", signal_text(n)),
        );
        Some(Action::Fail { spawner: task.spawner, task: id, error })
    }

    /// The caller gave up on a task.
    pub(crate) fn forget(&mut self, spawner: WorkerId, id: TaskId, now: Instant) -> Option<Action> {
        if self.tasks.get(&id)?.spawner != spawner {
            return None;
        }
        self.settle(spawner, id);
        self.cancel(id, now)
    }

    /// A request ended, or the worker that served it; its tasks end with it.
    pub(crate) fn request_ended(&mut self, spawner: WorkerId, now: Instant) -> Vec<Action> {
        let own = (spawner, TaskId::MIN)..=(spawner, TaskId::MAX);
        let own: Vec<_> = self.spawned.range(own).copied().collect();
        let mut actions = Vec::new();
        for one in own {
            self.spawned.remove(&one);
            actions.extend(self.cancel(one.1, now));
        }
        actions
    }

    /// When [`Self::tick`] is to be called.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let kills = self.members.values().filter_map(|m| m.kill_at).min();
        let mut first = kills;
        for at in 0..self.pools.len() {
            let deadline = self.head(at).map(|(_, deadline)| deadline);
            first = [first, deadline].into_iter().flatten().min();
        }
        first
    }

    /// Time passed: tasks that waited too long fail, workers that did not stop are killed.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for (worker, member) in &mut self.members {
            if member.kill_at.is_some_and(|at| at <= now) {
                (member.kill_at, member.doomed) = (None, true);
                actions.push(Action::Kill { worker: *worker });
            }
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
        let queued = self.pools.iter().flat_map(|pool| pool.queue.values().copied());
        let queued: Vec<TaskId> = queued.collect();
        queued.into_iter().filter_map(|id| self.refuse(id, SHUTTING_DOWN.into())).collect()
    }

    /// Lets a queued task fail.
    fn refuse(&mut self, id: TaskId, error: String) -> Option<Action> {
        let task = self.take(id)?;
        self.settle(task.spawner, id);
        Some(Action::Fail { spawner: task.spawner, task: id, error })
    }

    /// Nobody wants a task any more: drops it from its queue, or stops it.
    fn cancel(&mut self, id: TaskId, now: Instant) -> Option<Action> {
        match self.take(id)?.state {
            TaskState::Queued { .. } => None,
            TaskState::Running(worker) => {
                self.member(worker).kill_at = Some(now + STOP_MAX);
                Some(Action::Stop { worker, task: id })
            }
        }
    }

    /// Gives an idle worker the next task of its pool, or lets it rest.
    fn next_task(&mut self, worker: WorkerId, at: usize) -> Option<Action> {
        let Some((id, _)) = self.head(at) else {
            self.pools[at].idle.push(worker);
            return None;
        };
        let task = self.take(id)?;
        let TaskState::Queued { message, .. } = task.state else { return None };
        self.tasks.insert(id, Task { state: TaskState::Running(worker), ..task });
        self.member(worker).running = Some(id);
        Some(Action::Run { worker, task: id, message })
    }

    /// The first task of a queue, and its deadline. All tasks of a pool wait equally long,
    /// so this is the pool's first deadline.
    fn head(&self, at: usize) -> Option<(TaskId, Instant)> {
        let (_, id) = self.pools[at].queue.first_key_value()?;
        match self.tasks.get(id)?.state {
            TaskState::Queued { deadline, .. } => Some((*id, deadline)),
            TaskState::Running(_) => None,
        }
    }

    /// Takes a task out, from its queue too.
    fn take(&mut self, id: TaskId) -> Option<Task> {
        let task = self.tasks.remove(&id)?;
        if let TaskState::Queued { place, message, .. } = &task.state {
            let pool = &mut self.pools[task.pool];
            pool.queue.remove(place);
            pool.queue_bytes -= message.len();
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
