//! From a configuration to listeners that answer: provision, bind, serve, drain.

use super::listener::Listener;
use super::routes::Routes;
use super::unsupported;
use crate::config::Config;
use crate::config::http::{Server as ServerConfig, ServerLogs};
use crate::logging::Logs;
use crate::php;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Limits when the configuration names none.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
const WRITE_TIMEOUT: Duration = Duration::from_secs(120);
const HEAD_MAX: usize = 1 << 20;
/// Go reads this much more than the limit before it gives up.
const HEAD_SLACK: usize = 4096;

/// Why a configuration cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvisionError {
    /// What is wrong.
    #[error("{0}")]
    Invalid(String),
    /// What is wrong, and the JSON path of where.
    #[error("{path}: {message}")]
    At {
        /// As `apps.http.servers.srv0.routes[0].handle[1]`.
        path: String,
        /// What is wrong there.
        message: String,
    },
}

impl ProvisionError {
    /// A regular expression that is none. The library draws it over several lines; the
    /// last of them says why.
    pub(super) fn expression(place: &str, text: &str, error: &regex::Error) -> Self {
        let shown = error.to_string();
        let why = shown.lines().last().unwrap_or_default();
        let why = why.strip_prefix("error: ").unwrap_or(why);
        Self::Invalid(format!("{place}: bad expression \"{text}\": {why}"))
    }

    /// The same error, whose place lies within `outer`.
    pub(super) fn within(self, outer: &str) -> Self {
        match self {
            Self::Invalid(message) => Self::At { path: outer.to_owned(), message },
            Self::At { path, message } => Self::At { path: format!("{outer}.{path}"), message },
        }
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("listening on {address}: {error}")]
pub struct BindError {
    /// The address, as configured.
    pub address: String,
    /// What the system says.
    pub error: std::io::Error,
}

/// A configuration's servers, ready but not listening.
#[derive(Debug, Default)]
pub struct Server {
    sites: Vec<(Vec<String>, Arc<ArcSwap<Site>>)>,
    /// How long it goes on as if nothing were when it is to stop.
    delay: Duration,
    grace: Option<Duration>,
}

/// Servers that listen, and do not answer yet.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<Listener>,
    delay: Duration,
    grace: Option<Duration>,
}

/// One server of the configuration, compiled.
#[derive(Debug)]
pub(crate) struct Site {
    pub(super) routes: Routes,
    pub(super) errors: Option<Routes>,
    pub(super) timeouts: Timeouts,
    /// The largest head.
    pub(super) head_max: usize,
    pub(super) keepalive: Keepalive,
    /// Whether HTTP/2 is spoken to clients that begin with it.
    pub(super) h2c: bool,
    pub(super) logs: Arc<Logs>,
    access: Option<ServerLogs>,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For a whole head.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// For the next part of a body.
    pub(super) body: Duration,
    /// To take the next part of an answer.
    pub(super) write: Duration,
}

/// TCP's keep-alive, as far as the configuration says; the usual where it does not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keepalive {
    /// Off altogether.
    pub(super) disabled: bool,
    /// How long a connection is silent before the first probe.
    pub(super) idle: Option<Duration>,
    /// Between two probes.
    pub(super) interval: Option<Duration>,
    /// How many may go unanswered.
    pub(super) count: Option<u32>,
}

impl Keepalive {
    fn of(config: &ServerConfig) -> Self {
        let set =
            |span: crate::config::duration::Duration| Some(span.to_std()).filter(|s| !s.is_zero());
        Self {
            disabled: config.keepalive_interval.0 < 0,
            idle: set(config.keepalive_idle),
            interval: set(config.keepalive_interval),
            count: u32::try_from(config.keepalive_count).ok().filter(|count| *count > 0),
        }
    }
}

/// What handlers are compiled with.
pub(super) struct Provision<'p> {
    pub(super) php: Option<&'p Arc<php::Runtime>>,
    groups: HashMap<String, u32>,
}

impl Provision<'_> {
    /// What stands between time and length in a file's `ETag`: a dash, as Caddy's head
    /// writes it, or nothing, as the older Caddy in FrankenPHP does. A configuration that
    /// uses PHP takes FrankenPHP's place and any other Caddy's, so that what clients have
    /// in their caches stays good when a site moves here.
    pub(super) fn etag_separator(&self) -> &'static str {
        if self.php.is_some() { "" } else { "-" }
    }

    /// The number of a group of routes; none for no name.
    pub(super) fn group(&mut self, name: &str) -> Option<u32> {
        if name.is_empty() {
            return None;
        }
        let next = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        Some(*self.groups.entry(name.to_owned()).or_insert(next))
    }
}

impl Server {
    /// Compiles a configuration: all that can be wrong with it is found here. Without
    /// `php`, `php` handlers are checked, and answer 503.
    ///
    /// # Errors
    /// When a part of it is wrong, or needs what is not there yet, as TLS.
    pub fn provision(
        config: &Config,
        php: Option<&Arc<php::Runtime>>,
        logs: &Arc<Logs>,
    ) -> Result<Self, ProvisionError> {
        config.apps.as_ref().map_or(Ok(()), unsupported::refuse)?;
        let Some(http) = config.apps.as_ref().and_then(|apps| apps.http.as_ref()) else {
            return Ok(Self::default());
        };
        let https_port = if http.https_port == 0 { 443 } else { http.https_port };
        let mut sites = Vec::new();
        for (name, server) in &http.servers {
            let site = Site::provision(server, php, logs)
                .map_err(|error| error.within(&format!("apps.http.servers.{name}")))?;
            let mut addresses = Vec::new();
            for listen in &server.listen {
                for address in expand(name, listen)? {
                    refuse_tls(name, listen, &address, https_port)?;
                    addresses.push(address);
                }
            }
            sites.push((addresses, Arc::new(ArcSwap::from_pointee(site))));
        }
        let grace = http.grace_period.to_std();
        let delay = http.shutdown_delay.to_std();
        Ok(Self { sites, delay, grace: (!grace.is_zero()).then_some(grace) })
    }

    /// Opens all listeners. Runs on a tokio runtime.
    ///
    /// # Errors
    /// When one cannot be opened; then none stays open.
    pub fn bind(self) -> Result<Bound, BindError> {
        let mut listeners = Vec::new();
        for (addresses, site) in &self.sites {
            for address in addresses {
                listeners.push(Listener::bind(address, Arc::clone(site))?);
            }
        }
        Ok(Bound { listeners, delay: self.delay, grace: self.grace })
    }
}

impl Bound {
    /// Where it listens; port 0 of the configuration is a real port here.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(Listener::local).collect()
    }

    /// Answers until `stop` becomes true (or its sender is gone) and the configuration's
    /// shutdown delay is over, then closes listeners and idle connections, waits for requests in flight (the configuration's grace
    /// period at most, or without end), and returns.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        let (alive, mut all_gone) = mpsc::channel(1);
        let (close, closing) = watch::channel(false);
        for listener in self.listeners {
            tokio::spawn(listener.accept(closing.clone(), alive.clone()));
        }
        // A sender that is gone stops the server too.
        let _ = stop.wait_for(|stop| *stop).await;
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        // Without a listener there is nobody to tell.
        let _ = close.send(true);
        drop(alive);
        match self.grace {
            // What is in flight after the grace period ends with the process.
            Some(grace) => drop(tokio::time::timeout(grace, all_gone.recv()).await),
            None => drop(all_gone.recv().await),
        }
    }
}

impl Site {
    fn provision(
        config: &ServerConfig,
        php: Option<&Arc<php::Runtime>>,
        logs: &Arc<Logs>,
    ) -> Result<Self, ProvisionError> {
        let mut provision = Provision { php, groups: HashMap::new() };
        let or = |span: crate::config::duration::Duration, default| match span.to_std() {
            Duration::ZERO => default,
            span => span,
        };
        let errors = config.errors.as_ref().filter(|e| !e.routes.is_empty());
        let head_max = usize::try_from(config.max_header_bytes).ok().filter(|max| *max > 0);
        Ok(Self {
            routes: Routes::provision(&config.routes, &mut provision)?,
            errors: errors
                .map(|e| Routes::provision(&e.routes, &mut provision))
                .transpose()
                .map_err(|error| error.within("errors"))?,
            timeouts: Timeouts {
                head: or(config.read_header_timeout, HEAD_TIMEOUT),
                idle: or(config.idle_timeout, IDLE_TIMEOUT),
                body: or(config.read_timeout, BODY_TIMEOUT),
                write: or(config.write_timeout, WRITE_TIMEOUT),
            },
            head_max: head_max.unwrap_or(HEAD_MAX) + HEAD_SLACK,
            keepalive: Keepalive::of(config),
            h2c: config.protocols.is_empty() || config.protocols.iter().any(|p| p == "h2c"),
            logs: Arc::clone(logs),
            access: config.logs.clone(),
        })
    }

    /// Whether there is an access log.
    pub(super) fn logs_access(&self) -> bool {
        self.access.is_some()
    }

    /// Whether credentials are logged.
    pub(super) fn logs_credentials(&self) -> bool {
        self.access.as_ref().is_some_and(|a| a.should_log_credentials)
    }

    /// The loggers that take the access log of requests for this host.
    pub(super) fn access_loggers(&self, host: &[u8]) -> Vec<String> {
        let names = self.logger_names(host).into_iter().flatten();
        names.map(|name| full_name("http.log.access", name)).collect()
    }

    /// The logger that takes errors of requests for this host.
    pub(super) fn error_logger(&self, host: &[u8]) -> String {
        let names = self.logger_names(host).unwrap_or_default();
        full_name("http.log.error", names.first().unwrap_or(&""))
    }

    /// The names of a host's loggers; none when it is not logged.
    fn logger_names(&self, host: &[u8]) -> Option<Vec<&str>> {
        let logs = self.access.as_ref()?;
        let host = String::from_utf8_lossy(super::uri::split_host(host).0).to_lowercase();
        let listed = |names: &[String]| names.iter().any(|n| n.to_lowercase() == host);
        if listed(&logs.skip_hosts) {
            return None;
        }
        let wild = || host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let named = logs.logger_names.get(&host).or_else(|| logs.logger_names.get(&wild()?));
        match named {
            Some(names) => Some(names.iter().map(String::as_str).collect()),
            None if logs.skip_unmapped_hosts => None,
            None => Some(vec![logs.default_logger_name.as_str()]),
        }
    }
}

fn full_name(base: &str, name: &str) -> String {
    if name.is_empty() { base.to_owned() } else { format!("{base}.{name}") }
}

/// The addresses of a `listen` entry, without its network.
fn expand(server: &str, listen: &str) -> Result<Vec<String>, ProvisionError> {
    let invalid = |why: &str| {
        ProvisionError::Invalid(format!("server {server}: listener address \"{listen}\": {why}"))
    };
    let address = match listen.split_once('/') {
        Some(("tcp" | "tcp4" | "tcp6", address)) => address,
        Some((network, _)) => {
            return Err(invalid(&format!("network \"{network}\" is not supported yet")));
        }
        None => listen,
    };
    let (host, ports) = address.rsplit_once(':').ok_or_else(|| invalid("no port"))?;
    let port = |text: &str| text.parse::<u16>().map_err(|_| invalid("invalid port"));
    let (first, last) = match ports.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(ports)?, port(ports)?),
    };
    if last < first {
        return Err(invalid("end port must be greater than start port"));
    }
    Ok((first..=last).map(|port| format!("{host}:{port}")).collect())
}

/// A site that wants TLS is refused until there is TLS: never plain text in its place.
fn refuse_tls(
    server: &str,
    listen: &str,
    address: &str,
    https_port: u16,
) -> Result<(), ProvisionError> {
    let port = address.rsplit_once(':').map(|(_, port)| port);
    if port != Some(https_port.to_string().as_str()) {
        return Ok(());
    }
    Err(ProvisionError::Invalid(format!(
        "server {server}: listener address \"{listen}\": HTTPS is not supported yet: \
         give the site a scheme of http:// or a port other than {https_port}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let config = serde_json::from_str(json).expect("a configuration");
        let got = Server::provision(&config, None, &Logs::silent());
        assert_eq!(got.map(|_| ()).map_err(|e| e.to_string()), Err(expected.to_owned()));
    }

    #[test]
    fn tls_is_refused_and_never_plain() {
        check(
            r#"{"apps":{"http":{"servers":{"srv0":{"listen":[":443"]}}}}}"#,
            "server srv0: listener address \":443\": HTTPS is not supported yet: give the site a \
             scheme of http:// or a port other than 443",
        );
    }

    #[test]
    fn an_error_names_the_json_path() {
        check(
            r#"{"apps":{"http":{"servers":{"s":{"errors":{"routes":[{},{"handle":[
                {"handler":"subroute","routes":[{"handle":[{"handler":"reverse_proxy"}]}]}]}]}}}}}}"#,
            "apps.http.servers.s.errors.routes[1].handle[0].routes[0].handle[0]: \
             reverse_proxy is not supported yet",
        );
        check(
            r#"{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[
                {"handler":"rewrite","path_regexp":[{"find":"(["}]}]}]}}}}}"#,
            "apps.http.servers.s.routes[0].handle[0]: rewrite: path_regexp: \
             bad expression \"([\": unclosed character class",
        );
        check(
            r#"{"apps":{"http":{"servers":{"s":{"routes":[
                {"match":[{},{"file":{"try_policy":"best"}}]}]}}}}}"#,
            "apps.http.servers.s.routes[0].match[1]: unknown try policy best",
        );
    }

    #[test]
    fn an_address_that_is_none_is_named() {
        check(
            r#"{"apps":{"http":{"servers":{"s":{"listen":["udp/:80"]}}}}}"#,
            "server s: listener address \"udp/:80\": network \"udp\" is not supported yet",
        );
        check(
            r#"{"apps":{"http":{"servers":{"s":{"listen":[":x"]}}}}}"#,
            "server s: listener address \":x\": invalid port",
        );
    }

    #[test]
    fn a_range_of_ports_is_several_addresses() {
        let all = expand("s", "tcp/127.0.0.1:8000-8002").expect("valid");
        assert_eq!(all, ["127.0.0.1:8000", "127.0.0.1:8001", "127.0.0.1:8002"]);
    }
}
