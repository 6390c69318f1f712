//! What runs: one zygote, the pools whose workers it forked, and the way to them.

#[cfg(test)]
mod tests;

use super::fleet::Fleet;
use super::floor::{Event, Floor, Roster};
use super::log::{Level, Log, Value};
use super::pool::Pool;
use super::report;
use super::settings::{Scope, Settings, Size, TaskPool, WorkerScript};
use super::supervisor::{Host, Limits, Supervisor, Team};
use super::zygote::{PhpInfo, Zygote, ZygoteError};
use crate::config::handlers::Php;
use crate::pogo::Tasks;
use crate::pogo::broker::PoolConfig;
use parking_lot::Mutex;
use php_wire::control::{WorkerKind, WorkerSpec};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long PHP's own way of stopping a request may take before its worker ends itself.
const REQUEST_GRACE: Duration = Duration::from_secs(1);
/// The same for a task. The broker's patience with a cancelled one is a little longer.
const TASK_GRACE: Duration = Duration::from_millis(400);

/// How often a worker that runs any script may fail in a row to come up at the start.
const CLASSIC_FAILURES_MAX: u32 = 5;

/// Scripts, by the bytes of their paths, and the pools that run them. They are few: each
/// request compares less than it would hash.
type ByScript = BTreeMap<Vec<u8>, Arc<Pool>>;

/// PHP, running.
#[derive(Debug)]
pub struct Runtime {
    classic: Arc<Pool>,
    global: Arc<ByScript>,
    scopes: HashMap<Scope, (Vec<ByPath>, ByScript)>,
    php: PhpInfo,
    pub(super) roster: Arc<Roster>,
    /// What the workers of each pool are called.
    pub(super) names: Vec<String>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

/// Why PHP did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no PHP.
    #[error(transparent)]
    Zygote(#[from] ZygoteError),
    /// The workers that run any script did not come up.
    #[error("failed to start PHP: its workers do not come up{}", with_output(.exit, .output))]
    Classic {
        /// How one ended.
        exit: String,
        /// What it wrote.
        output: String,
    },
    /// A worker script did not come up.
    #[error(
        "failed to initialize workers: too many consecutive failures: worker {script} has not \
         reached frankenphp_handle_request(){}",
        with_output(.exit, .output)
    )]
    Worker {
        /// The script.
        script: String,
        /// How its worker ended.
        exit: String,
        /// What it wrote.
        output: String,
    },
    /// The supervisor ended before the workers were up.
    #[error("PHP was stopped while it started")]
    Stopped,
}

/// The worker scripts that one `php` handler reaches; looked up when it is provisioned.
#[derive(Clone, Debug)]
pub struct Workers {
    /// Those that take requests by path, in the configuration's order.
    pub by_path: Vec<ByPath>,
    scoped: ByScript,
    global: Arc<ByScript>,
}

/// A worker script that takes requests by path.
#[derive(Clone, Debug)]
pub struct ByPath {
    /// Patterns as in the `path` matcher.
    pub paths: Vec<String>,
    /// The script, absolute.
    pub script: Vec<u8>,
    /// Its workers.
    pub pool: Arc<Pool>,
}

impl Workers {
    /// The pool that runs this script (absolute, links resolved), if one does.
    pub fn for_script(&self, script: &[u8]) -> Option<&Arc<Pool>> {
        self.scoped.get(script).or_else(|| self.global.get(script))
    }
}

impl Runtime {
    /// Starts PHP. Returns when every worker of every pool is up.
    ///
    /// # Errors
    /// When PHP does not start, or a worker script does not reach its loop; nothing is
    /// left running then.
    pub async fn start(settings: Settings, log: Log) -> Result<Arc<Self>, StartError> {
        let (zygote, php) = Zygote::start(&settings.host, &settings.ini).await?;
        Self::over(zygote, php, settings, log).await
    }

    /// Forks all workers from this zygote, and waits until they are up.
    async fn over(
        zygote: Zygote,
        php: PhpInfo,
        settings: Settings,
        log: Log,
    ) -> Result<Arc<Self>, StartError> {
        let (sender, events) = mpsc::unbounded_channel();
        let roster = Roster::new(sender);
        let tasks = settings.tasks.as_deref().map(|pools| {
            let hands = Arc::clone(&roster);
            Tasks::new(pools.iter().map(pool_config).collect(), settings.processors, hands)
        });
        let floor = Floor::new(Arc::clone(&roster), tasks, log);
        let mut build = Build { floor: &floor, settings: &settings, teams: Vec::new() };
        let classic = build.classic();
        let (global, scopes) = build.scripts();
        build.tasks();
        let host = Host { path: settings.host.clone(), ini: settings.ini.clone() };
        let workers = usize::try_from(settings.threads_max).unwrap_or(usize::MAX);
        let limits = Limits { workers, idle: settings.max_idle };
        let shared = Arc::clone(&floor);
        let (supervisor, started) =
            Supervisor::new(shared, build.teams, host, zygote, events, limits);
        let supervisor = Mutex::new(Some(tokio::spawn(supervisor.run())));
        let global = Arc::new(global);
        let names = report::names(&settings);
        let runtime = Self { classic, global, scopes, php, roster, names, supervisor };
        if let Err(e) = started.await.unwrap_or(Err(StartError::Stopped)) {
            runtime.shutdown(Duration::ZERO).await;
            return Err(e);
        }
        runtime.announce(&floor, &settings);
        Ok(Arc::new(runtime))
    }

    /// The pool that runs any script, once a request.
    pub fn classic(&self) -> &Arc<Pool> {
        &self.classic
    }

    /// The pool of a worker script (absolute, links resolved) that every handler reaches.
    pub fn worker_for(&self, script: &[u8]) -> Option<&Arc<Pool>> {
        self.global.get(script)
    }

    /// The worker scripts that this handler reaches.
    pub fn workers_of(&self, handler: &Php) -> Workers {
        let scoped = Scope::of(handler).and_then(|scope| self.scopes.get(&scope)).cloned();
        let (by_path, scoped) = scoped.unwrap_or_default();
        Workers { by_path, scoped, global: Arc::clone(&self.global) }
    }

    /// The numbers of the workers that wait for a request.
    pub(super) fn idle_serials(&self) -> HashSet<u32> {
        let scoped = self.scopes.values().flat_map(|(by_path, by_script)| {
            by_path.iter().map(|by_path| &by_path.pool).chain(by_script.values())
        });
        let pools = self.global.values().chain(scoped).chain([&self.classic]);
        pools.flat_map(|pool| pool.idle_serials()).collect()
    }

    /// What PHP this is.
    pub const fn php(&self) -> &PhpInfo {
        &self.php
    }

    /// Ends PHP: workers finish what they do within `grace`, then they are killed.
    /// Nothing of PHP runs any more when this returns.
    pub async fn shutdown(&self, grace: Duration) {
        self.roster.tell(Event::Drain(grace));
        let supervisor = self.supervisor.lock().take();
        if let Some(supervisor) = supervisor {
            // A supervisor that panicked has dropped the zygote, which ends everything.
            let _ = supervisor.await;
        }
    }

    /// Says that PHP is up.
    fn announce(&self, floor: &Floor, settings: &Settings) {
        let sizes = || settings.workers.iter().map(|w| w.size).chain([settings.classic]);
        let sum = |of: fn(Size) -> u32| sizes().map(of).map(i64::from).sum();
        floor.say(
            Level::Info,
            "FrankenPHP started 🐘",
            &[
                ("php_version", Value::Str(&self.php.version)),
                ("num_threads", Value::Int(sum(|size| size.num))),
                ("max_threads", Value::Int(sum(|size| size.max))),
                (
                    "max_requests",
                    Value::Int(i64::try_from(settings.max_requests).unwrap_or(i64::MAX)),
                ),
            ],
        );
    }
}

impl Drop for Runtime {
    /// A runtime that nobody shut down ends at once.
    fn drop(&mut self) {
        self.roster.tell(Event::Drain(Duration::ZERO));
    }
}

/// Makes the pools of some settings, and the teams behind them.
struct Build<'s> {
    floor: &'s Arc<Floor>,
    settings: &'s Settings,
    teams: Vec<Team>,
}

impl Build<'_> {
    fn classic(&mut self) -> Arc<Pool> {
        let size = self.settings.classic;
        let spec = spec(WorkerKind::Classic, "worker classic");
        self.pool("classic".into(), size, Some(CLASSIC_FAILURES_MAX), spec)
    }

    /// Pools of worker scripts: those that every handler reaches, and those of some.
    fn scripts(&mut self) -> (ByScript, HashMap<Scope, (Vec<ByPath>, ByScript)>) {
        let mut global = ByScript::new();
        let mut scopes: HashMap<Scope, (Vec<ByPath>, ByScript)> = HashMap::new();
        for worker in &self.settings.workers {
            let pool = self.script(worker);
            let script = path_bytes(&worker.script);
            let Some(scope) = &worker.scope else {
                global.insert(script, pool);
                continue;
            };
            let (by_path, by_script) = scopes.entry(scope.clone()).or_default();
            if worker.match_path.is_empty() {
                by_script.insert(script, pool);
            } else {
                by_path.push(ByPath { paths: worker.match_path.clone(), script, pool });
            }
        }
        (global, scopes)
    }

    fn script(&mut self, worker: &WorkerScript) -> Arc<Pool> {
        let spec = WorkerSpec {
            script: worker.script.to_string_lossy().into_owned(),
            env: worker.env.clone(),
            ..spec(WorkerKind::Worker, &format!("worker {}", worker.name))
        };
        self.pool(worker.name.clone(), worker.size, worker.max_failures, spec)
    }

    fn pool(
        &mut self,
        name: String,
        size: Size,
        max_failures: Option<u32>,
        spec: WorkerSpec,
    ) -> Arc<Pool> {
        let Settings { max_wait, processors, .. } = *self.settings;
        let (at, grows, floor) = (self.teams.len(), size.max > size.num, Arc::clone(self.floor));
        let pool = Pool::new(name.clone(), at, max_wait, grows, processors, floor);
        let fleet = Fleet::new(size.num, size.max, max_failures, Instant::now());
        let spec = WorkerSpec { max_requests: self.settings.max_requests, ..spec };
        self.teams.push(Team::new(fleet, Some(Arc::clone(&pool)), spec, name, None));
        pool
    }

    /// The task pools. Their door is the broker.
    fn tasks(&mut self) {
        for (at, pool) in (0..).zip(self.settings.tasks.iter().flatten()) {
            let spec = WorkerSpec {
                script: pool.script.to_string_lossy().into_owned(),
                max_requests: self.settings.max_requests,
                grace_ms: millis(TASK_GRACE),
                ..spec(WorkerKind::Task, &format!("task worker {}", pool.name))
            };
            let fleet = Fleet::new(pool.num, pool.num, Some(0), Instant::now());
            self.teams.push(Team::new(
                fleet,
                None,
                spec,
                format!("m#Pogo/{}", pool.name),
                Some(at),
            ));
        }
    }
}

/// What every worker of a kind is told.
fn spec(kind: WorkerKind, title: &str) -> WorkerSpec {
    WorkerSpec {
        serial: 0,
        kind,
        title: title.into(),
        script: String::new(),
        env: Vec::new(),
        max_requests: 0,
        grace_ms: millis(REQUEST_GRACE),
    }
}

fn pool_config(pool: &TaskPool) -> PoolConfig {
    PoolConfig { name: pool.name.clone(), size: pool.num, max_wait: pool.max_wait }
}

fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

/// The rest of an error about a script: how it ended, and what it wrote, on lines of its own.
fn with_output(exit: &str, output: &str) -> String {
    match output.trim_end() {
        "" => format!(" ({exit}, without output)"),
        output => format!(" ({exit}); its output:\n{output}"),
    }
}
