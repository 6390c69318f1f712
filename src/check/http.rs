//! The `http` app: servers and routes.

use super::fault::{At, Checked, Fault, each};
use super::{handlers, matchers, tls};
use crate::config::http::{Http, Route, Server};
use crate::config::ip_sources::IpSource;
use crate::config::listeners::ListenerWrapper;
use crate::config::tls::Tls;
use crate::go::netip;
use crate::http::NetworkAddress;
use crate::metrics::push;
use std::collections::BTreeMap;

/// Checks the app, in the order in which Caddy does.
pub(super) fn check(http: &Http, _tls: Option<&Tls>) -> Checked {
    let servers = |check: &dyn Fn(&Server) -> Checked| {
        http.servers
            .iter()
            .try_for_each(|(name, server)| check(server).field(name).field("servers"))
    };
    servers(&|server| each(&server.routes, route_matchers).field("routes"))?;
    if http.metrics.as_ref().is_some_and(|metrics| metrics.otlp) {
        pushed().field("otlp").field("metrics")?;
    }
    for (name, server) in &http.servers {
        settings(name, server).field(name).field("servers")?;
    }
    servers(&|server| each(&server.routes, route_handlers).field("routes"))?;
    servers(&error_routes)?;
    servers(&named_routes)?;
    for (name, server) in &http.servers {
        let words = format!("server {name}: setting up TLS connection policies: ");
        tls::connection_policies(&server.tls_connection_policies)
            .map_err(|fault| fault.after_outside_modules(&words))
            .field("tls_connection_policies")
            .field(name)
            .field("servers")?;
    }
    together(&http.servers)
}

/// What sending figures needs stands in the environment.
fn pushed() -> Checked {
    match push::Settings::of_process() {
        Ok(_) | Err(push::SettingsError::Later(_)) => Ok(()),
        Err(error) => Err(Fault::new(error.to_string())),
    }
}

/// Checks a list of routes, those of a handler.
pub(super) fn routes(routes: &[Route]) -> Checked {
    each(routes, both).field("routes")
}

fn both(route: &Route) -> Checked {
    route_matchers(route)?;
    route_handlers(route)
}

fn route_matchers(route: &Route) -> Checked {
    each(&route.matcher_sets, matchers::check).field("match")
}

fn route_handlers(route: &Route) -> Checked {
    each(&route.handle, handlers::check).field("handle")
}

fn error_routes(server: &Server) -> Checked {
    match &server.errors {
        Some(errors) => routes(&errors.routes).field("errors"),
        None => Ok(()),
    }
}

fn named_routes(server: &Server) -> Checked {
    server
        .named_routes
        .iter()
        .try_for_each(|(name, route)| both(route).field(name).field("named_routes"))
}

fn settings(name: &str, server: &Server) -> Checked {
    let fail = |why: String| Err(Fault::new(format!("server {name}: {why}")));
    let (protocols, addresses) = (server.listen_protocols.len(), server.listen.len());
    if protocols > 0 && protocols != addresses {
        return fail(format!(
            "listener protocols count does not match address count: {protocols} != {addresses}"
        ))
        .field("listen_protocols");
    }
    if let Some(IpSource::Static(ranges)) = &server.trusted_proxies {
        let checked = each(&ranges.ranges, |range| netip::check(range, ":").map_err(Fault::new));
        checked.field("ranges").inline("http.ip_sources", "static").field("trusted_proxies")?;
    }
    for (field, separator, names) in [
        ("expected_underscore_headers", '_', &server.expected_underscore_headers),
        ("expected_dot_headers", '.', &server.expected_dot_headers),
    ] {
        let checked = names.iter().try_for_each(|entry| expected_header(entry, separator));
        if let Err(why) = checked {
            return fail(format!("{field}: {why}")).field(field);
        }
    }
    wrappers(&server.listener_wrappers).field("listener_wrappers")
}

/// Checks a name of a header field that is let through although others mistake it.
fn expected_header(entry: &str, separator: char) -> Result<(), String> {
    let name = entry.strip_suffix('*').unwrap_or(entry);
    if !entry.is_ascii() {
        return Err(format!("entry {entry:?} contains non-ASCII characters"));
    }
    if name.contains('*') {
        return Err(format!(
            "entry {entry:?} has '*' in an invalid position (only a trailing '*' is allowed)"
        ));
    }
    if !name.contains(separator) {
        // Go quotes a single letter so.
        return Err(format!("entry {entry:?} does not contain a '{separator}'"));
    }
    Ok(())
}

fn wrappers(wrappers: &[ListenerWrapper]) -> Checked {
    each(wrappers, |wrapper| match wrapper {
        ListenerWrapper::ProxyProtocol(proxy) => {
            let ranges = |ranges: &[String]| {
                each(ranges, |range| netip::prefix(range).map(drop).map_err(Fault::new))
            };
            let checked = ranges(&proxy.allow).field("allow");
            let checked = checked.and_then(|()| ranges(&proxy.deny).field("deny"));
            checked.inline("caddy.listeners", "proxy_protocol")
        }
        ListenerWrapper::HttpRedirect(_) | ListenerWrapper::Tls(_) => Ok(()),
    })?;
    let is_tls = |wrapper: &&ListenerWrapper| matches!(wrapper, ListenerWrapper::Tls(_));
    if wrappers.first().as_ref().is_some_and(is_tls) {
        return Err(Fault::new(
            "it is unnecessary to specify the TLS listener wrapper in the first position because \
             that is the default",
        ));
    }
    if wrappers.iter().filter(is_tls).count() > 1 {
        return Err(Fault::new("TLS listener wrapper can only be specified once"));
    }
    Ok(())
}

/// What two servers cannot both have.
fn together(servers: &BTreeMap<String, Server>) -> Checked {
    let mut claimed: BTreeMap<String, &str> = BTreeMap::new();
    for (name, server) in servers {
        for (index, listen) in server.listen.iter().enumerate() {
            claim(&mut claimed, name, listen)
                .map_err(Fault::together)
                .index(index)
                .field("listen")
                .field(name)
                .field("servers")?;
        }
        let hosts = server.logs.iter().flat_map(|logs| logs.logger_names.keys());
        if let Some(host) = hosts.into_iter().find(|host| has_port(host)) {
            let why = format!("server {name}: logger name must not have a port: {host}");
            return Err(Fault::together(why)).field(name).field("servers");
        }
    }
    Ok(())
}

fn claim<'n>(
    claimed: &mut BTreeMap<String, &'n str>,
    name: &'n str,
    listen: &str,
) -> Result<(), String> {
    let address = NetworkAddress::parse(listen, 0)
        .map_err(|why| format!("invalid listener address '{listen}': {why}"))?;
    for endpoint in address.endpoints() {
        let address = endpoint.to_string();
        if let Some(other) = claimed.insert(address.clone(), name) {
            return Err(format!(
                "server {name}: listener address repeated: {address} (already claimed by server \
                 '{other}')"
            ));
        }
    }
    Ok(())
}

fn has_port(host: &str) -> bool {
    match host.rsplit_once(':') {
        Some((before, _)) => !before.contains(':') || before.ends_with(']'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{accepted, refused};

    #[track_caller]
    fn check(server: &str, path: &str, message: &str) {
        let json = format!(r#"{{"apps":{{"http":{{"servers":{{"s":{server}}}}}}}}}"#);
        let (got_path, got) = refused(&json);
        let dot = if path.is_empty() { "" } else { "." };
        assert_eq!(got_path, format!("apps.http.servers.s{dot}{path}"));
        assert_eq!(got, format!("loading http app module: {message}"));
    }

    #[test]
    fn settings_of_a_server_are_checked() {
        check(
            r#"{"listen":[":80"],"listen_protocols":[null,["h1"]]}"#,
            "listen_protocols",
            "provision http: server s: listener protocols count does not match address count: \
             2 != 1",
        );
        check(
            r#"{"trusted_proxies":{"source":"static","ranges":["::1","10.0.0.0/99"]}}"#,
            "trusted_proxies.ranges[1]",
            "provision http: loading trusted proxies modules: loading module 'static': \
             provision http.ip_sources.static: parsing CIDR expression: '10.0.0.0/99': \
             netip.ParsePrefix(\"10.0.0.0/99\"): prefix length out of range",
        );
        check(
            r#"{"listener_wrappers":[{"wrapper":"tls"}]}"#,
            "listener_wrappers",
            "provision http: it is unnecessary to specify the TLS listener wrapper in the first \
             position because that is the default",
        );
    }

    #[test]
    fn an_address_belongs_to_one_server() {
        let (path, message) = refused(
            r#"{"apps":{"http":{"servers":{"a":{"listen":[":80-82"]},"b":{"listen":[":81"]}}}}}"#,
        );
        assert_eq!(path, "apps.http.servers.b.listen[0]");
        assert_eq!(
            message,
            "loading http app module: http: invalid configuration: server b: listener address \
             repeated: :81 (already claimed by server 'a')"
        );
        accepted(
            r#"{"apps":{"http":{"servers":{"a":{"listen":[":80"]},"b":{"listen":[":81"]}}}}}"#,
        );
    }

    #[test]
    fn loggers_are_for_hosts_without_ports() {
        check(
            r#"{"logs":{"logger_names":{"a.test:80":["x"]}}}"#,
            "",
            "http: invalid configuration: server s: logger name must not have a port: a.test:80",
        );
        accepted(r#"{"apps":{"http":{"servers":{"a":{"logs":{"logger_names":{"::1":["x"]}}}}}}}"#);
    }
}
