//! From sites to servers: which sites share one, in which order, behind which matchers.

use super::Warning;
use super::address::{self, Address};
use super::error::{Error, Result};
use super::logs;
use super::named_routes::NamedRoutes;
use super::options::Options;
use super::pki;
use super::routes;
use super::scope::Shared;
use super::sites::Site;
use super::stable_sort::stable_sort;
use super::tls::{self, ConnectionPolicies, ServerPolicies};
use crate::config::handlers::{Handler, Subroute};
use crate::config::http::{AutomaticHttps, Errors, Metrics, Route, Server};
use crate::config::logging::Logging;
use crate::config::matchers::MatcherSet;
use crate::config::pki::Pki;
use crate::config::tls::Tls;
use caddyfile_parser::Token;
use caddyfile_parser::parse::Fact;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// What the sites come to.
pub(super) struct Built {
    pub(super) servers: BTreeMap<String, Server>,
    pub(super) metrics: Option<Metrics>,
    pub(super) logging: Option<Logging>,
    pub(super) tls: Option<Tls>,
    pub(super) pki: Option<Pki>,
    pub(super) tls_sites: Vec<TlsSite>,
}

/// A site address that is served over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSite {
    /// The address as it was written.
    pub address: String,
    /// The file that holds it.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
}

/// A site as far as one server is concerned: some of its keys. Both are indexes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) site: usize,
    keys: Vec<usize>,
}

/// Sites that listen on the same addresses.
pub(super) struct Pairing {
    pub(super) listen: Vec<String>,
    /// The protocols on each of them; `""` stands for the server's.
    protocols: Vec<Vec<String>>,
    pub(super) parts: Vec<Part>,
}

impl Part {
    /// The keys as they were written.
    pub(super) fn keys<'a>(&self, sites: &'a [Site]) -> impl Iterator<Item = &'a Token> {
        self.keys.iter().map(move |key| &sites[self.site].keys[*key])
    }

    /// What the keys say.
    pub(super) fn addresses<'a>(&self, sites: &'a [Site]) -> impl Iterator<Item = &'a Address> {
        self.keys.iter().map(move |key| &sites[self.site].addresses[*key])
    }

    /// The hosts; none when one of the keys is for all hosts.
    pub(super) fn hosts(&self, sites: &[Site]) -> BTreeSet<String> {
        let hosts: BTreeSet<String> =
            self.addresses(sites).map(|address| address.host.clone()).collect();
        if hosts.contains("") { BTreeSet::new() } else { hosts }
    }

    /// Whether one of the keys is for all hosts.
    pub(super) fn has_all_hosts(&self, sites: &[Site]) -> bool {
        self.addresses(sites).any(|address| address.host.is_empty())
    }
}

/// Builds the servers of all sites.
///
/// # Errors
///
/// When an address is wrong, or two sites are in conflict.
pub(super) fn build(
    mut sites: Vec<Site>,
    named_routes: &NamedRoutes,
    options: &Options,
    shared: &Shared<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Built> {
    let mut pairings = pair(&mut sites, options)?;
    for part in pairings.iter().flat_map(|pairing| &pairing.parts) {
        sites[part.site].uses += 1;
    }
    let mut connections = ConnectionPolicies::default();
    let mut unfinished = Vec::new();
    for (index, pairing) in pairings.iter_mut().enumerate() {
        let (server, mut need) = build_one(
            pairing,
            &mut sites,
            named_routes,
            options,
            shared,
            &mut connections,
            warnings,
        )?;
        connections.complete(&mut need.policies, options, need.qualifies, need.is_added).map_err(
            |error| {
                let what = format!("consolidating TLS connection policies for server {index}");
                error.wrap(|text| format!("{what}: {text}"))
            },
        )?;
        unfinished.push((format!("srv{index}"), server, need.policies));
    }
    let servers = unfinished.into_iter().map(|(name, mut server, policies)| {
        server.tls_connection_policies = connections.of_server(&policies);
        (name, server)
    });
    let mut servers = apply_options(servers.collect(), options)
        .map_err(|error| error.wrap(|text| format!("applying global server options: {text}")))?;
    let metrics = hoist_metrics(&mut servers, options);
    let tls = tls::build(&pairings, &sites, options)?;
    let pki = pki::build(&pairings, &sites, options);
    let logging = logs::build(&pairings, &sites, options);
    let tls_sites = tls_sites(&sites, options);
    Ok(Built { servers, metrics, logging, tls, pki, tls_sites })
}

/// Finds out which keys of which sites share listeners.
fn pair(sites: &mut [Site], options: &Options) -> Result<Vec<Pairing>> {
    for site in &mut *sites {
        for key in &site.keys {
            let address = Address::parse(&key.text)
                .map_err(|error| error.wrap(|text| format!("parsing key: {text}")).at(key))?;
            site.addresses.push(address);
        }
    }
    // By address and protocol: the sites, and their keys.
    let mut by_listener: BTreeMap<String, BTreeMap<String, Vec<Part>>> = BTreeMap::new();
    for (index, site) in sites.iter().enumerate() {
        for (number, (key, address)) in site.keys.iter().zip(&site.addresses).enumerate() {
            let listeners = address.listeners(&site.binds, options).map_err(|error| {
                let what = format!("server block {index}, key {number} ({})", key.text);
                error.wrap(|text| format!("{what}: determining listener address: {text}")).at(key)
            })?;
            for (listener, protocols) in listeners {
                let by_protocol = by_listener.entry(listener).or_default();
                for protocol in protocols {
                    let parts = by_protocol.entry(protocol).or_default();
                    match parts.last_mut() {
                        Some(part) if part.site == index => part.keys.push(number),
                        _ => parts.push(Part { site: index, keys: vec![number] }),
                    }
                }
            }
        }
    }
    Ok(consolidate(&by_listener))
}

/// Listeners with the same keys of the same sites make one server.
///
/// Where one address has several protocols, Caddy makes an empty server for each but the
/// first. They do nothing, but they count in the servers' names.
fn consolidate(by_listener: &BTreeMap<String, BTreeMap<String, Vec<Part>>>) -> Vec<Pairing> {
    let mut pairings: Vec<Pairing> = Vec::new();
    let mut known: HashMap<&Vec<Part>, usize> = HashMap::new();
    for by_protocol in by_listener.values() {
        let open: Vec<&Vec<Part>> =
            by_protocol.values().filter(|parts| !known.contains_key(parts)).collect();
        for parts in open {
            let parts = match known.entry(parts) {
                Entry::Occupied(_) => Vec::new(),
                Entry::Vacant(entry) => entry.insert_entry(pairings.len()).key().to_vec(),
            };
            pairings.push(Pairing { listen: Vec::new(), protocols: Vec::new(), parts });
        }
    }
    for (listener, by_protocol) in by_listener {
        for (protocol, parts) in by_protocol {
            let pairing = &mut pairings[known[parts]];
            if pairing.listen.last() != Some(listener) {
                pairing.listen.push(listener.clone());
                pairing.protocols.push(Vec::new());
            }
            let protocols = pairing.protocols.last_mut().expect("it has one entry per listener");
            protocols.push(protocol.clone());
        }
    }
    pairings
}

fn build_one(
    pairing: &mut Pairing,
    sites: &mut [Site],
    named_routes: &NamedRoutes,
    options: &Options,
    shared: &Shared<'_>,
    connections: &mut ConnectionPolicies,
    warnings: &mut Vec<Warning>,
) -> Result<(Server, TlsNeed)> {
    refuse_ambiguity(pairing, sites)?;
    let mut server = Server {
        listen: pairing.listen.clone(),
        listen_protocols: listen_protocols(&pairing.protocols),
        automatic_https: automatic_https(options),
        ..Server::default()
    };
    warn_of_paths(pairing, sites, warnings);
    sort_by_specificity(&mut pairing.parts, sites);
    for part in &pairing.parts {
        named_routes.add(&sites[part.site].invoked, &mut server.named_routes)?;
    }
    let mut tls = TlsNeed::new(&server);
    for part in &pairing.parts {
        warn_of_unspecified(part, sites, warnings);
        connections.add_site(&mut tls.policies, part, sites, options);
        tls.look_at(part, sites, options, &mut server);
        let site = &mut sites[part.site];
        routes::sort(&mut site.handlers, shared)
            .map_err(|error| site.keys.first().into_iter().fold(error, Error::at))?;
        site.uses -= 1;
        let handlers = match site.uses {
            0 => std::mem::take(&mut site.handlers),
            _ => site.handlers.clone(),
        };
        let subroute = routes::in_order(handlers, shared);
        sort_error_routes(&mut site.error_routes);
        let error_routes = site.error_routes.concat();
        let matchers = matcher_sets(part, sites);
        let alone = pairing.parts.len() == 1;
        append_site(&mut server.routes, subroute, &matchers, alone);
        if !error_routes.is_empty() {
            let errors = server.errors.get_or_insert_with(Errors::default);
            append_site(&mut errors.routes, error_routes, &matchers, alone);
        }
    }
    server.logs = logs::of_server(pairing, sites);
    refuse_mixed_schemes(pairing, sites, options, &server, &tls)?;
    server.routes = routes::merge_neighbours(server.routes);
    Ok((server, tls))
}

/// Refuses a key that two sites have.
fn refuse_ambiguity(pairing: &Pairing, sites: &[Site]) -> Result<()> {
    let mut owners: HashMap<&str, HashSet<usize>> = HashMap::new();
    for part in &pairing.parts {
        for key in part.keys(sites) {
            owners.entry(&key.text).or_default().insert(part.site);
        }
    }
    let all = pairing.parts.iter().flat_map(|part| part.keys(sites));
    match all.into_iter().find(|key| owners[key.text.as_str()].len() > 1) {
        None => Ok(()),
        Some(first) => {
            let all = pairing.parts.iter().flat_map(|part| part.keys(sites));
            let last = all.filter(|key| key.text == first.text).last().unwrap_or(first);
            Err(Error::blame(last, format!("ambiguous site definition: {}", first.text)))
        }
    }
}

/// The protocols of each listener, unless all have the server's.
fn listen_protocols(protocols: &[Vec<String>]) -> Vec<Option<Vec<String>>> {
    let own = |of_one: &Vec<String>| of_one.iter().any(|protocol| !protocol.is_empty());
    if !protocols.iter().any(own) {
        return Vec::new();
    }
    protocols.iter().map(|of_one| own(of_one).then(|| of_one.clone())).collect()
}

fn automatic_https(options: &Options) -> Option<AutomaticHttps> {
    let mut auto = AutomaticHttps::default();
    for kind in &options.auto_https {
        match kind.as_str() {
            "off" => auto.disable = true,
            "disable_redirects" => auto.disable_redirects = true,
            "disable_certs" => auto.disable_certificates = true,
            _ => auto.ignore_loaded_certificates = true,
        }
    }
    (!options.auto_https.is_empty()).then_some(auto)
}

fn warn_of_paths(pairing: &Pairing, sites: &[Site], warnings: &mut Vec<Warning>) {
    let addresses = pairing.parts.iter().flat_map(|part| part.addresses(sites));
    for address in addresses.filter(|address| !address.path.is_empty()) {
        warnings.push(Warning {
            message: "Using a path in a site address is deprecated; \
                      please use the 'handle' directive instead"
                .to_owned(),
            place: None,
            fields: vec![("address", Fact::Text(address.full()))],
            logger: "caddyfile",
        });
    }
}

fn warn_of_unspecified(part: &Part, sites: &[Site], warnings: &mut Vec<Warning>) {
    for host in part.hosts(sites).into_iter().filter(|host| host == "0.0.0.0" || host == "::") {
        warnings.push(Warning {
            message: "Site block has an unspecified IP address which only matches requests \
                      having that Host header; you probably want the 'bind' directive to \
                      configure the socket"
                .to_owned(),
            place: None,
            fields: vec![("address", Fact::Text(host))],
            logger: "caddyfile",
        });
    }
}

/// Puts the most specific site first, because the first one that matches answers.
fn sort_by_specificity(parts: &mut [Part], sites: &[Site]) {
    let mut ranked: Vec<(Rank, Part)> =
        parts.iter().map(|part| (Rank::of(part, sites), part.clone())).collect();
    stable_sort(&mut ranked, |a, b| a.0.is_before(&b.0));
    for (place, (_, part)) in parts.iter_mut().zip(ranked) {
        *place = part;
    }
}

/// How specific a site is.
struct Rank {
    host: usize,
    /// Of the most specific path, wildcards and all.
    path_length: usize,
    has_wildcard: bool,
}

impl Rank {
    fn of(part: &Part, sites: &[Site]) -> Self {
        let mut path = "";
        for address in part.addresses(sites) {
            if specificity(&address.path) > specificity(path) {
                path = &address.path;
            }
        }
        let hosts = part.addresses(sites).map(|address| specificity(&address.host));
        Self {
            host: hosts.max().unwrap_or(0),
            path_length: path.len(),
            has_wildcard: part
                .addresses(sites)
                .any(|address| address.host.is_empty() || address.host.contains('*')),
        }
    }

    fn is_before(&self, other: &Self) -> bool {
        match (self.host, other.host) {
            (0, _) => false,
            (_, 0) => true,
            _ if self.has_wildcard != other.has_wildcard => other.has_wildcard,
            (own, others) if own == others => self.path_length > other.path_length,
            (own, others) => own > others,
        }
    }
}

/// The length of a text without its wildcards and placeholders.
fn specificity(text: &str) -> usize {
    let mut length = text.len() - text.matches('*').count();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let Some(end) = rest[start..].find('}') else { break };
        length = length.saturating_sub(end + 1);
        rest = &rest[start + end + 1..];
    }
    length
}

/// Error routes for all errors come last; the others are turned round, as Caddy's
/// comparison has it.
fn sort_error_routes(error_routes: &mut [Vec<Route>]) {
    let is_for_all =
        |routes: &Vec<Route>| routes.first().is_none_or(|route| route.matcher_sets.is_empty());
    stable_sort(error_routes, |a, b| !is_for_all(a) || is_for_all(b));
}

/// The matcher sets of a site: its hosts, with each of its paths.
fn matcher_sets(part: &Part, sites: &[Site]) -> Vec<MatcherSet> {
    let mut sets: Vec<(&str, Vec<String>)> = Vec::new();
    let mut known: HashSet<(usize, &str)> = HashSet::new();
    let mut all_hosts = false;
    for address in part.addresses(sites) {
        let index = sets.iter().position(|(path, _)| *path == address.path).unwrap_or_else(|| {
            sets.push((&address.path, Vec::new()));
            sets.len() - 1
        });
        let hosts = &mut sets[index].1;
        if address.host.is_empty() && !all_hosts {
            hosts.clear();
            all_hosts = true;
        }
        if !all_hosts && known.insert((index, &address.host)) {
            hosts.push(address.host.clone());
        }
    }
    let sets = sets.into_iter().filter(|(path, hosts)| !path.is_empty() || !hosts.is_empty());
    sets.map(|(path, hosts)| MatcherSet {
        host: Some(hosts).filter(|hosts| !hosts.is_empty()),
        path: Some(path).filter(|path| !path.is_empty()).map(|path| vec![path.to_owned()]),
        ..MatcherSet::default()
    })
    .collect()
}

/// Adds a site's routes to those of its server, behind the site's matchers.
///
/// A site that is alone and for all hosts needs no route around its own; unless it matches
/// hosts itself, as hosts in a server's own routes are those that certificates are had for.
fn append_site(list: &mut Vec<Route>, own: Vec<Route>, matchers: &[MatcherSet], alone: bool) {
    let mut sets = own.iter().flat_map(|route| &route.matcher_sets);
    if matchers.is_empty() && alone && !sets.any(|set| set.host.is_some()) {
        list.extend(own);
        return;
    }
    if matchers.is_empty() && own.is_empty() {
        return;
    }
    let subroute = Handler::Subroute(Subroute { routes: own, errors: None });
    let is_empty = matches!(&subroute, Handler::Subroute(subroute) if subroute.routes.is_empty());
    list.push(Route {
        matcher_sets: matchers.to_vec(),
        handle: if is_empty { Vec::new() } else { vec![subroute] },
        terminal: true,
        ..Route::default()
    });
}

/// What connections to a server may use, and whether that must be said for all of them.
struct TlsNeed {
    policies: ServerPolicies,
    /// Whether some site is served over TLS.
    qualifies: bool,
    /// Whether automatic HTTPS adds a policy for all connections.
    is_added: bool,
}

impl TlsNeed {
    fn new(server: &Server) -> Self {
        let is_off = server.automatic_https.as_ref().is_some_and(|auto| auto.disable);
        Self { policies: ServerPolicies::default(), qualifies: false, is_added: !is_off }
    }

    /// Takes a site into account; hosts that are for plain HTTP only are left out of
    /// automatic HTTPS.
    fn look_at(&mut self, part: &Part, sites: &[Site], options: &Options, server: &mut Server) {
        let (http, https) = (options.http_port().to_string(), options.https_port().to_string());
        let has_other_port = address::any_port_other_than(&server.listen, options.http_port());
        for address in part.addresses(sites) {
            let host = &address.host;
            let skip = &mut server.automatic_https;
            if has_other_port && address.scheme == "http" && !host.is_empty() {
                let skip = &mut skip.get_or_insert_default().skip;
                if !skip.contains(host) {
                    skip.push(host.clone());
                }
            }
            let is_automatic =
                !host.is_empty() && skip.as_ref().is_none_or(|auto| !auto.skip.contains(host));
            let has_tls = is_automatic || !sites[part.site].tls.is_empty();
            if address.scheme == "https"
                || address.scheme != "http" && address.port != http && has_tls
            {
                self.qualifies = true;
            }
            self.is_added &= address.port == https || address.port != http && !host.is_empty();
        }
    }
}

/// Refuses plain HTTP and HTTPS on one server.
fn refuse_mixed_schemes(
    pairing: &Pairing,
    sites: &[Site],
    options: &Options,
    server: &Server,
    tls: &TlsNeed,
) -> Result<()> {
    let (http, https) = (options.http_port().to_string(), options.https_port().to_string());
    let listen = server.listen.join(" ");
    let mut is_https = None;
    for part in &pairing.parts {
        for (key, address) in part.keys(sites).zip(part.addresses(sites)) {
            let (scheme, port) = (address.scheme.as_str(), &address.port);
            let wants_https = if scheme == "http" || *port == http {
                false
            } else if scheme == "https" || *port == https || !tls.policies.is_empty() {
                true
            } else if address.host.is_empty() {
                false
            } else {
                continue;
            };
            let name = if wants_https { "HTTP" } else { "HTTPS" };
            if is_https.is_some_and(|is_https| is_https != wants_https) {
                let mut text = format!(
                    "server listening on [{listen}] is configured for {name} and cannot natively \
                     multiplex HTTP and HTTPS: {}",
                    address.original
                );
                if !wants_https && scheme.is_empty() && address.host.is_empty() {
                    text.push_str(" (try specifying https:// in the address)");
                }
                return Err(Error::blame(key, text));
            }
            if !wants_https && !tls.policies.is_empty() {
                let text = format!(
                    "server listening on [{listen}] is HTTP, but attempts to configure TLS \
                     connection policies"
                );
                return Err(Error::blame(key, text));
            }
            is_https = Some(wants_https);
        }
    }
    Ok(())
}

/// Applies the option `servers`: the first one that fits goes into a server.
fn apply_options(
    servers: BTreeMap<String, Server>,
    options: &Options,
) -> Result<BTreeMap<String, Server>> {
    let mut names = HashSet::new();
    for server in options.servers.iter().filter(|server| !server.name.is_empty()) {
        if !names.insert(&server.name) {
            let text = format!("cannot use duplicate server name '{}'", server.name);
            return Err(server.blame(Error::new(text)));
        }
    }
    let mut renamed = Vec::new();
    let mut applied = BTreeMap::new();
    for (name, mut server) in servers {
        let mut all = options.servers.iter();
        let fitting =
            all.find(|one| one.listener.is_empty() || server.listen.contains(&one.listener));
        if let Some(settings) = fitting {
            settings.apply(&mut server);
        }
        match fitting.map(|settings| &settings.name).filter(|name| !name.is_empty()) {
            Some(name) => renamed.push((name.clone(), server)),
            None => drop(applied.insert(name, server)),
        }
    }
    // A given name wins over one that we gave ourselves, as in Caddy.
    applied.extend(renamed);
    Ok(applied)
}

/// Takes the servers' own `metrics` out into that of all of them. What they leave of the
/// option `metrics` is `per_host`, as in Caddy.
fn hoist_metrics(servers: &mut BTreeMap<String, Server>, options: &Options) -> Option<Metrics> {
    let own = servers.values_mut().filter_map(|server| server.metrics.take());
    own.fold(options.metrics.clone(), |all, own| {
        let per_host = own.per_host || all.is_some_and(|all| all.per_host);
        Some(Metrics { per_host, ..Metrics::default() })
    })
}

/// The addresses that are served over TLS, each once.
fn tls_sites(sites: &[Site], options: &Options) -> Vec<TlsSite> {
    let (http, https) = (options.http_port().to_string(), options.https_port().to_string());
    let keys = sites.iter().flat_map(|site| site.keys.iter().zip(&site.addresses));
    keys.filter(|(_, address)| {
        let wants_tls =
            address.scheme == "https" || !address.host.is_empty() || address.port == https;
        address.scheme != "http" && address.port != http && wants_tls
    })
    .map(|(key, _)| TlsSite {
        address: key.text.clone(),
        file: Arc::clone(&key.file),
        line: key.line,
    })
    .collect()
}
