//! What all pools stand on: the roster of workers, the tasks, the log, and the way to
//! tell the supervisor what happened.

use super::inbox::Inbox;
use super::link::{Link, watched};
use super::log::{Level, Line, Log, SUPERVISOR, Value};
use crate::pogo::{Hands, Runner, Tasks};
use dashmap::DashMap;
use parking_lot::{Mutex, MutexGuard};
use php_wire::control::EXIT_OVER_LIMIT;
use php_wire::frame::Kind;
use php_wire::task::Outcome;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::Interest;
use tokio::sync::{SetOnce, mpsc};

/// How long the zygote's report may lag behind a worker's closed socket.
const REPORT_MAX: Duration = Duration::from_millis(500);

/// One worker process, from its fork to its end.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Unique in the server's life.
    pub serial: u32,
    /// Which of the supervisor's pools it belongs to.
    pub pool: usize,
    /// Which zygote forked it.
    pub zygote: u32,
    /// Its socket.
    pub link: Arc<Link>,
    /// Where its requests or tasks lie.
    inbox: Mutex<Inbox>,
    pid: AtomicI32,
    /// Its process, where the system has descriptors for that.
    process: OnceLock<OwnedFd>,
    /// Whether it ever got work.
    has_worked: AtomicBool,
    exit: SetOnce<Exit>,
}

/// How a worker's process ended; both are absent when nobody could see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    /// Its exit code, when it ended by itself.
    pub code: Option<i32>,
    /// The signal, when one ended it.
    pub signal: Option<i32>,
}

/// What the supervisor is told.
#[derive(Debug)]
pub(crate) enum Event {
    /// A worker sent its first `READY`.
    Ready(Arc<Worker>),
    /// A worker ended before that; with what its script wrote.
    BootFailed(Arc<Worker>, String),
    /// A worker's socket is closed.
    Lost(Arc<Worker>),
    /// A worker's process ended, and there is no zygote to say how.
    Died(u32),
    /// Requests have waited a while for a worker of this pool.
    Pressed(usize),
    /// Nobody wants what a worker does any more; it is to stop that in PHP's own way.
    Stop {
        /// Which worker.
        serial: u32,
        /// What it is to stop, if it still does it.
        job: u64,
    },
    /// End a worker at once.
    Kill(u32),
    /// Another zygote was started, or could not be.
    Zygote(Box<super::supervisor::NewZygote>),
    /// The server ends: let everybody finish for so long, then end everything.
    Drain(Duration),
}

/// The workers by their serials, and the supervisor's ear.
#[derive(Debug)]
pub(crate) struct Roster {
    /// All workers whose end is not known yet.
    pub workers: DashMap<u32, Arc<Worker>>,
    events: mpsc::UnboundedSender<Event>,
}

/// What all pools stand on.
pub(crate) struct Floor {
    /// Who works here.
    pub roster: Arc<Roster>,
    /// The tasks, when they are configured.
    pub tasks: Option<Arc<Tasks>>,
    /// Where lines go.
    pub log: Log,
    requests: AtomicU64,
}

impl Worker {
    /// A worker that is about to be forked.
    pub(crate) fn new(
        serial: u32,
        pool: usize,
        zygote: u32,
        link: Arc<Link>,
        inbox: Inbox,
    ) -> Self {
        Self {
            serial,
            pool,
            zygote,
            link,
            inbox: Mutex::new(inbox),
            pid: AtomicI32::new(0),
            process: OnceLock::new(),
            has_worked: AtomicBool::new(false),
            exit: SetOnce::new(),
        }
    }

    /// Its process, once the zygote has said so.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// The zygote said which process it is.
    pub(crate) fn is_process(&self, pid: i32, process: Option<OwnedFd>) {
        self.pid.store(pid, Ordering::Relaxed);
        if let Some(process) = process {
            // A worker is forked once.
            let _ = self.process.set(process);
        }
    }

    /// Kills it, if its process can be reached from here.
    pub(crate) fn kill(&self) -> bool {
        // An error means that it has ended.
        self.process.get().map(|process| pidfd_send_signal(process, Signal::KILL)).is_some()
    }

    /// Whether its process is known to have ended.
    pub(crate) fn is_dead(&self) -> bool {
        const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let ended = |process: &OwnedFd| {
            poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&NOW)).is_ok_and(|n| n > 0)
        };
        self.process.get().is_some_and(ended)
    }

    /// Whether the end of its process can be seen from here.
    pub(crate) fn is_watched(&self) -> bool {
        self.process.get().is_some()
    }

    /// Waits for the end of its process; `false` when it cannot be seen from here.
    pub(crate) async fn dies(&self) -> bool {
        let Some(Ok(process)) = self.process.get().map(OwnedFd::try_clone) else { return false };
        let Ok(process) = watched(process, Interest::READABLE) else { return false };
        process.readable().await.is_ok()
    }

    /// The right to send to its inbox, if nobody else is just sending.
    pub(crate) fn try_inbox(&self) -> Option<MutexGuard<'_, Inbox>> {
        self.inbox.try_lock()
    }

    /// The right to send to its inbox and to take back from it.
    pub(crate) fn lock_inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock()
    }

    /// Sends it the request that it is to have next, by its inbox; others may be sent behind
    /// that. False when that cannot be: the request is too long for it.
    pub(crate) fn post_request(&self, id: u64, payload: &[u8]) -> bool {
        let mut inbox = self.lock_inbox();
        inbox.is_open = inbox.post(Kind::Request, id, payload).is_ok();
        inbox.is_open
    }

    /// No request may be sent behind the one that it has, or it has none.
    pub(crate) fn close_inbox(&self) {
        self.lock_inbox().is_open = false;
    }

    /// It was given work.
    pub(crate) fn works(&self) {
        self.has_worked.store(true, Ordering::Relaxed);
    }

    /// Whether it ever was given work.
    pub(crate) fn has_worked(&self) -> bool {
        self.has_worked.load(Ordering::Relaxed)
    }

    /// It is known how it ended. The first to say so is right.
    pub(crate) fn has_ended(&self, exit: Exit) {
        // An error only means that somebody knew before.
        let _ = self.exit.set(exit);
    }

    /// How it ended, if that is known.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.exit.get().copied()
    }

    /// How it ended; waits a moment for the zygote's report.
    pub(crate) async fn ended(&self) -> Exit {
        let report = tokio::time::timeout(REPORT_MAX, self.exit.wait()).await;
        report.copied().unwrap_or_default()
    }
}

impl Exit {
    /// Whether it ended itself because PHP did not stop in time.
    pub(crate) const fn is_over_limit(self) -> bool {
        matches!(self.code, Some(EXIT_OVER_LIMIT))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.signal, self.code) {
            (Some(n), _) => write!(f, "killed by {}", crate::pogo::broker::signal_text(n)),
            (None, Some(code)) => write!(f, "ended with exit code {code}"),
            (None, None) => f.write_str("ended, nobody saw how"),
        }
    }
}

impl Roster {
    /// Nobody yet; events go to the other end of `events`.
    pub(crate) fn new(events: mpsc::UnboundedSender<Event>) -> Arc<Self> {
        Arc::new(Self { workers: DashMap::new(), events })
    }

    /// Tells the supervisor. When it has ended, so has everything else.
    pub(crate) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// A worker whose end is not known yet.
    pub(crate) fn worker(&self, serial: u32) -> Option<Arc<Worker>> {
        self.workers.get(&serial).map(|worker| Arc::clone(&worker))
    }
}

impl Runner for Worker {
    fn run(&self, task: u64, message: &[u8]) -> bool {
        self.works();
        let is_posted = self.run_next(task, message);
        if !is_posted {
            // Whoever reads from it learns that it is gone.
            let _ = self.link.post(Kind::Task, 0, task, [message, b""]);
        }
        is_posted
    }

    fn run_next(&self, task: u64, message: &[u8]) -> bool {
        self.lock_inbox().post(Kind::Task, task, message).is_ok()
    }

    fn front(&self) -> Option<u64> {
        self.lock_inbox().front()
    }

    fn take_back(&self) -> Vec<u64> {
        self.lock_inbox().take_all_back()
    }
}

impl Hands for Roster {
    fn answer(&self, spawner: u32, task: u64, outcome: Outcome<'_>) {
        if let Some(spawner) = self.worker(spawner) {
            let parts = [&[outcome.tag()], outcome.text()];
            // Whoever reads from it learns that it is gone.
            let _ = spawner.link.post(Kind::Result, 0, task, parts);
        }
    }

    fn stop(&self, worker: u32, task: u64) {
        self.tell(Event::Stop { serial: worker, job: task });
    }

    fn kill(&self, worker: u32) {
        self.tell(Event::Kill(worker));
    }
}

impl Floor {
    /// The floor of a runtime.
    pub(crate) fn new(roster: Arc<Roster>, tasks: Option<Arc<Tasks>>, log: Log) -> Arc<Self> {
        Arc::new(Self { roster, tasks, log, requests: AtomicU64::new(0) })
    }

    /// The next request's id.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes a line of the supervision, if its level is kept.
    pub(crate) fn say(&self, level: Level, message: &str, fields: &[(&str, Value<'_>)]) {
        if self.log.enabled(level) {
            let logger = SUPERVISOR;
            self.log.write(&Line { level, logger, message, fields, context: None });
        }
    }

    /// A request ended on this worker, or the worker did.
    pub(crate) fn request_ended(&self, worker: u32) {
        if let Some(tasks) = &self.tasks {
            tasks.request_ended(worker);
        }
    }
}

impl fmt::Debug for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Floor").field("tasks", &self.tasks).finish_non_exhaustive()
    }
}
