//! The hands of the fleets: forks, kills, starts zygotes, hears how workers ended.
//!
//! One task for a runtime, and what happens rarely passes through it: requests and tasks
//! do not. It alone knows the zygote.

use super::boot;
use super::fleet::{Action, Ended, Fleet};
use super::floor::{Event, Exit, Floor, Worker};
use super::link::Link;
use super::log::{Level, Value};
use super::pool::Pool;
use super::runtime::StartError;
use super::zygote::{PhpInfo, Zygote, ZygoteError};
use php_wire::control::{EXIT_BAILOUT, EXIT_OK, FromZygote, ToZygote, WorkerKind, WorkerSpec};
use php_wire::frame::{self, Kind};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, sleep_until};

/// How long after a zygote that did not start, or ended at once, the next one is tried.
const ZYGOTE_PAUSE: Duration = Duration::from_secs(1);
/// How long a worker whose socket is closed may take to end.
const LOST_MAX: Duration = Duration::from_secs(5);
/// How long to sleep when nothing is due: as good as for ever.
const LONG: Duration = Duration::from_secs(3600);

/// Keeps the workers of all pools.
pub(super) struct Supervisor {
    floor: Arc<Floor>,
    teams: Vec<Team>,
    host: Host,
    zygote: Option<Zygote>,
    /// The number of the zygote that runs or is being started.
    generation: u32,
    serials: u32,
    events: mpsc::UnboundedReceiver<Event>,
    /// Who waits for the start, until it is over.
    starting: Option<oneshot::Sender<Result<(), StartError>>>,
    /// Workers whose socket is closed and whose end was not reported yet.
    lost: HashMap<u32, Instant>,
    /// The lifelines of zygotes that are gone; their workers live as long as these.
    lifelines: Vec<OwnedFd>,
    /// When the server ends, by when everybody has to be done.
    drain_until: Option<Instant>,
    /// Whether they were given any time.
    patient: bool,
    limits: Limits,
    shrink_at: Instant,
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

/// A zygote that was started to replace another, or why there is none.
#[derive(Debug)]
pub(crate) struct NewZygote(Result<(Zygote, PhpInfo), ZygoteError>);

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
            generation: 1,
            serials: 0,
            events,
            starting: Some(starting),
            lost: HashMap::new(),
            lifelines: Vec::new(),
            drain_until: None,
            patient: false,
            limits,
            shrink_at,
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
        let forks = self.teams.iter().filter_map(|team| team.fleet.next());
        // Nothing is forked without a zygote; its start is an event.
        let forks = forks.filter(|_| self.zygote.is_some()).min();
        let grown = self.teams.iter().any(|team| team.fleet.surplus() > 0);
        let shrink = grown.then_some(self.shrink_at);
        let lost = self.lost.values().min().copied();
        let times = [forks, shrink, lost, self.drain_until].into_iter().flatten();
        times.min().unwrap_or_else(|| Instant::now() + LONG)
    }

    /// Forks and kills whoever is to be forked and killed now.
    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        if self.zygote.is_some() {
            for at in 0..self.teams.len() {
                for action in self.teams[at].fleet.due(now) {
                    match action {
                        Action::Fork(slot) => self.fork(at, slot, now),
                        Action::Kill(serial) => self.kill(serial),
                    }
                }
            }
        }
        let overdue: Vec<u32> =
            self.lost.iter().filter(|(_, at)| **at <= now).map(|(serial, _)| *serial).collect();
        for serial in overdue {
            self.lost.insert(serial, now + LOST_MAX);
            self.kill(serial);
        }
        if self.shrink_at <= now {
            self.shrink_at = now + self.limits.idle;
            self.teams.iter_mut().for_each(Team::shrink);
        }
    }

    fn fork(&mut self, at: usize, slot: usize, now: Instant) {
        self.serials += 1;
        let serial = self.serials;
        let team = &mut self.teams[at];
        team.fleet.forked(slot, serial, now);
        let spec = WorkerSpec { serial, ..team.spec.clone() };
        let pair = frame::pair().and_then(|(ours, theirs)| Ok((Link::new(ours)?, theirs)));
        let (link, theirs) = match pair {
            Ok(pair) => pair,
            Err(e) => return self.fork_failed(at, serial, &e.to_string()),
        };
        let worker = Arc::new(Worker::new(serial, at, self.generation, link));
        if let Some(tasks) = &self.floor.tasks {
            let table = tasks.table(self.drain_until.is_some());
            // The other end is still here, so this is kept for it.
            let _ = worker.link.post(Kind::Pools, 0, 0, [&table, b""]);
        }
        self.floor.roster.workers.insert(serial, Arc::clone(&worker));
        let asked = self.zygote.as_ref().map(|zygote| zygote.fork(spec, &theirs));
        let door = team.pool.clone();
        tokio::spawn(boot::tend(Arc::clone(&self.floor), worker, door, team.tasks));
        if let Some(Err(e)) = asked {
            self.zygote_stuck(&e);
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

    fn kill(&mut self, serial: u32) {
        self.order(&ToZygote::Kill { serial });
    }

    /// Gives the zygote an order. Without a zygote nobody can be killed; a worker whose
    /// zygote is gone and whose socket is closed ends by itself.
    fn order(&mut self, order: &ToZygote) {
        if let Some(Err(e)) = self.zygote.as_ref().map(|zygote| zygote.order(order)) {
            self.zygote_stuck(&e);
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Ready(worker) => self.ready(&worker),
            Event::BootFailed(worker, output) => {
                let exit = worker.exit().unwrap_or_default();
                self.ended(worker.serial, worker.pool, exit, Some(output));
            }
            Event::Lost(worker) => self.lost(&worker),
            Event::Pressed(at) => self.pressed(at),
            Event::Stop { serial, job } => self.order(&ToZygote::Stop { serial, job }),
            Event::Kill(serial) => self.kill(serial),
            Event::Zygote(new) => self.new_zygote(new.0),
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

    /// A worker's socket is closed. How it ended is its zygote's to say, if it can.
    fn lost(&mut self, worker: &Arc<Worker>) {
        if worker.zygote == self.generation && self.zygote.is_some() {
            if self.floor.roster.workers.contains_key(&worker.serial) {
                self.lost.insert(worker.serial, Instant::now() + LOST_MAX);
            }
            return;
        }
        worker.has_ended(Exit::default());
        self.ended(worker.serial, worker.pool, Exit::default(), None);
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

    fn hear_zygote(&mut self, report: io::Result<Option<FromZygote>>) {
        let report = match report {
            Ok(Some(report)) => report,
            Ok(None) => return self.zygote_gone("ended"),
            Err(e) => return self.zygote_gone(&format!("broke its link: {e}")),
        };
        match report {
            FromZygote::Forked { serial, pid } => {
                if let Some(worker) = self.floor.roster.workers.get(&serial) {
                    worker.is_process(pid);
                }
            }
            FromZygote::ForkFailed { serial, error } => {
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

    /// A worker's process ended.
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
        let zygote_is_gone = self.zygote.is_none()
            || worker.as_ref().is_some_and(|(_, w)| w.zygote != self.generation);
        let blameless = zygote_is_gone && exit == Exit::default();
        let pid = worker.map_or(0, |(_, w)| w.pid());
        let was = team.fleet.ended(serial, blameless, Instant::now());
        self.report_end(at, pid, exit, was, output);
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
                    let _ = starting.send(Err(StartError::Worker { script, exit: how, output }));
                }
            }
        }
    }

    /// The zygote does not take orders.
    fn zygote_stuck(&mut self, error: &io::Error) {
        self.zygote_gone(&format!("takes no orders: {error}"));
    }

    /// There is no zygote any more; running workers go on, and another is started.
    fn zygote_gone(&mut self, how: &str) {
        let Some(zygote) = self.zygote.take() else { return };
        let pid = zygote.pid().map_or(0, i64::from);
        self.floor.say(
            Level::Error,
            "the zygote is gone, starting another",
            &[("pid", Value::Int(pid)), ("how", Value::Str(how))],
        );
        self.lifelines.push(zygote.outlived());
        for serial in std::mem::take(&mut self.lost).into_keys() {
            let worker = self.floor.roster.workers.get(&serial).map(|w| Arc::clone(&w));
            if let Some(worker) = worker {
                worker.has_ended(Exit::default());
                self.ended(serial, worker.pool, Exit::default(), None);
            }
        }
        if self.drain_until.is_none() {
            let lived = self.zygote_since.elapsed();
            self.start_zygote(if lived < ZYGOTE_PAUSE { ZYGOTE_PAUSE } else { Duration::ZERO });
        }
    }

    /// Starts another zygote after a pause, without letting anybody wait for it.
    fn start_zygote(&mut self, pause: Duration) {
        self.generation += 1;
        let Host { path, ini } = self.host.clone();
        let floor = Arc::clone(&self.floor);
        tokio::spawn(async move {
            sleep(pause).await;
            let new = Zygote::start(&path, &ini).await;
            floor.roster.tell(Event::Zygote(Box::new(NewZygote(new))));
        });
    }

    fn new_zygote(&mut self, new: Result<(Zygote, PhpInfo), ZygoteError>) {
        match new {
            Ok((zygote, info)) => {
                self.floor.say(
                    Level::Info,
                    "the zygote was replaced",
                    &[("php_version", Value::Str(&info.version))],
                );
                self.zygote_since = Instant::now();
                self.zygote = Some(zygote);
            }
            Err(e) => {
                let error = e.to_string();
                self.floor.say(
                    Level::Error,
                    "cannot start a zygote, trying again",
                    &[("error", Value::Str(&error))],
                );
                self.start_zygote(ZYGOTE_PAUSE);
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
