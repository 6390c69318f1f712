//! Serves a configuration until a signal or a client ends that.

use super::languages::Languages;
use super::load::{Loaded, Source};
use super::{php_cli, terminal, watch};
use crate::config::Config;
use crate::instance::{self, Instance};
use crate::logging::{Level, Logs};
use crate::php::Settings;
use crate::php::settings::Surroundings;
use anyhow::{Context, anyhow, bail};
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code when a second signal ends the server at once.
const FORCED: u8 = 2;
/// Says how many threads serve. It is the runtime's own variable.
const THREADS: &str = "TOKIO_WORKER_THREADS";
/// More threads than anybody has processors for.
const THREADS_MAX: usize = 4096;
/// How long the last log lines may take.
const LOG_GRACE: Duration = Duration::from_secs(2);

/// What is served, and how that is told.
pub(super) struct Job {
    /// The configuration.
    pub(super) loaded: Loaded,
    /// Logged once it is served.
    pub(super) greeting: String,
    /// The flags that it came from, where it may come again.
    pub(super) source: Option<Source>,
    /// Whether it is loaded again when its file changes.
    pub(super) watch: bool,
    /// Where to send what standard input holds, once it is served.
    pub(super) pingback: Option<String>,
    /// Whether the addresses are printed that it is served at.
    pub(super) names_addresses: bool,
}

impl Job {
    /// Serves this once.
    pub(super) fn new(loaded: Loaded, greeting: impl Into<String>) -> Self {
        Self {
            loaded,
            greeting: greeting.into(),
            source: None,
            watch: false,
            pingback: None,
            names_addresses: false,
        }
    }
}

/// Finds all that is wrong with a configuration without starting anything. What this server
/// cannot do yet is not wrong: it is refused when it is to be served.
pub(super) fn check(loaded: &Loaded) -> anyhow::Result<()> {
    Ok(Instance::check(&loaded.config, &surroundings()?)?)
}

/// Serves a configuration until a signal or a client ends that.
pub(super) fn serve(job: Job) -> anyhow::Result<ExitCode> {
    refuse_tls(&job.loaded)?;
    let logs = Logs::open(None)?;
    let around = surroundings()?;
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(threads(&job.loaded.config, &around)?)
        .build()
        .context("starting the threads that serve")?;
    let instance = Instance::new(around, Arc::new(Languages), logs);
    let ended = runtime.block_on(run(&instance, job));
    instance.logs().flush(LOG_GRACE);
    // After a second signal requests may still be at work; they end with the process.
    runtime.shutdown_background();
    ended
}

/// How many threads serve: one for each processor; half as many where PHP's processes need
/// processors, too. Threads that serve side by side wake one another and move connections from
/// one processor's cache to the other's: where one is enough, two cost a short PHP request a
/// sixth more. What takes long is done on others (`blocking`).
fn threads(config: &Config, around: &Surroundings) -> anyhow::Result<usize> {
    if let Some(set) = std::env::var_os(THREADS) {
        let number = set.to_str().and_then(|text| text.parse().ok());
        return number.filter(|n| (1..=THREADS_MAX).contains(n)).with_context(|| {
            format!("{THREADS}: {} is not a number from 1 to {THREADS_MAX}", set.display())
        });
    }
    let cpus = usize::try_from(around.cpus).unwrap_or(1).max(1);
    // What is wrong with it is said when it is loaded.
    let has_php = !matches!(Settings::resolve(config, around), Ok(None));
    Ok(if has_php { cpus.div_ceil(2) } else { cpus })
}

/// Refuses a site that must not be served in plain text.
fn refuse_tls(loaded: &Loaded) -> anyhow::Result<()> {
    match loaded.tls_sites.first() {
        None => Ok(()),
        Some(site) => bail!(
            "{}:{}: the site {} is served over HTTPS, which pogo cannot do yet; \
             write http:// in front of it, or give it a port, as :8080",
            site.file,
            site.line,
            site.address
        ),
    }
}

fn surroundings() -> anyhow::Result<Surroundings> {
    Ok(Surroundings {
        cwd: std::env::current_dir().context("finding the working directory")?,
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get().try_into().unwrap_or(1)),
        // Whether it is there is found out by starting it, where it is needed.
        host: php_cli::host().unwrap_or_else(|| PathBuf::from("pogo-php")),
    })
}

async fn run(instance: &Arc<Instance>, job: Job) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen().context("listening for signals")?;
    let logs = instance.logs();
    say_source(&logs, &job.loaded);
    // Another writer takes over what follows; this goes first.
    logs.flush(LOG_GRACE);
    let Job { loaded, greeting, source, watch, pingback, names_addresses } = job;
    let Loaded { json, file, adapter, .. } = loaded;
    if !file.is_empty() {
        instance.set_source(Some(instance::Source { file: file.clone(), adapter }));
    }
    let loading = instance.load(json, true);
    tokio::select! {
        loaded = loading => loaded.map_err(|e| anyhow!("loading initial config: {e}"))?,
        // It may be answering already, in the last steps of the load.
        name = signals.next_end() => return Ok(match instance.serves() {
            true => end(instance, Some(name), &mut signals).await,
            false => interrupted(&logs, name),
        }),
    }
    instance.logs().write(Level::Info, "", &greeting, |_| {});
    if names_addresses {
        let all = instance.addresses().await;
        terminal::print(all.iter().map(|a| format!("Server address: {a}\n")).collect::<String>())?;
    }
    if let Some(address) = pingback {
        ping(&address).await?;
    }
    if let Some(source) = source.clone().filter(|_| watch && !file.is_empty()) {
        tokio::spawn(watch::watch(Arc::clone(instance), source, file));
    }
    Ok(answer(instance, source.as_ref(), &mut signals).await)
}

fn say_source(logs: &Logs, loaded: &Loaded) {
    let Loaded { file, adapter, .. } = loaded;
    if file.is_empty() {
        return;
    }
    logs.write(Level::Info, "", "using config from file", |o| o.str("file", file));
    if !adapter.is_empty() {
        logs.write(Level::Info, "", "adapted config to JSON", |o| o.str("adapter", adapter));
    }
}

/// Tells whoever started us that we serve, by what they gave us.
async fn ping(address: &str) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .context("reading confirmation bytes from stdin")?;
    let mut stream =
        tokio::net::TcpStream::connect(address).await.context("dialing confirmation address")?;
    let written = stream.write_all(&bytes).await;
    written.with_context(|| format!("writing confirmation bytes to {address}"))
}

/// What ends or changes the server.
enum News {
    End(&'static str),
    Reload,
    Ignored(&'static str),
    Asked,
}

/// Answers until something ends that, then drains; a second signal ends that.
async fn answer(
    instance: &Arc<Instance>,
    source: Option<&Source>,
    signals: &mut Signals,
) -> ExitCode {
    loop {
        let news = tokio::select! {
            news = signals.next() => news,
            () = instance.stop_requested() => News::Asked,
        };
        match news {
            News::End(name) => return end(instance, Some(name), signals).await,
            News::Asked => return end(instance, None, signals).await,
            News::Reload => reload(instance, source),
            News::Ignored(name) => {
                instance
                    .logs()
                    .write(Level::Info, "", "not implemented", |o| o.str("signal", name));
            }
        }
    }
}

/// Ends the server because of a signal, or because a client asked.
async fn end(instance: &Instance, name: Option<&'static str>, signals: &mut Signals) -> ExitCode {
    let logs = instance.logs();
    let logger = if name.is_some() { "" } else { "admin.api" };
    let say = |level, text: &str| {
        logs.write(level, logger, text, |o| {
            if let Some(name) = name {
                o.str("signal", name);
            }
            if text == "shutdown complete" {
                o.int("exit_code", 0);
            }
        });
    };
    match name {
        Some("SIGQUIT") => {
            say(Level::Info, "quitting process immediately");
            return ExitCode::from(FORCED);
        }
        Some("SIGTERM") => say(Level::Info, "shutting down apps, then terminating"),
        Some(_) => say(Level::Info, "shutting down"),
        None => {}
    }
    say(Level::Warn, "exiting; byeee!! 👋");
    tokio::select! {
        () = instance.shutdown() => {
            say(Level::Info, "shutdown complete");
            ExitCode::SUCCESS
        }
        name = signals.next_end() => {
            logs.write(Level::Warn, "", "force quit", |o| o.str("signal", name));
            ExitCode::from(FORCED)
        }
    }
}

/// Loads the file anew that the configuration came from, unless it was changed since.
fn reload(instance: &Arc<Instance>, source: Option<&Source>) {
    let say = |logs: &Logs, level, text: &str, of: &instance::Source, error: Option<String>| {
        logs.write(level, "", text, |o| {
            o.str("signal", "SIGUSR1");
            if !of.file.is_empty() {
                o.str("file", &of.file);
                o.str("adapter", &of.adapter);
            }
            if let Some(error) = &error {
                o.str("error", error);
            }
        });
    };
    let (Some(of), Some(source)) = (instance.source(), source.cloned()) else {
        let none = instance::Source::default();
        let text = "last config unknown, ignored SIGUSR1";
        return say(&instance.logs(), Level::Info, text, &none, None);
    };
    let instance = Arc::clone(instance);
    say(&instance.logs(), Level::Info, "reloading config from last-known source", &of, None);
    tokio::spawn(async move {
        let outcome = match watch::read(source).await {
            Ok(config) => instance.load(config, true).await.map_err(|e| e.to_string()),
            Err(error) => Err(error),
        };
        let logs = instance.logs();
        match outcome {
            Ok(()) => {
                say(&logs, Level::Info, "successfully reloaded config from file", &of, None);
            }
            Err(error) => {
                let text = "failed to reload config from file";
                say(&logs, Level::Error, text, &of, Some(error));
            }
        }
    });
}

fn interrupted(logs: &Logs, name: &str) -> ExitCode {
    logs.write(Level::Info, "", "interrupted while starting", |o| o.str("signal", name));
    ExitCode::from(FORCED)
}

/// The signals that mean something to the server, or that Caddy names and ignores.
struct Signals {
    ends: Ends,
    hang_up: Signal,
    reload: Signal,
    second: Signal,
}

/// Those that end the server.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            ends: Ends {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                quit: signal(SignalKind::quit())?,
            },
            hang_up: signal(SignalKind::hangup())?,
            reload: signal(SignalKind::user_defined1())?,
            second: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> News {
        tokio::select! {
            name = self.ends.next() => News::End(name),
            _ = self.hang_up.recv() => News::Ignored("SIGHUP"),
            _ = self.reload.recv() => News::Reload,
            _ = self.second.recv() => News::Ignored("SIGUSR2"),
        }
    }

    /// The next one that ends the server. The others wait: a reload that is asked for in
    /// the last steps of the start is done after it.
    async fn next_end(&mut self) -> &'static str {
        self.ends.next().await
    }
}

impl Ends {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}

/// A connection costs a descriptor; the usual soft limit of 1024 is no limit we mean.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Being refused costs connections later, and each of those says so itself.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
