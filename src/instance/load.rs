//! Turns a configuration into what runs, without touching what runs already.

use crate::admin::{Endpoint, Tools};
use crate::check::{self, Invalid};
use crate::config::{Config, JsonError};
use crate::http::{BindError, Live, Prepared, ProvisionError, Server};
use crate::logging::{Level, LogError, Logs};
use crate::metrics::Figures;
use crate::metrics::http::Requests;
use crate::metrics::push;
use crate::php::settings::Surroundings;
use crate::php::{Runtime, Settings, SettingsError, StartError};
use crate::tracing::{Provider, Tracers};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a configuration is not run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is no configuration.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It contradicts itself, or names what is not there.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Its logs cannot be opened.
    #[error("setting up default log: {0}")]
    Log(#[from] LogError),
    /// Its PHP makes no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Its servers make no sense, or need what is not there yet.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// Its figures cannot be sent.
    #[error(transparent)]
    Push(#[from] push::SettingsError),
    /// Its admin endpoint makes no sense.
    #[error("{0}")]
    Admin(String),
    /// PHP does not start.
    #[error("{}", describe(.0, .1))]
    Php(PathBuf, #[source] StartError),
    /// Something else listens where a server should.
    #[error("http app module: start: listening on {}: {}", .0.address, refusal(.0))]
    Bind(BindError),
    /// Something else listens where the admin endpoint should.
    #[error("starting caddy administration endpoint: {}", refusal(.0))]
    BindAdmin(BindError),
}

impl LoadError {
    /// The JSON path of what is wrong, where there is one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Json(error) => Some(&error.path),
            Self::Invalid(error) => Some(&error.path),
            _ => None,
        }
    }
}

/// The PHP host's name belongs to errors that it had no part in.
fn describe(host: &std::path::Path, error: &StartError) -> String {
    match error {
        StartError::Zygote(error) => format!("{}: {error}", host.display()),
        error => error.to_string(),
    }
}

/// Why an address cannot be listened on, in Go's words.
fn refusal(BindError { address, error }: &BindError) -> String {
    let (network, place) = match address.strip_prefix("unix/") {
        Some(path) => ("unix", path.split('|').next().unwrap_or(path)),
        None => ("tcp", address.as_str()),
    };
    format!("listen {network} {place}: bind: {}", reason(error))
}

/// What an I/O error is called, without the number that Rust adds.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(text.as_str(), |(said, _)| said);
    let mut chars = text.chars();
    chars.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

/// A configuration in which nothing is wrong, as far as that can be seen.
pub(super) struct Checked {
    pub(super) logs: Arc<Logs>,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) php: Option<Settings>,
    /// Who gets figures, if they are sent.
    pub(super) push: Option<push::Settings>,
    /// What begins spans, for the servers to come.
    pub(super) _provider: Option<Arc<Provider>>,
}

/// Everything that is needed to take the place of what runs.
pub(super) struct Next {
    pub(super) logs: Arc<Logs>,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) php: Option<Arc<Runtime>>,
    pub(super) push: Option<push::Settings>,
    pub(super) opened: Opened,
}

/// Servers that wait to answer.
pub(super) struct Opened {
    pub(super) http: Prepared,
    /// What counts their requests, if they are counted.
    pub(super) requests: Option<Arc<Requests>>,
    /// Absent when the endpoint is off.
    pub(super) admin: Option<Prepared>,
}

/// Reads the text of a configuration; `null` is an empty one.
pub(super) fn read(json: &str) -> Result<Config, LoadError> {
    if json == "null" {
        return Ok(Config::default());
    }
    Ok(Config::from_json(json.as_bytes())?)
}

/// Finds what is wrong with a configuration, whether or not this server can run it.
pub(super) fn validate(config: &Config, around: &Surroundings) -> Result<(), LoadError> {
    check::check(config)?;
    Settings::resolve(config, around)?;
    Ok(())
}

/// Finds what is wrong with a configuration, or not there yet, before anything is started
/// for it.
pub(super) fn check(
    config: &Config,
    around: &Surroundings,
    tracers: &Tracers,
) -> Result<Checked, LoadError> {
    check::check(config)?;
    let logs = Logs::open(config.logging.as_ref())?;
    let endpoint = Endpoint::provision(config.admin.as_ref()).map_err(LoadError::Admin)?;
    super::pull::check(config)?;
    let php = Settings::resolve(config, around)?;
    let trial = Server::provision(config, None, &logs, &Arc::default(), tracers)?;
    let provider = tracers.current();
    drop(trial);
    let http = config.apps.as_ref().and_then(|apps| apps.http.as_ref());
    let is_pushed = http.and_then(|http| http.metrics.as_ref()).is_some_and(|m| m.otlp);
    let push = is_pushed.then(push::Settings::of_process).transpose()?;
    Ok(Checked { logs, endpoint, php, push, _provider: provider })
}

/// Starts PHP, if there is a use for it. Returns when all its workers are up.
pub(super) async fn start_php(
    settings: Option<Settings>,
    logs: &Arc<Logs>,
) -> Result<Option<Arc<Runtime>>, LoadError> {
    let Some(settings) = settings else { return Ok(None) };
    let host = settings.host.clone();
    let started = Runtime::start(settings, Arc::clone(logs) as _).await;
    started.map(Some).map_err(|error| LoadError::Php(host, error))
}

/// Compiles the servers for good, and opens the listeners that `live`, those of the sites
/// and of the endpoint, do not have.
pub(super) fn open(
    config: &Config,
    php: Option<&Arc<Runtime>>,
    (logs, figures, tracers): (&Arc<Logs>, &Arc<Figures>, &Tracers),
    live: (&Live, &Live),
    endpoint: Option<(&Endpoint, Tools)>,
) -> Result<Opened, LoadError> {
    let server = Server::provision(config, php, logs, figures, tracers)?;
    let requests = server.requests().cloned();
    let admin = endpoint.map(|(endpoint, tools)| endpoint.server(tools, logs));
    let admin =
        admin.map(|server| live.1.prepare(server)).transpose().map_err(LoadError::BindAdmin)?;
    let http = live.0.prepare(server).map_err(LoadError::Bind)?;
    announce(config, logs);
    Ok(Opened { http, requests, admin })
}

/// Names the servers that answer in a moment.
fn announce(config: &Config, logs: &Logs) {
    let servers = config.apps.iter().flat_map(|apps| &apps.http).flat_map(|http| &http.servers);
    for (name, server) in servers {
        let default = ["h1", "h2", "h3"].map(str::to_owned);
        let protocols =
            if server.protocols.is_empty() { &default[..] } else { &server.protocols[..] };
        logs.write(Level::Info, "http.log", "server running", |o| {
            o.str("name", name);
            o.strings("protocols", protocols.iter().map(String::as_bytes));
        });
    }
}
