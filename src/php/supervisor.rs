//! The hands of the fleets: forks, kills, starts zygotes, hears how workers ended.
//!
//! One task for a runtime, and what happens rarely passes through it: requests and tasks
//! do not. It alone knows the zygote.

mod zygotes;

use super::boot;
use super::fleet::{Action, Ended, Fleet, Life};
use super::floor::{Event, Exit, Floor, Worker};
use super::inbox::Inbox;
use super::link::Link;
use super::log::{Level, Value};
use super::pool::Pool;
use super::runtime::StartError;
use super::zygote::Zygote;
use php_wire::control::{EXIT_BAILOUT, EXIT_OK, FromZygote, ToZygote, WorkerKind, WorkerSpec};
use php_wire::frame::{self, Kind};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
pub(crate) use zygotes::NewZygote;

/// How long a worker whose socket is closed may take to end.
const LOST_MAX: Duration = Duration::from_secs(5);
/// How often it is looked for workers that are not in their loop although they said so; one
/// is killed at the second look.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How many workers the zygote is asked for at a time. Orders wait in its socket, and one
/// that overflows is taken for a zygote that is stuck.
const ASKED_MAX: u32 = 32;

/// Keeps the workers of all pools.
pub(super) struct Supervisor {
    floor: Arc<Floor>,
    teams: Vec<Team>,
    host: Host,
    zygote: Option<Zygote>,
    /// The start of another zygote.
    next_zygote: Option<JoinHandle<()>>,
    /// The number of the zygote that runs or is being started.
    generation: u32,
    /// How many workers it was asked for and has not forked yet.
    asked: u32,
    serials: u32,
    events: mpsc::UnboundedReceiver<Event>,
    /// Who waits for the start, until it is over.
    starting: Option<oneshot::Sender<Result<(), StartError>>>,
    /// Workers whose socket is closed and whose end was not reported yet.
    lost: HashMap<u32, Instant>,
    /// The lifelines of zygotes that are gone, by number; their workers live as long.
    lifelines: HashMap<u32, OwnedFd>,
    /// When the server ends, by when everybody has to be done.
    drain_until: Option<Instant>,
    /// Whether they were given any time.
    patient: bool,
    limits: Limits,
    shrink_at: Instant,
    /// When it is looked next for workers that have left their loop.
    look_at: Instant,
    zygote_since: Instant,
}

/// One pool and its workers.
pub(super) struct Team {
    /// The decisions.
    fleet: Fleet,
    /// Where requests come in; task pools have their door elsewhere.
    pool: Option<Arc<Pool>>,
    /// What its workers are told at their birth; the serial is filled in.
    spec: WorkerSpec,
    /// Its name in logs.
    name: String,
    /// The number of the task pool.
    tasks: Option<u16>,
    /// How many rested when that was last looked at.
    rested: usize,
}

/// The ways to a new worker.
struct Sockets {
    link: Arc<Link>,
    inbox: Inbox,
    /// Its ends.
    theirs: [OwnedFd; 2],
}

/// What a zygote is started from.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// The PHP host.
    pub path: PathBuf,
    /// Settings over those of php.ini.
    pub ini: Vec<(String, String)>,
}

/// How far pools grow, and when they shrink again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How many workers there may be, without those of task pools.
    pub workers: usize,
    /// How long a worker above the usual number may idle.
    pub idle: Duration,
}

impl Sockets {
    fn new() -> io::Result<Self> {
        let (ours, link) = frame::pair()?;
        let ours = Arc::new(Link::new(ours)?);
        let (inbox, theirs) = Inbox::new(Arc::clone(&ours))?;
        Ok(Self { link: ours, inbox, theirs: [link, theirs] })
    }
}

impl Supervisor {
    /// A supervisor with its first zygote; `starting` hears when all workers are up.
    pub(super) fn new(
        floor: Arc<Floor>,
        teams: Vec<Team>,
        host: Host,
        zygote: Zygote,
        events: mpsc::UnboundedReceiver<Event>,
        limits: Limits,
    ) -> (Self, oneshot::Receiver<Result<(), StartError>>) {
        let (starting, started) = oneshot::channel();
        let shrink_at = Instant::now() + limits.idle;
        let supervisor = Self {
            floor,
            teams,
            host,
            zygote: Some(zygote),
            next_zygote: None,
            generation: 1,
            asked: 0,
            serials: 0,
            events,
            starting: Some(starting),
            lost: HashMap::new(),
            lifelines: HashMap::new(),
            drain_until: None,
            patient: false,
            limits,
            shrink_at,
            look_at: Instant::now() + LOOK_EVERY,
            zygote_since: Instant::now(),
        };
        (supervisor, started)
    }

    /// Works until the runtime ends, however it does, and ends all processes.
    pub(super) async fn run(mut self) {
        while !self.is_over() {
            self.do_what_is_due();
            let wake = self.wake_at();
            let report = async {
                match &self.zygote {
                    Some(zygote) => zygote.report().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => self.hear(event),
                    // Whoever started the runtime has dropped it.
                    None => break,
                },
                report = report => self.hear_zygote(report),
                () = sleep_until(wake.into()) => {}
            }
        }
        // A start that failed has no patience with the others, and need not say so.
        if self.patient && !self.floor.roster.workers.is_empty() {
            self.floor.say(
                Level::Warn,
                "force-killing workers on shutdown timeout",
                &[("workers", Value::Int(count(self.floor.roster.workers.len())))],
            );
        }
        if let Some(next) = self.next_zygote.take() {
            next.abort();
            // One that was there already lies in an event that nobody hears any more.
            let _ = next.await;
            self.events.close();
            while self.events.recv().await.is_some() {}
        }
        if let Some(zygote) = self.zygote.take() {
            zygote.end().await;
        }
        // Workers of earlier zygotes, if any are left, end with these.
        self.lifelines.clear();
        self.floor.roster.workers.clear();
    }

    /// Whether everything has ended that will end by itself.
    fn is_over(&self) -> bool {
        let Some(until) = self.drain_until else { return false };
        self.floor.roster.workers.is_empty() || until <= Instant::now()
    }

    /// When something is due next.
    fn wake_at(&self) -> Instant {
        // Nothing is forked without a zygote; its start is an event, and so is a fork.
        let may_fork = self.may_fork();
        let fleets = self.teams.iter().filter_map(|team| team.fleet.next(may_fork));
        let fleets = fleets.filter(|_| self.zygote.is_some()).min();
        let grown = self.teams.iter().any(|team| team.fleet.surplus() > 0);
        let shrink = grown.then_some(self.shrink_at);
        let lost = self.lost.values().min().copied();
        let times = [fleets, shrink, lost, self.drain_until].into_iter().flatten();
        times.min().map_or(self.look_at, |at| at.min(self.look_at))
    }

    /// Whether the zygote takes another order for a worker.
    const fn may_fork(&self) -> bool {
        self.zygote.is_some() && self.asked < ASKED_MAX
    }

    /// Forks and kills whoever is to be forked and killed now.
    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        if self.zygote.is_some() {
            for at in 0..self.teams.len() {
                for action in self.teams[at].fleet.due(now) {
                    self.act(at, action, now);
                }
            }
        }
        self.hurry_the_lost(now);
        if self.shrink_at <= now {
            self.shrink_at = now + self.limits.idle;
            self.teams.iter_mut().for_each(Team::shrink);
        }
        if self.look_at <= now {
            self.look_at = now + LOOK_EVERY;
            self.kill_the_absent();
        }
    }

    /// Kills who said that it is idle and does not take what it was sent then, or broke its inbox.
    /// What it has not begun goes to others.
    fn kill_the_absent(&mut self) {
        let workers = self.floor.roster.workers.iter();
        let absent = workers.filter(|worker| worker.lock_inbox().is_forgotten());
        let absent: Vec<Arc<Worker>> = absent.map(|worker| Arc::clone(&worker)).collect();
        for worker in absent {
            let name = &self.teams[worker.pool].name;
            let fields = [("worker", Value::Str(name)), ("pid", Value::Int(worker.pid().into()))];
            let message = if worker.lock_inbox().is_broken() {
                "PHP worker wrote into the memory of its inbox, killing it"
            } else {
                "PHP worker said it is idle and does not take its work, killing it"
            };
            self.floor.say(Level::Error, message, &fields);
            self.kill(worker.serial);
        }
    }

    fn act(&mut self, at: usize, action: Action, now: Instant) {
        match action {
            Action::Fork(slot) if self.may_fork() => self.fork(at, slot, now),
            // It stays due.
            Action::Fork(_) => {}
            Action::Kill(serial) => self.kill_unready(serial),
        }
    }

    /// Kills who lost its socket long ago and still lives. Who no longer does was not
    /// reported, so its zygote is stuck.
    fn hurry_the_lost(&mut self, now: Instant) {
        let overdue: Vec<u32> =
            self.lost.iter().filter(|(_, at)| **at <= now).map(|(serial, _)| *serial).collect();
        for serial in overdue {
            self.lost.insert(serial, now + LOST_MAX);
            let worker = self.floor.roster.worker(serial);
            if worker.is_some_and(|w| w.zygote == self.generation && w.is_dead()) {
                self.zygote_gone("does not say who ended");
            } else {
                self.kill(serial);
            }
        }
    }

    fn fork(&mut self, at: usize, slot: usize, now: Instant) {
        self.serials += 1;
        let serial = self.serials;
        let team = &mut self.teams[at];
        team.fleet.forked(slot, serial, now);
        let spec = WorkerSpec { serial, ..team.spec.clone() };
        let Sockets { link, inbox, theirs } = match Sockets::new() {
            Ok(sockets) => sockets,
            Err(e) => return self.fork_failed(at, serial, &e.to_string()),
        };
        let worker = Arc::new(Worker::new(serial, at, self.generation, link, inbox));
        if let Some(tasks) = &self.floor.tasks {
            let table = tasks.table(self.drain_until.is_some());
            // The other end is still here, so this is kept for it.
            let _ = worker.link.post(Kind::Pools, 0, 0, [&table, b""]);
        }
        self.floor.roster.workers.insert(serial, Arc::clone(&worker));
        let theirs: Vec<_> = theirs.iter().map(AsFd::as_fd).collect();
        let asked = self.zygote.as_ref().map(|zygote| zygote.fork(spec, &theirs));
        let door = team.pool.clone();
        tokio::spawn(boot::tend(Arc::clone(&self.floor), worker, door, team.tasks));
        match asked {
            Some(Ok(())) => self.asked += 1,
            // Its boot ends at once, since nobody has the other end of its link.
            Some(Err(e)) => self.not_ordered(&e),
            None => {}
        }
    }

    /// A worker could not be forked; it counts as one that did not come up.
    fn fork_failed(&mut self, at: usize, serial: u32, error: &str) {
        let name = self.teams[at].name.clone();
        self.floor.say(
            Level::Error,
            "cannot fork a PHP worker",
            &[("worker", Value::Str(&name)), ("error", Value::Str(error))],
        );
        self.ended(serial, at, Exit::default(), Some(format!("cannot fork: {error}")));
    }

    /// Kills a worker whose boot takes too long.
    fn kill_unready(&mut self, serial: u32) {
        let unborn = self.floor.roster.worker(serial).is_some_and(|w| w.pid() == 0);
        if unborn && self.zygote.is_some() {
            self.zygote_gone("does not fork");
        } else {
            self.kill(serial);
        }
    }

    /// Kills a worker: by its process, which needs no zygote, or by its zygote.
    fn kill(&mut self, serial: u32) {
        let Some(worker) = self.floor.roster.worker(serial) else { return };
        if worker.kill() {
            return;
        }
        worker.link.hang_up();
        self.order(&ToZygote::Kill { serial });
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Ready(worker) => self.ready(&worker),
            Event::BootFailed(worker, output) => {
                let exit = worker.exit().unwrap_or_default();
                self.ended(worker.serial, worker.pool, exit, Some(output));
            }
            Event::Lost(worker) => self.lost(&worker),
            Event::Died(serial) => self.exited(serial, Exit::default()),
            Event::Pressed(at) => self.pressed(at),
            Event::Stop { serial, job } => self.order(&ToZygote::Stop { serial, job }),
            Event::Kill(serial) => self.kill(serial),
            Event::Zygote(new) => self.new_zygote(*new),
            Event::Drain(grace) => self.drain(grace),
        }
    }

    fn ready(&mut self, worker: &Arc<Worker>) {
        let team = &mut self.teams[worker.pool];
        if team.fleet.ready(worker.serial)
            && let Some(exit) = worker.exit()
        {
            // It came up and ended before it was heard that it came up.
            self.ended(worker.serial, worker.pool, exit, None);
        }
        // Those who still wait pressed while this one was on its way.
        self.pressed(worker.pool);
        if self.teams.iter().all(|team| team.fleet.is_up())
            && let Some(starting) = self.starting.take()
        {
            // Whoever no longer waits has dropped the runtime, which ends everything.
            let _ = starting.send(Ok(()));
        }
    }

    /// A worker's socket is closed. How it ended is its zygote's to say, if it can; that
    /// it ended, who watches its process.
    fn lost(&mut self, worker: &Arc<Worker>) {
        if !self.floor.roster.workers.contains_key(&worker.serial) {
            return;
        }
        let has_zygote = worker.zygote == self.generation && self.zygote.is_some();
        if has_zygote || worker.is_watched() {
            self.lost.insert(worker.serial, Instant::now() + LOST_MAX);
        } else {
            self.exited(worker.serial, Exit::default());
        }
    }

    fn pressed(&mut self, at: usize) {
        let serving = self.teams.iter().filter(|team| team.pool.is_some());
        if serving.map(|team| team.fleet.len()).sum::<usize>() >= self.limits.workers {
            return;
        }
        let team = &mut self.teams[at];
        let is_pressed = team.pool.as_ref().is_some_and(|pool| pool.is_pressed());
        if is_pressed && team.fleet.pressed(Instant::now()) {
            let (name, len) = (team.name.clone(), team.fleet.len());
            let classic = team.spec.kind == WorkerKind::Classic;
            let message =
                if classic { "upscaling regular thread" } else { "upscaling worker thread" };
            self.floor.say(
                Level::Info,
                message,
                &[("worker", Value::Str(&name)), ("num_threads", Value::Int(count(len)))],
            );
        }
    }

    fn hear_zygote(&mut self, report: io::Result<Option<(FromZygote, Option<OwnedFd>)>>) {
        let (report, process) = match report {
            Ok(Some(report)) => report,
            Ok(None) => return self.zygote_gone("ended"),
            Err(e) => return self.zygote_gone(&format!("broke its link: {e}")),
        };
        match report {
            FromZygote::Forked { serial, pid } => {
                self.asked = self.asked.saturating_sub(1);
                if let Some(worker) = self.floor.roster.workers.get(&serial) {
                    worker.is_process(pid, process);
                }
            }
            FromZygote::ForkFailed { serial, error } => {
                self.asked = self.asked.saturating_sub(1);
                // Its socket is closed as well; who tends its boot reports the rest.
                self.floor.say(
                    Level::Error,
                    "cannot fork a PHP worker",
                    &[("error", Value::Str(&error))],
                );
                self.exited(serial, Exit::default());
            }
            FromZygote::Exited { serial, code, signal, .. } => {
                self.exited(serial, Exit { code, signal });
            }
            FromZygote::Failed { error } => self.zygote_gone(&error),
            FromZygote::Booted { .. } => {}
        }
    }

    /// A worker's process ended, in this way if anybody saw it.
    fn exited(&mut self, serial: u32, exit: Exit) {
        let worker = self.floor.roster.workers.get(&serial).map(|w| Arc::clone(&w));
        let Some(worker) = worker else { return };
        worker.has_ended(exit);
        // One that had not come up is reported by who tends its boot, with its output.
        if self.teams[worker.pool].fleet.has_up(serial) {
            self.ended(serial, worker.pool, exit, None);
        }
    }

    /// It is known how a worker ended; `output` is what its boot wrote, if it was booting.
    fn ended(&mut self, serial: u32, at: usize, exit: Exit, output: Option<String>) {
        let worker = self.floor.roster.workers.remove(&serial);
        self.lost.remove(&serial);
        let team = &mut self.teams[at];
        if let Some(pool) = &team.pool {
            pool.remove(serial);
        }
        let worker = worker.map(|(_, worker)| worker);
        let zygote_is_gone =
            self.zygote.is_none() || worker.as_ref().is_some_and(|w| w.zygote != self.generation);
        let life = if zygote_is_gone && exit == Exit::default() {
            Life::Cut
        } else if worker.as_ref().is_some_and(|w| w.has_worked()) {
            Life::Worked
        } else {
            Life::Idle
        };
        let was = team.fleet.ended(serial, life, Instant::now());
        // What it spawned outside of any request.
        self.floor.request_ended(serial);
        self.cut_lifelines();
        self.report_end(at, worker.map_or(0, |w| w.pid()), exit, was, output);
    }

    /// Logs the end of a worker, and fails the start when it was the last chance.
    fn report_end(&mut self, at: usize, pid: i32, exit: Exit, was: Ended, output: Option<String>) {
        let team = &self.teams[at];
        let how = exit.to_string();
        let fields = [
            ("worker", Value::Str(&team.name)),
            ("pid", Value::Int(pid.into())),
            ("exit", Value::Str(&how)),
        ];
        match was {
            Ended::Unknown | Ended::Left => {}
            Ended::Replaced if matches!(exit.code, Some(EXIT_OK | EXIT_BAILOUT)) => {
                self.floor.say(Level::Debug, "restarting", &fields);
            }
            Ended::Replaced => {
                self.floor.say(Level::Warn, "unexpected termination, restarting", &fields);
            }
            Ended::Failed { failures } => {
                let mut fields = fields.to_vec();
                fields.push(("failures", Value::Int(failures.into())));
                let output = output.unwrap_or_default();
                if !output.is_empty() {
                    fields.push(("output", Value::Str(&output)));
                }
                let message = "worker script has failed on restart";
                self.floor.say(Level::Warn, message, &fields);
            }
            Ended::Hopeless => {
                let script = team.spec.script.clone();
                let output = output.unwrap_or_default();
                if let Some(starting) = self.starting.take() {
                    let error = match team.spec.kind {
                        WorkerKind::Classic => StartError::Classic { exit: how, output },
                        _ => StartError::Worker { script, exit: how, output },
                    };
                    let _ = starting.send(Err(error));
                }
            }
        }
    }

    /// Nobody takes more work; who has none ends now.
    fn drain(&mut self, grace: Duration) {
        self.drain_until = Some(Instant::now() + grace);
        self.patient = !grace.is_zero();
        if let Some(tasks) = &self.floor.tasks {
            tasks.close();
        }
        for team in &mut self.teams {
            team.fleet.drain();
            if let Some(pool) = &team.pool {
                pool.close();
            }
        }
        let table = self.floor.tasks.as_ref().map(|tasks| tasks.table(true));
        for worker in &self.floor.roster.workers {
            if let Some(table) = &table {
                let _ = worker.link.post(Kind::Pools, 0, 0, [table, b""]);
            }
            // A worker that is gone needs no telling.
            let _ = worker.link.post(Kind::Drain, 0, 0, [b"", b""]);
        }
    }
}

impl Team {
    /// A team without workers.
    pub(super) const fn new(
        fleet: Fleet,
        pool: Option<Arc<Pool>>,
        spec: WorkerSpec,
        name: String,
        tasks: Option<u16>,
    ) -> Self {
        Self { fleet, pool, spec, name, tasks, rested: 0 }
    }

    /// Lets workers above the usual number go that were idle at two looks in a row.
    fn shrink(&mut self) {
        let Some(pool) = &self.pool else { return };
        let idle = pool.idle_count();
        let surplus = self.fleet.surplus().min(idle).min(self.rested);
        for _ in 0..surplus {
            pool.dismiss_one();
        }
        self.rested = idle - surplus;
    }
}

/// A count as a log shows it.
fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
