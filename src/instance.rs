//! The running configuration: how one takes another's place.
//!
//! In reading order: [`load`] compiles a configuration and starts what it needs, beside the
//! one that runs; [`Instance`] keeps the one that runs, puts the new one in its place and
//! ends what is left of the old one; [`notify`] tells the service manager; [`autosave`] writes it to disk, [`pull`] fetches one
//! over HTTP.
//!
//! **Invariant**: a load that fails leaves everything as it was. What may fail comes first:
//! compiling, starting PHP, opening listeners. Publishing cannot fail.
//!
//! This room knows no Caddyfile and no command line.

mod autosave;
mod load;
mod notify;
mod pull;

pub use autosave::path as autosave_path;
pub use load::LoadError;

use crate::admin::{Adapters, ApiError, Change, Control, Method, Tools, Tree};
use crate::blocking;
use crate::config::Config;
use crate::http;
use crate::logging::{Level, Logs};
use crate::metrics::Figures;
use crate::metrics::push::Push;
use crate::php;
use crate::php::settings::Surroundings;
use crate::tracing::Tracers;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use load::{Next, Opened};
use notify::News;
use parking_lot::Mutex as SyncMutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

/// How long PHP may take to end what no request waits for any more, when it is replaced.
const PHP_RETIRE: Duration = Duration::from_secs(30);
/// The same when the server ends.
const PHP_GRACE: Duration = Duration::from_secs(10);
/// How long the last spans, and the last figures, may take to reach their collector.
const TRACE_GRACE: Duration = Duration::from_secs(5);
/// How long the last lines of a log may take when its configuration is replaced.
const LOG_GRACE: Duration = Duration::from_secs(2);

/// The server: one configuration at a time.
#[derive(Debug)]
pub struct Instance {
    around: Surroundings,
    adapters: Arc<dyn Adapters>,
    figures: Arc<Figures>,
    tracers: Tracers,
    tree: ArcSwap<Tree>,
    logs: ArcSwap<Logs>,
    php: ArcSwap<Option<Arc<php::Runtime>>>,
    source: SyncMutex<Option<Source>>,
    /// Held by the load that is under way.
    running: Mutex<Running>,
    stop: watch::Sender<bool>,
    serves: AtomicBool,
    me: Weak<Self>,
}

/// What runs.
#[derive(Debug)]
struct Running {
    http: http::Live,
    admin: http::Live,
    /// What sends figures to a collector.
    push: Option<Push>,
    /// What is left of earlier configurations.
    retiring: JoinSet<()>,
    /// The fetch of the next configuration.
    pull: Option<tokio::task::AbortHandle>,
}

/// The file that the configuration came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its path.
    pub file: String,
    /// What it is written in; empty for JSON.
    pub adapter: String,
}

/// Who a configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// A file or a client: it is saved.
    Pushed,
    /// Another configuration told us to fetch it.
    Pulled,
}

impl Instance {
    /// A server without a configuration.
    pub fn new(around: Surroundings, adapters: Arc<dyn Adapters>, logs: Arc<Logs>) -> Arc<Self> {
        let figures = Arc::<Figures>::default();
        let running = Running {
            http: http::Live::counting(figures.connections()),
            admin: http::Live::counting(figures.connections()),
            push: None,
            retiring: JoinSet::new(),
            pull: None,
        };
        Arc::new_cyclic(|me| Self {
            around,
            adapters,
            figures,
            tracers: Tracers::new(Arc::clone(&logs)),
            tree: ArcSwap::default(),
            logs: ArcSwap::new(logs),
            php: ArcSwap::default(),
            source: SyncMutex::new(None),
            running: Mutex::new(running),
            stop: watch::Sender::new(false),
            serves: AtomicBool::new(false),
            me: me.clone(),
        })
    }

    /// Finds all that is wrong with a configuration without starting anything. What this
    /// server cannot do yet is not wrong.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(config: &Config, around: &Surroundings) -> Result<(), LoadError> {
        load::validate(config, around)
    }

    /// The logs of the running configuration.
    pub fn logs(&self) -> Arc<Logs> {
        self.logs.load_full()
    }

    /// Loads a configuration; one that is like the running one only when `force` is set.
    ///
    /// # Errors
    /// When it cannot be run; then everything is as it was.
    pub async fn load(
        self: &Arc<Self>,
        json: impl Into<Bytes>,
        force: bool,
    ) -> Result<(), ApiError> {
        let change = Change {
            method: Method::Post,
            path: "/config".to_owned(),
            body: json.into(),
            if_match: String::new(),
            force,
        };
        self.change_from(change, Origin::Pushed).await
    }

    /// Whether any configuration has come as far as to be answered by.
    pub fn serves(&self) -> bool {
        self.serves.load(Ordering::Relaxed)
    }

    /// Where the sites are.
    pub async fn addresses(&self) -> Vec<String> {
        self.running.lock().await.http.addresses()
    }

    /// Says which file the configuration came from.
    pub fn set_source(&self, source: Option<Source>) {
        *self.source.lock() = source;
    }

    /// The file that the configuration came from, unless it was changed since.
    pub fn source(&self) -> Option<Source> {
        self.source.lock().clone()
    }

    /// Waits until a client has asked for the end.
    pub async fn stop_requested(&self) {
        // The sender lives as long as we do.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Ends everything: listeners drain, then PHP ends.
    pub async fn shutdown(&self) {
        let mut running = self.running.lock().await;
        if let Some(pull) = running.pull.take() {
            pull.abort();
        }
        let logs = self.logs();
        notify::tell(News::Stopping, &logs);
        log_grace(&logs, running.http.grace());
        running.http.retire().drain().await;
        while running.retiring.join_next().await.is_some() {}
        self.tracers.end(TRACE_GRACE).await;
        if let Some(push) = running.push.take() {
            push.stop();
            push.stopped(TRACE_GRACE).await;
        }
        if let Some(php) = self.php.swap(Arc::default()).as_ref() {
            php.shutdown(PHP_GRACE).await;
        }
        running.admin.retire().drain().await;
    }

    /// Ends PHP at once, whatever it does.
    pub async fn kill_php(&self) {
        if let Some(php) = self.php.swap(Arc::default()).as_ref() {
            php.shutdown(Duration::ZERO).await;
        }
    }

    /// Changes the configuration in a task of its own: a client that leaves does not stop
    /// a load halfway.
    async fn change_from(self: &Arc<Self>, change: Change, origin: Origin) -> Result<(), ApiError> {
        let this = Arc::clone(self);
        let work = tokio::spawn(async move {
            notify::tell(News::Reloading, &this.logs());
            let outcome = this.change_now(change, origin).await;
            if let Err(error) = &outcome {
                notify::tell(News::Failed(&error.to_string()), &this.logs());
            }
            // What ran before runs still, if anything did.
            if this.serves() {
                notify::tell(News::Ready, &this.logs());
            }
            outcome
        });
        work.await.unwrap_or_else(|panic| Err(ApiError::plain(format!("loading: {panic}"))))
    }

    async fn change_now(&self, change: Change, origin: Origin) -> Result<(), ApiError> {
        let mut running = self.running.lock().await;
        let before = self.tree.load_full();
        if !change.if_match.is_empty() {
            before.check_match(&change.if_match)?;
        }
        let after = self.aside(|| before.changed(change.method, &change.path, &change.body))?;
        if !change.force && after.json() == before.json() {
            self.logs().write(Level::Info, "", "config is unchanged", |_| {});
            return Ok(());
        }
        let outcome = self.run(&mut running, after.json(), origin).await;
        self.figures.reload(outcome.is_ok());
        outcome.map_err(|error| ApiError::plain(format!("loading new config: {error}")))?;
        self.tree.store(Arc::new(after));
        Ok(())
    }

    /// Runs a configuration in the place of the one that runs.
    async fn run(
        &self,
        running: &mut Running,
        json: &str,
        origin: Origin,
    ) -> Result<(), LoadError> {
        let config = self.aside(|| load::read(json))?;
        if origin == Origin::Pulled {
            pull::refuse_loop(&config)?;
        }
        let next = self.prepare(running, &config).await?;
        self.publish(running, next);
        let settings = config.admin.as_ref().and_then(|admin| admin.config.as_ref());
        let persists = settings.and_then(|settings| settings.persist).unwrap_or(true);
        if origin == Origin::Pushed && persists {
            self.aside(|| autosave::write(json, &self.logs()));
        }
        if let Some(pull) = running.pull.take() {
            pull.abort();
        }
        if let Some(settings) = settings.filter(|settings| settings.load.is_some()) {
            let task = tokio::spawn(pull::fetch(self.me.clone(), settings.clone()));
            running.pull = Some(task.abort_handle());
        }
        Ok(())
    }

    /// Compiles a configuration and starts what it needs.
    async fn prepare(&self, running: &Running, config: &Config) -> Result<Next, LoadError> {
        let checked = self.aside(|| load::check(config, &self.around, &self.tracers))?;
        let php = load::start_php(checked.php, &checked.logs).await?;
        let tools = self.me.upgrade().map(|control| Tools {
            control,
            adapters: Arc::clone(&self.adapters),
            figures: Arc::clone(&self.figures),
        });
        let opened = self.aside(|| {
            load::open(
                config,
                php.as_ref(),
                (&checked.logs, &self.figures, &self.tracers),
                (&running.http, &running.admin),
                checked.endpoint.as_ref().zip(tools),
            )
        });
        match opened {
            Ok(opened) => Ok(Next {
                logs: checked.logs,
                endpoint: checked.endpoint,
                push: checked.push,
                php,
                opened,
            }),
            Err(error) => {
                if let Some(php) = php {
                    php.shutdown(Duration::ZERO).await;
                }
                Err(error)
            }
        }
    }

    /// Does something that takes long, while others are served, if any are.
    fn aside<R>(&self, work: impl FnOnce() -> R) -> R {
        if self.serves() { blocking::in_place(work) } else { work() }
    }

    /// From here on the new configuration answers. Cannot fail.
    fn publish(&self, running: &mut Running, next: Next) {
        let Next { logs, endpoint, php, push, opened: Opened { http, requests, admin } } = next;
        let had_admin = running.admin.addresses();
        let grace = running.http.grace();
        // Before the first listener accepts: who is answered finds this set.
        let is_first = !self.serves.swap(true, Ordering::Relaxed);
        let old_push = running.push.take();
        old_push.iter().for_each(Push::stop);
        self.figures.count(requests);
        running.push = push.and_then(|push| Push::start(push, &self.figures, &logs));
        let retired = running.http.publish(http);
        let retired_admin = match admin {
            Some(admin) => running.admin.publish(admin),
            None => running.admin.retire(),
        };
        let old_logs = self.logs.swap(Arc::clone(&logs));
        self.tracers.log_to(&logs);
        let old_php = self.php.swap(Arc::new(php));
        match &endpoint {
            Some(endpoint) if running.admin.addresses() != had_admin => endpoint.announce(&logs),
            Some(_) => {}
            None => logs.write(Level::Warn, "admin", "admin endpoint disabled", |_| {}),
        }
        if !is_first {
            log_grace(&logs, grace);
        }
        let counted = (!is_first).then(|| self.figures.retiring().hold());
        running.retiring.spawn(async move {
            let _counted = counted;
            retired.drain().await;
            if let Some(push) = old_push {
                push.stopped(TRACE_GRACE).await;
            }
            if let Some(php) = old_php.as_ref() {
                php.shutdown(PHP_RETIRE).await;
            }
            // What waits to be written goes out before its writers end with it.
            drop(tokio::task::spawn_blocking(move || old_logs.flush(LOG_GRACE)).await);
        });
        running.retiring.spawn(retired_admin.drain());
        while running.retiring.try_join_next().is_some() {}
    }
}

/// Says how long what runs may take to end, in Caddy's words.
fn log_grace(logs: &Logs, grace: Option<Duration>) {
    match grace {
        None => {
            let text = "servers shutting down with eternal grace period";
            logs.write(Level::Info, "http", text, |_| {});
        }
        Some(grace) => {
            let text = "servers shutting down; grace period initiated";
            logs.write(Level::Info, "http", text, |o| o.float("duration", grace.as_secs_f64()));
        }
    }
}

impl Source {
    /// Whether a client means this file: Caddy compares the adapters, and of the files at
    /// least the last parts.
    fn is_meant_by(&self, file: &str, adapter: &str) -> bool {
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let same_adapter = adapter.is_empty() || adapter == self.adapter;
        same_adapter && (file.is_empty() || base(file) == base(&self.file))
    }
}

#[async_trait]
impl Control for Instance {
    fn tree(&self) -> Arc<Tree> {
        self.tree.load_full()
    }

    async fn change(&self, change: Change) -> Result<(), ApiError> {
        let this = self.me.upgrade().ok_or_else(|| ApiError::plain("the server ends"))?;
        this.change_from(change, Origin::Pushed).await
    }

    fn has_source(&self, file: &str, adapter: &str) {
        let mut source = self.source.lock();
        let is_named = !file.is_empty() || !adapter.is_empty();
        if !(is_named && source.as_ref().is_some_and(|s| s.is_meant_by(file, adapter))) {
            *source = None;
        }
    }

    async fn restart_php(&self) -> Result<(), ApiError> {
        let json = Bytes::from(self.tree.load().json().to_owned());
        let this = self.me.upgrade().ok_or_else(|| ApiError::plain("the server ends"))?;
        if self.php.load().is_none() {
            return Ok(());
        }
        this.load(json, true).await
    }

    fn php_threads(&self) -> String {
        self.php.load().as_ref().as_ref().map_or_else(no_threads, |php| php.threads_json())
    }

    fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// What FrankenPHP says of no threads.
fn no_threads() -> String {
    "{\n    \"ThreadDebugStates\": [],\n    \"ReservedThreadCount\": 0\n}".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, adapter: &str, expected: bool) {
        let ours =
            Source { file: "/etc/caddy/Caddyfile".to_owned(), adapter: "caddyfile".to_owned() };
        assert_eq!(ours.is_meant_by(file, adapter), expected, "{file} {adapter}");
    }

    #[test]
    fn a_client_means_our_file_by_its_name_and_adapter() {
        check("/etc/caddy/Caddyfile", "caddyfile", true);
        check("Caddyfile", "", true);
        check("", "caddyfile", true);
        check("Caddyfile", "json", false);
        check("other", "caddyfile", false);
    }
}
