//! What a configuration may say and this server does not do yet.
//!
//! All of it is refused when the configuration is loaded, by its JSON path: what somebody
//! wrote is never ignored. Every field of these types is named below, so that a new one
//! does not compile until somebody has decided whether it is honoured. Handlers and
//! matchers refuse what they do not do themselves.

use super::server::{ProvisionError, Speaks};
use crate::config::Apps;
use crate::config::http::{AutomaticHttps, Http, Route, Server};
use crate::config::pki::{CertificateAuthority, Pki};
use crate::config::tls::Tls;

const NO_HTTPS: &str = "HTTPS is not supported yet";

/// Refuses the first thing that is not there yet.
pub(super) fn refuse(apps: &Apps) -> Result<(), ProvisionError> {
    // Nobody can be told of an event, as there are no handlers.
    let Apps { filesystems, events: _, frankenphp: _, http, pki, pogo: _, tls } = apps;
    if filesystems.as_ref().is_some_and(|f| f.filesystems.as_ref().is_some_and(|f| !f.is_empty())) {
        return no("apps.caddy.filesystems", "other file systems are not supported yet");
    }
    if let Some(Pki { certificate_authorities }) = pki {
        // Nothing installs anything, so that much is true already.
        let untrusted =
            CertificateAuthority { install_trust: Some(false), ..CertificateAuthority::default() };
        for (name, authority) in certificate_authorities {
            if *authority != untrusted {
                let path = format!("apps.pki.certificate_authorities.{name}");
                return no(&path, "certificate authorities are not supported yet");
            }
        }
    }
    tls.as_ref().map_or(Ok(()), refuse_in_tls)?;
    http.as_ref().map_or(Ok(()), refuse_in_app)
}

fn refuse_in_tls(tls: &Tls) -> Result<(), ProvisionError> {
    let Tls {
        certificates,
        encrypted_client_hello,
        // These say how certificates are had and kept, and how handshakes are made. There are
        // neither: who would need one is refused.
        automation: _,
        session_tickets: _,
        cache: _,
        disable_ocsp_stapling: _,
        disable_storage_check: _,
        disable_storage_clean: _,
        dns: _,
        resolvers: _,
    } = tls;
    if certificates.is_some() {
        return no("apps.tls.certificates", NO_HTTPS);
    }
    if encrypted_client_hello.is_some() {
        return no("apps.tls.encrypted_client_hello", NO_HTTPS);
    }
    Ok(())
}

fn refuse_in_app(http: &Http) -> Result<(), ProvisionError> {
    let Http { http_port, https_port: _, grace_period: _, shutdown_delay: _, servers, metrics: _ } =
        http;
    let http_port = if *http_port == 0 { 80 } else { *http_port };
    for (name, server) in servers {
        refuse_in_server(&format!("apps.http.servers.{name}"), server, http_port)?;
    }
    Ok(())
}

fn refuse_in_server(path: &str, server: &Server, http_port: i64) -> Result<(), ProvisionError> {
    let Server {
        listen,
        listener_wrappers: _,
        packet_conn_wrappers: _,
        read_timeout: _,
        read_header_timeout: _,
        read_idle_timeout: _,
        read_min_rate: _,
        write_timeout: _,
        write_idle_timeout: _,
        write_min_rate: _,
        max_write_chunk: _,
        idle_timeout: _,
        keepalive_interval: _,
        keepalive_idle: _,
        keepalive_count: _,
        max_header_bytes: _,
        // A handler here may always answer before it has read the body.
        enable_full_duplex: _,
        expected_underscore_headers: _,
        expected_dot_headers: _,
        routes,
        errors: _,
        named_routes: _,
        tls_connection_policies,
        automatic_https,
        // About TLS only.
        strict_sni_host: _,
        trusted_proxies: _,
        client_ip_headers: _,
        trusted_proxies_strict: _,
        trusted_proxies_unix: _,
        logs: _,
        protocols: _,
        listen_protocols,
        // About HTTP/3 only.
        allow_0rtt: _,
        metrics: _,
    } = server;
    if !tls_connection_policies.is_empty() {
        return no(&format!("{path}.tls_connection_policies"), NO_HTTPS);
    }
    if let Some(host) = https_host(listen, routes, automatic_https.as_ref(), http_port) {
        let why = format!(
            "{NO_HTTPS}, and automatic HTTPS would serve the host \"{host}\" so: set \
             automatic_https.disable, or listen on port {http_port}"
        );
        return no(path, &why);
    }
    let is_mute = |index| {
        let Speaks { h1, h2c } = Speaks::at(server, index);
        !h1 && !h2c
    };
    // A server that listens nowhere is judged, too.
    let Some(index) = (0..listen.len().max(1)).find(|index| is_mute(*index)) else { return Ok(()) };
    let has_own = listen_protocols.get(index).is_some_and(Option::is_some);
    let path = match has_own {
        true => format!("{path}.listen_protocols[{index}]"),
        false => format!("{path}.protocols"),
    };
    no(&path, "cannot serve without HTTP/1.1 or h2c; add h1 to the protocols")
}

/// The first host for which Caddy would turn on HTTPS, although nothing else says so.
fn https_host<'c>(
    listen: &[String],
    routes: &'c [Route],
    automatic: Option<&AutomaticHttps>,
    http_port: i64,
) -> Option<&'c str> {
    let http_port = format!(":{http_port}");
    let is_disabled = automatic.is_some_and(|automatic| automatic.disable);
    if is_disabled || listen.iter().all(|address| address.ends_with(&http_port)) {
        return None;
    }
    let skipped = automatic.map_or(&[][..], |automatic| &automatic.skip);
    let sets = routes.iter().flat_map(|route| &route.matcher_sets);
    let mut hosts = sets.filter_map(|set| set.host.as_ref()).flatten();
    hosts.find(|host| !skipped.contains(host)).map(String::as_str)
}

fn no(path: &str, why: &str) -> Result<(), ProvisionError> {
    Err(ProvisionError::Invalid(why.to_owned()).within(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(apps: &str, expected: Result<(), &str>) {
        let apps = serde_json::from_str(apps).expect("apps");
        let got = refuse(&apps).map_err(|error| error.to_string());
        assert_eq!(got, expected.map_err(str::to_owned));
    }

    #[track_caller]
    fn check_server(server: &str, expected: Result<(), &str>) {
        let expected = expected.map_err(|text| format!("apps.http.servers.s{text}"));
        let apps = format!(r#"{{"http":{{"servers":{{"s":{server}}}}}}}"#);
        check(&apps, expected.as_ref().copied().map_err(String::as_str));
    }

    #[test]
    fn what_is_not_there_is_refused_by_its_path() {
        check(
            r#"{"tls":{"certificates":{"automate":["a.test"]}}}"#,
            Err("apps.tls.certificates: HTTPS is not supported yet"),
        );
        check(
            r#"{"pki":{"certificate_authorities":{"mine":{}}}}"#,
            Err("apps.pki.certificate_authorities.mine: \
                 certificate authorities are not supported yet"),
        );
        check_server(
            r#"{"listen":[":80",":81"],"listen_protocols":[null,["h3"]]}"#,
            Err(".listen_protocols[1]: cannot serve without HTTP/1.1 or h2c; \
                 add h1 to the protocols"),
        );
        check(
            r#"{"caddy.filesystems":{"filesystems":[{"name":"a"}]}}"#,
            Err("apps.caddy.filesystems: other file systems are not supported yet"),
        );
        check_server(
            r#"{"protocols":["h3"]}"#,
            Err(".protocols: cannot serve without HTTP/1.1 or h2c; add h1 to the protocols"),
        );
    }

    #[test]
    fn what_caddy_would_serve_over_tls_is_never_plain() {
        let policies = r#"{"listen":[":8080"],"tls_connection_policies":[{}]}"#;
        check_server(policies, Err(".tls_connection_policies: HTTPS is not supported yet"));
        let server = |listen: &str, automatic: &str| {
            format!(
                r#"{{"listen":["{listen}"],"routes":[{{"match":[{{"host":["a.test"]}}]}}]
                    {automatic}}}"#
            )
        };
        check_server(
            &server(":8080", ""),
            Err(": HTTPS is not supported yet, and automatic HTTPS would serve the host \
                 \"a.test\" so: set automatic_https.disable, or listen on port 80"),
        );
        check_server(&server(":80", ""), Ok(()));
        check_server(&server(":8080", r#","automatic_https":{"disable":true}"#), Ok(()));
        check_server(&server(":8080", r#","automatic_https":{"skip":["a.test"]}"#), Ok(()));
    }

    #[test]
    fn what_asks_for_nothing_is_let_through() {
        check(r#"{"pki":{"certificate_authorities":{"local":{"install_trust":false}}}}"#, Ok(()));
        check(r#"{"tls":{"automation":{"policies":[{"issuers":[{"module":"acme"}]}]}}}"#, Ok(()));
        check_server(r#"{"protocols":["h1","h2","h3"],"listen_protocols":[null]}"#, Ok(()));
    }
}
