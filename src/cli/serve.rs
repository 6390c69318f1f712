//! Puts the server together, runs it until a signal, and takes it down.
//!
//! The order is that of the costs: what can be wrong with a configuration is found before
//! PHP boots, PHP is up before a listener opens, and whatever fails leaves nothing running.

use super::load::{Loaded, reason};
use super::php_cli;
use crate::config::Config;
use crate::logging::{Level, Logs};
use crate::php::settings::Surroundings;
use crate::{check, http, php};
use anyhow::{Context, anyhow, bail};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code when a second signal ends the server at once.
const FORCED: u8 = 2;
/// How long PHP may take to end what no request waits for any more.
const PHP_GRACE: Duration = Duration::from_secs(10);
/// How long the last log lines may take.
const LOG_GRACE: Duration = Duration::from_secs(2);

/// Finds all that Caddy would find wrong with a configuration, without starting anything.
/// What this server cannot do yet is not wrong: whoever serves it says so.
pub(super) fn check(loaded: &Loaded) -> anyhow::Result<()> {
    check::check(&loaded.config)?;
    php::Settings::resolve(&loaded.config, &surroundings()?)?;
    Ok(())
}

/// Serves a configuration until a signal. `greeting` is logged once it answers.
pub(super) fn serve(loaded: &Loaded, greeting: &str) -> anyhow::Result<ExitCode> {
    refuse_tls(loaded)?;
    let config = &loaded.config;
    let logs = Logs::open(config.logging.as_ref())?;
    let settings = plan(config, &logs)?;
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the threads that serve")?;
    let ended = runtime.block_on(run(config, settings, &logs, greeting));
    logs.flush(LOG_GRACE);
    // After a second signal requests may still be at work; they end with the process.
    runtime.shutdown_background();
    ended
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

/// Checks a configuration; what PHP is to run, if it has a use for PHP.
fn plan(config: &Config, logs: &Arc<Logs>) -> anyhow::Result<Option<php::Settings>> {
    check::check(config)?;
    let settings = php::Settings::resolve(config, &surroundings()?)?;
    http::Server::provision(config, None, logs)?;
    Ok(settings)
}

fn surroundings() -> anyhow::Result<Surroundings> {
    Ok(Surroundings {
        cwd: std::env::current_dir().context("finding the working directory")?,
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get().try_into().unwrap_or(1)),
        // Whether it is there is found out by starting it, where it is needed.
        host: php_cli::host().unwrap_or_else(|| PathBuf::from("pogo-php")),
    })
}

async fn run(
    config: &Config,
    settings: Option<php::Settings>,
    logs: &Arc<Logs>,
    greeting: &str,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen().context("listening for signals")?;
    let starting = async {
        match settings {
            None => Ok(None),
            Some(settings) => start_php(settings, logs).await.map(Some),
        }
    };
    let php = tokio::select! {
        started = starting => started?,
        name = signals.next() => return Ok(interrupted(logs, name)),
    };
    let serving = async {
        let server = http::Server::provision(config, php.as_ref(), logs)?;
        let mut live = http::Live::default();
        let prepared = live
            .prepare(server)
            .map_err(|e| anyhow!("listening on {}: {}", e.address, reason(&e.error)))?;
        drop(live.publish(prepared));
        warn_of_admin(config, logs);
        logs.write(Level::Info, "", greeting, |_| {});
        anyhow::Ok(answer(live, logs, &mut signals).await)
    };
    let code = serving.await;
    if let Some(php) = php {
        let grace = if matches!(code, Ok(ExitCode::SUCCESS)) { PHP_GRACE } else { Duration::ZERO };
        tokio::select! {
            () = php.shutdown(grace) => {}
            name = signals.next() => return Ok(forced(logs, name)),
        }
    }
    code
}

/// An address for the admin endpoint is no reason not to serve, but somebody expects it.
fn warn_of_admin(config: &Config, logs: &Logs) {
    let Some(admin) = config.admin.as_ref().filter(|admin| !admin.disabled) else { return };
    if !admin.listen.is_empty() {
        let text = "the admin endpoint is not supported yet: nothing listens there";
        logs.write(Level::Warn, "admin", text, |o| o.str("address", &admin.listen));
    }
}

/// Starts PHP; whatever keeps the host from starting is told with its name.
async fn start_php(settings: php::Settings, logs: &Arc<Logs>) -> anyhow::Result<Arc<php::Runtime>> {
    let host = settings.host.display().to_string();
    php::Runtime::start(settings, Arc::clone(logs) as _).await.map_err(|error| match error {
        php::StartError::Zygote(_) => anyhow::Error::new(error).context(host),
        error => error.into(),
    })
}

/// Answers until a signal, then drains; a second signal ends that.
async fn answer(mut live: http::Live, logs: &Logs, signals: &mut Signals) -> ExitCode {
    let name = signals.next().await;
    logs.write(Level::Info, "", "shutting down", |o| o.str("signal", name));
    if name == "SIGQUIT" {
        return ExitCode::from(FORCED);
    }
    tokio::select! {
        () = live.retire().drain() => {
            logs.write(Level::Info, "", "shutdown complete", |o| o.str("signal", name));
            ExitCode::SUCCESS
        }
        name = signals.next() => forced(logs, name),
    }
}

fn forced(logs: &Logs, name: &str) -> ExitCode {
    logs.write(Level::Warn, "", "force quit", |o| o.str("signal", name));
    ExitCode::from(FORCED)
}

fn interrupted(logs: &Logs, name: &str) -> ExitCode {
    logs.write(Level::Info, "", "interrupted while starting", |o| o.str("signal", name));
    ExitCode::from(FORCED)
}

/// The signals that end the server. Those that Caddy ignores are ignored.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    _hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            _hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The name of the next one.
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
