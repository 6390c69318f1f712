//! A configuration's servers, compiled: what [`super::live`] then listens for.

use super::address::{Endpoint, NetworkAddress, fill_placeholders};
use super::aliases::Aliases;
use super::loggers::Loggers;
use super::measure;
use super::pace::Bound;
use super::routes::Routes;
use super::service::Service;
use super::trust::Trust;
use super::unsupported;
use super::wrappers::Wrappers;
use crate::config::Config;
use crate::config::duration::Duration as GoDuration;
use crate::config::http::{Route, Server as ServerConfig};
use crate::logging::Logs;
use crate::metrics::Figures;
use crate::metrics::http::Requests;
use crate::php;
use crate::tracing::Tracers;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Limits when the configuration names none.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
const READ_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const WRITE_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const WRITE_PART: usize = 64 * 1024;
const HEAD_MAX: usize = 16 * 1024;
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
#[derive(Debug)]
pub struct Server {
    pub(super) sites: Vec<(Vec<Entrance>, Arc<Site>)>,
    /// How long it goes on as if nothing were when it is to stop.
    pub(super) delay: Duration,
    /// How long requests in flight may take then; without limit when absent.
    pub(super) grace: Option<Duration>,
    /// What counts requests, if they are counted.
    requests: Option<Arc<Requests>>,
    /// Closed when the last of the sites is gone.
    pub(super) over: mpsc::Receiver<()>,
}

/// Something that a server listens on.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) endpoint: Endpoint,
    pub(super) speaks: Speaks,
}

/// The protocols that are spoken at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Speaks {
    /// HTTP/1.
    pub(super) h1: bool,
    /// HTTP/2, to clients that begin with it.
    pub(super) h2c: bool,
}

/// One server of the configuration, compiled.
#[derive(Debug)]
pub(crate) struct Site {
    pub(super) routes: Routes,
    /// Answers instead of routes.
    pub(super) service: Option<Arc<dyn Service>>,
    pub(super) errors: Option<Routes>,
    /// The routes that the handler `invoke` runs, in the order of their names.
    pub(super) named_routes: Vec<Routes>,
    pub(super) timeouts: Timeouts,
    pub(super) aliases: Aliases,
    /// The largest head.
    pub(super) head_max: usize,
    pub(super) keepalive: Keepalive,
    pub(super) trust: Trust,
    pub(super) wrappers: Arc<Wrappers>,
    pub(super) logs: Arc<Logs>,
    /// What is logged of requests.
    pub(super) loggers: Option<Loggers>,
    /// When it ends, once that is known.
    pub(super) shutdown_at: OnceLock<Instant>,
    _alive: mpsc::Sender<()>,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For a whole head.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// For the next part of a body.
    pub(super) read: Bound,
    /// For a whole body.
    pub(super) read_total: Option<Duration>,
    /// To take the next part of an answer.
    pub(super) write: Bound,
    /// To take a whole answer.
    pub(super) write_total: Option<Duration>,
    /// Bytes of such a part.
    pub(super) part: usize,
}

impl Timeouts {
    fn of(config: &ServerConfig) -> Self {
        let set = |span: GoDuration| Some(span.to_std()).filter(|span| !span.is_zero());
        // Negative is without limit.
        let idle = |span: GoDuration, usual| match span.0 {
            0 => Some(usual),
            _ => set(span),
        };
        let rate = |rate: i64| u64::try_from(rate).unwrap_or(0);
        let bound = |limit, per_second| Bound { limit, rate: rate(per_second) };
        let part = usize::try_from(config.max_write_chunk).ok().filter(|part| *part > 0);
        Self {
            head: set(config.read_header_timeout).unwrap_or(HEAD_TIMEOUT),
            idle: set(config.idle_timeout).unwrap_or(IDLE_TIMEOUT),
            read: bound(idle(config.read_idle_timeout, READ_IDLE_TIMEOUT), config.read_min_rate),
            read_total: set(config.read_timeout),
            write: bound(
                idle(config.write_idle_timeout, WRITE_IDLE_TIMEOUT),
                config.write_min_rate,
            ),
            write_total: set(config.write_timeout),
            part: part.unwrap_or(WRITE_PART),
        }
    }
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

impl Speaks {
    /// What a server speaks at one of the addresses that it listens on. An address without
    /// protocols of its own has the server's; so has one that names "", beside its own.
    pub(super) fn at(config: &ServerConfig, index: usize) -> Self {
        let own = config.listen_protocols.get(index).and_then(Option::as_ref);
        let own = own.map_or(&[][..], Vec::as_slice);
        let with_servers = own.is_empty() || own.iter().any(String::is_empty);
        let has = |name: &str| {
            let all = &config.protocols;
            let of_server = || all.iter().any(|p| p == name) || (all.is_empty() && name != "h2c");
            own.iter().any(|p| p == name) || (with_servers && of_server())
        };
        let h1 = has("h1");
        // Where there is HTTP/1 without TLS, HTTP/2 is as well, unless it is left out.
        Self { h1, h2c: has("h2c") || (h1 && has("h2")) }
    }
}

impl Keepalive {
    fn of(config: &ServerConfig) -> Self {
        let set = |span: GoDuration| Some(span.to_std()).filter(|s| !s.is_zero());
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
    /// What the handler `metrics` shows.
    pub(super) figures: &'p Arc<Figures>,
    /// What the handler `tracing` begins spans with.
    pub(super) tracers: &'p Tracers,
    /// Whether each handler that runs is told of.
    pub(super) tells_invoked: bool,
    groups: HashMap<String, u32>,
    /// The names of the site's named routes, sorted.
    named: Vec<&'p str>,
}

impl Provision<'_> {
    /// What stands between time and length in a file's `ETag`: a dash, as Caddy's head
    /// writes it, or nothing, as the older Caddy in FrankenPHP does. A configuration that
    /// uses PHP takes FrankenPHP's place and any other Caddy's, so that what clients have
    /// in their caches stays good when a site moves here.
    pub(super) fn etag_separator(&self) -> &'static str {
        if self.php.is_some() { "" } else { "-" }
    }

    /// Which of the site's named routes has this name.
    pub(super) fn named_route(&self, name: &str) -> Option<usize> {
        self.named.binary_search(&name).ok()
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
        figures: &Arc<Figures>,
        tracers: &Tracers,
    ) -> Result<Self, ProvisionError> {
        config.apps.as_ref().map_or(Ok(()), unsupported::refuse)?;
        let (alive, over) = mpsc::channel(1);
        let mut this =
            Self { sites: Vec::new(), delay: Duration::ZERO, grace: None, requests: None, over };
        let Some(http) = config.apps.as_ref().and_then(|apps| apps.http.as_ref()) else {
            return Ok(this);
        };
        let https_port = if http.https_port == 0 { 443 } else { http.https_port };
        let mut requests = measure::requests(http);
        let mut claimed = HashMap::new();
        for (name, server) in &http.servers {
            let mut site = Site::provision(server, php, (logs, figures, tracers), &alive)
                .map_err(|error| error.within(&format!("apps.http.servers.{name}")))?;
            if let Some(requests) = &mut requests {
                site.routes.count(&server.routes, |handler| requests.meter(name, handler));
            }
            let mut entrances = Vec::new();
            for (index, listen) in server.listen.iter().enumerate() {
                let speaks = Speaks::at(server, index);
                for endpoint in expand(listen)? {
                    refuse_tls(name, listen, &endpoint.address, https_port)?;
                    claim(&mut claimed, name, &endpoint)?;
                    entrances.push(Entrance { endpoint, speaks });
                }
            }
            this.sites.push((entrances, Arc::new(site)));
        }
        this.requests = requests.map(Arc::new);
        let grace = http.grace_period.to_std();
        this.delay = http.shutdown_delay.to_std();
        this.grace = (!grace.is_zero()).then_some(grace);
        Ok(this)
    }

    /// A server that a service answers.
    pub fn of_service(
        address: &NetworkAddress,
        service: Arc<dyn Service>,
        limits: &ServerConfig,
        grace: Duration,
        logs: &Arc<Logs>,
    ) -> Self {
        let (alive, over) = mpsc::channel(1);
        let nothing = Routes::default();
        let site = Site { service: Some(service), ..Site::new(limits, nothing, logs, &alive) };
        let speaks = Speaks::at(limits, 0);
        let entrance = |endpoint| Entrance { endpoint, speaks };
        let entrances = address.endpoints().into_iter().map(entrance).collect();
        let sites = vec![(entrances, Arc::new(site))];
        Self { sites, delay: Duration::ZERO, grace: Some(grace), requests: None, over }
    }

    /// What counts its requests, if they are counted.
    pub const fn requests(&self) -> Option<&Arc<Requests>> {
        self.requests.as_ref()
    }
}

impl Site {
    fn provision(
        config: &ServerConfig,
        php: Option<&Arc<php::Runtime>>,
        (logs, figures, tracers): (&Arc<Logs>, &Arc<Figures>, &Tracers),
        alive: &mpsc::Sender<()>,
    ) -> Result<Self, ProvisionError> {
        let named: Vec<&str> = config.named_routes.keys().map(String::as_str).collect();
        let mut provision = Provision {
            php,
            figures,
            tracers,
            tells_invoked: config.logs.as_ref().is_some_and(|logs| logs.trace),
            groups: HashMap::new(),
            named,
        };
        let errors = config.errors.as_ref().filter(|e| !e.routes.is_empty());
        let routes = Routes::provision(&config.routes, &mut provision)?;
        let errors = errors
            .map(|e| Routes::provision(&e.routes, &mut provision))
            .transpose()
            .map_err(|error| error.within("errors"))?;
        let compile = |(name, route): (&String, &Route)| {
            Routes::provision(std::slice::from_ref(route), &mut provision)
                .map_err(|error| error.within(&format!("named_routes.{name}")))
        };
        let named_routes = config.named_routes.iter().map(compile).collect::<Result<_, _>>()?;
        let trust = Trust::provision(config)?;
        let wrappers = Arc::new(Wrappers::provision(&config.listener_wrappers)?);
        let aliases = Aliases::new(config, php.is_some());
        let site = Self::new(config, routes, logs, alive);
        Ok(Self { errors, named_routes, aliases, trust, wrappers, ..site })
    }

    /// A site of these routes that has the limits of a configuration.
    fn new(
        config: &ServerConfig,
        routes: Routes,
        logs: &Arc<Logs>,
        alive: &mpsc::Sender<()>,
    ) -> Self {
        let head_max = usize::try_from(config.max_header_bytes).ok().filter(|max| *max > 0);
        Self {
            routes,
            service: None,
            errors: None,
            named_routes: Vec::new(),
            timeouts: Timeouts::of(config),
            aliases: Aliases::default(),
            head_max: head_max.unwrap_or(HEAD_MAX) + HEAD_SLACK,
            keepalive: Keepalive::of(config),
            trust: Trust::default(),
            wrappers: Arc::default(),
            logs: Arc::clone(logs),
            loggers: config.logs.as_ref().map(Loggers::new),
            shutdown_at: OnceLock::new(),
            _alive: alive.clone(),
        }
    }
}

/// What a `listen` entry names. Placeholders in it are filled in.
fn expand(listen: &str) -> Result<Vec<Endpoint>, ProvisionError> {
    let invalid =
        |why: &str| ProvisionError::Invalid(format!("invalid listener address '{listen}': {why}"));
    let filled = fill_placeholders(listen);
    let address = NetworkAddress::parse(&filled, 0).map_err(|why| invalid(&why))?;
    match address.network.as_str() {
        "tcp" | "tcp4" | "tcp6" | "unix" | "unix+h2c" | "fd" => Ok(address.endpoints()),
        network => Err(invalid(&format!("network \"{network}\" is not supported yet"))),
    }
}

/// Two servers cannot have the same address, nor one server twice.
fn claim<'n>(
    claimed: &mut HashMap<String, &'n str>,
    name: &'n str,
    endpoint: &Endpoint,
) -> Result<(), ProvisionError> {
    let address = endpoint.to_string();
    match claimed.insert(address.clone(), name) {
        None => Ok(()),
        Some(other) => Err(ProvisionError::Invalid(format!(
            "server {name}: listener address repeated: {address} (already claimed by server \
             '{other}')"
        ))),
    }
}

/// A site that wants TLS is refused until there is TLS: never plain text in its place.
fn refuse_tls(
    server: &str,
    listen: &str,
    address: &str,
    https_port: i64,
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
        let logs = Logs::silent();
        let tracers = Tracers::new(Arc::clone(&logs));
        let got = Server::provision(&config, None, &logs, &Arc::default(), &tracers);
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
            "invalid listener address 'udp/:80': network \"udp\" is not supported yet",
        );
        check(
            r#"{"apps":{"http":{"servers":{"s":{"listen":[":x"]}}}}}"#,
            "invalid listener address ':x': invalid start port: strconv.ParseUint: parsing \"x\": \
             invalid syntax",
        );
    }

    #[test]
    fn what_is_not_said_of_time_is_a_minute_and_less_than_nothing_is_no_limit() {
        let of = |json: &str| Timeouts::of(&serde_json::from_str(json).expect("a server"));
        let usual = of("{}");
        assert_eq!((usual.read.limit, usual.read.rate), (Some(Duration::from_secs(60)), 0));
        assert_eq!((usual.write.limit, usual.part), (Some(Duration::from_secs(60)), 65536));
        assert_eq!((usual.read_total, usual.write_total), (None, None));
        let own = of(r#"{"read_idle_timeout":-1,"write_idle_timeout":"5s","write_min_rate":7,
                         "max_write_chunk":9,"read_timeout":"2s"}"#);
        assert_eq!((own.read.limit, own.read_total), (None, Some(Duration::from_secs(2))));
        assert_eq!(own.write, Bound { limit: Some(Duration::from_secs(5)), rate: 7 });
        assert_eq!(own.part, 9);
    }

    #[track_caller]
    fn check_speaks(server: &str, h1: bool, h2c: bool) {
        let config = serde_json::from_str(server).expect("a server");
        assert_eq!(Speaks::at(&config, 1), Speaks { h1, h2c }, "{server}");
    }

    #[test]
    fn an_address_speaks_its_own_protocols_or_the_servers() {
        check_speaks("{}", true, true);
        check_speaks(r#"{"protocols":["h1"]}"#, true, false);
        check_speaks(r#"{"protocols":["h1","h2"]}"#, true, true);
        check_speaks(r#"{"protocols":["h2c"]}"#, false, true);
        check_speaks(r#"{"protocols":["h2","h3"]}"#, false, false);
        check_speaks(r#"{"listen_protocols":[["h1"],null]}"#, true, true);
        check_speaks(r#"{"listen_protocols":[null,["h1"]]}"#, true, false);
        check_speaks(r#"{"protocols":["h1"],"listen_protocols":[null,[]]}"#, true, false);
        check_speaks(r#"{"protocols":["h1"],"listen_protocols":[null,["h2c",""]]}"#, true, true);
        check_speaks(r#"{"protocols":["h1"],"listen_protocols":[null,["h2c"]]}"#, false, true);
    }

    #[test]
    fn an_address_belongs_to_one_server() {
        check(
            r#"{"apps":{"http":{"servers":{"a":{"listen":[":8000-8002"]},"b":{"listen":[":8001"]}}}}}"#,
            "server b: listener address repeated: :8001 (already claimed by server 'a')",
        );
    }
}
