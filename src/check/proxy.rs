//! `reverse_proxy`, and what it is made of.

use super::fault::{At, Checked, Fault, each};
use super::{handlers, matchers};
use crate::config::handlers::ReverseProxy;
use crate::config::handlers::reverse_proxy::{
    LoadBalancing, SelectionPolicy, Transport, TransportTls,
};
use crate::go::{netip, regexp};
use std::path::Path;

const VERSIONS: [&str; 4] = ["1.1", "2", "h2c", "3"];
/// The key exchanges that TLS may use.
pub(super) const CURVES: [&str; 5] =
    ["secp256r1", "secp384r1", "secp521r1", "x25519", "x25519mlkem768"];
const RENEGOTIATIONS: [&str; 4] = ["", "never", "once", "freely"];

/// Checks the handler, in the order in which Caddy does.
pub(super) fn check(proxy: &ReverseProxy) -> Checked {
    if let Some(transport) = &proxy.transport {
        in_transport(transport).field("transport")?;
    }
    let balancing = proxy.load_balancing.as_ref();
    if let Some(policy) = balancing.and_then(|balancing| balancing.selection_policy.as_ref()) {
        in_policy(policy).field("selection_policy").field("load_balancing")?;
    }
    each(&proxy.trusted_proxies, |range| netip::check(range, ":").map_err(Fault::new))
        .field("trusted_proxies")?;
    if let Some(headers) = &proxy.headers {
        handlers::headers(headers)
            .map_err(|fault| fault.after_outside_modules("provisioning embedded headers handler: "))
            .field("headers")?;
    }
    if let Some(rewrite) = &proxy.rewrite {
        handlers::rewrite(rewrite)
            .map_err(|fault| fault.after_outside_modules("provisioning rewrite: "))
            .field("rewrite")?;
    }
    if let Some(LoadBalancing { retry_match, .. }) = balancing {
        each(retry_match, matchers::check).field("retry_match").field("load_balancing")?;
    }
    let active = proxy.health_checks.as_ref().and_then(|checks| checks.active.as_ref());
    if let Some(active) = active {
        regexp::check(&active.expect_body)
            .map_err(|why| Fault::new(format!("expect_body: compiling regular expression: {why}")))
            .field("expect_body")
            .field("active")
            .field("health_checks")?;
    }
    handlers::response_handlers(&proxy.handle_response)
}

fn in_policy(policy: &SelectionPolicy) -> Checked {
    let namespace = "http.reverse_proxy.selection_policies";
    let fallback =
        |policy: Option<&SelectionPolicy>| policy.map_or(Ok(()), in_policy).field("fallback");
    let required = |value: &str, why: &str, field: &str| match value {
        "" => Err(Fault::new(why)).field(field),
        _ => Ok(()),
    };
    let (name, checked) = match policy {
        SelectionPolicy::Cookie(policy) => ("cookie", fallback(policy.fallback.as_deref())),
        SelectionPolicy::Header(policy) => (
            "header",
            required(&policy.field, "header field is required", "field")
                .and_then(|()| fallback(policy.fallback.as_deref())),
        ),
        SelectionPolicy::Query(policy) => (
            "query",
            required(&policy.key, "query key is required", "key")
                .and_then(|()| fallback(policy.fallback.as_deref())),
        ),
        SelectionPolicy::RandomChoose(policy) => {
            let is_enough = policy.choose == 0 || policy.choose >= 2;
            let why = "choose must be at least 2";
            ("random_choose", if is_enough { Ok(()) } else { Err(Fault::together(why)) })
        }
        SelectionPolicy::WeightedRoundRobin(policy) => {
            ("weighted_round_robin", in_weights(&policy.weights))
        }
        _ => return Ok(()),
    };
    checked.inline(namespace, name)
}

fn in_weights(weights: &[i64]) -> Checked {
    let total: i64 = weights.iter().fold(0, |sum, weight| sum.saturating_add(*weight));
    let why = if total <= 0 {
        "weighted_round_robin requires at least one upstream with a positive weight"
    } else if weights.iter().any(|weight| *weight < 0) {
        "weight of an upstream cannot be negative"
    } else {
        return Ok(());
    };
    Err(Fault::together(why)).field("weights")
}

fn in_transport(transport: &Transport) -> Checked {
    let Transport::Http(http) = transport else { return Ok(()) };
    let versions = each(&http.versions, |version| {
        if VERSIONS.contains(&version.as_str()) {
            return Ok(());
        }
        let known = VERSIONS.join(", ");
        let why = format!("unsupported HTTP version: {version}, supported version: {known}");
        Err(Fault::new(why))
    })
    .field("versions");
    let tls = || match &http.tls {
        Some(tls) => in_tls(tls)
            .map_err(|fault| fault.after_outside_modules("making TLS client config: "))
            .field("tls"),
        None => Ok(()),
    };
    let third = || {
        let is_third = http.versions.iter().any(|version| version == "3");
        if is_third && http.versions.len() > 1 {
            let why = "if HTTP/3 is enabled to the upstream, no other HTTP versions are supported";
            return Err(Fault::new(why)).field("versions");
        }
        Ok(())
    };
    versions
        .and_then(|()| tls())
        .and_then(|()| third())
        .inline("http.reverse_proxy.transport", "http")
}

fn in_tls(tls: &TransportTls) -> Checked {
    let (certificate, key) = (&tls.client_certificate_file, &tls.client_certificate_key_file);
    match (certificate.is_empty(), key.is_empty()) {
        (false, true) => {
            let why = "client_certificate_file specified without client_certificate_key_file";
            return Err(Fault::new(why)).field("client_certificate_file");
        }
        (true, false) => {
            let why = "client_certificate_key_file specified without client_certificate_file";
            return Err(Fault::new(why)).field("client_certificate_key_file");
        }
        (false, false) => readable(certificate, "loading client certificate key pair")
            .and_then(|()| readable(key, "loading client certificate key pair"))
            .field("client_certificate_file")?,
        (true, true) => {}
    }
    each(&tls.root_ca_pem_files, |file| readable(file, "failed reading ca cert"))
        .field("root_ca_pem_files")?;
    let has_roots = !tls.root_ca_pool.is_empty() || !tls.root_ca_pem_files.is_empty();
    if tls.ca.is_some() && has_roots {
        return Err(Fault::new("conflicting config for Root CA pool")).field("ca");
    }
    if !RENEGOTIATIONS.contains(&tls.renegotiation.as_str()) {
        let why = format!("invalid TLS renegotiation level: {}", tls.renegotiation);
        return Err(Fault::new(why)).field("renegotiation");
    }
    each(&tls.curves, |curve| {
        if CURVES.contains(&curve.as_str()) {
            return Ok(());
        }
        Err(Fault::new(format!("unsupported curve: {curve}")))
    })
    .field("curves")
}

/// Checks that a file can be opened; `what` is what it was to be opened for. Placeholders
/// may say which it is later.
pub(super) fn readable(file: &str, what: &str) -> Checked {
    if file.contains('{') {
        return Ok(());
    }
    std::fs::File::open(Path::new(file)).map(drop).map_err(|error| {
        let text = error.to_string();
        let why = text.split_once(" (os error").map_or(text.as_str(), |(why, _)| why);
        let colon = if what.is_empty() { "" } else { ": " };
        Fault::new(format!("{what}{colon}open {file}: {}", why.to_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{accepted, in_routes, refused};

    fn proxy(fields: &str) -> String {
        in_routes(&format!(r#"{{"handle":[{{"handler":"reverse_proxy",{fields}}}]}}"#))
    }

    #[track_caller]
    fn check(fields: &str, path: &str, message: &str) {
        let (got_path, got) = refused(&proxy(fields));
        assert_eq!(got_path, format!("apps.http.servers.s.routes[0].handle[0].{path}"));
        let way = "loading http app module: provision http: server s: setting up route handlers: \
                   route 0: loading handler modules: position 0: loading module 'reverse_proxy': \
                   provision http.handlers.reverse_proxy: ";
        assert_eq!(got, format!("{way}{message}"));
    }

    #[test]
    fn policies_need_what_they_choose_by() {
        let policy = |policy: &str| format!(r#""load_balancing":{{"selection_policy":{policy}}}"#);
        let way = "loading load balancing selection policy: ";
        check(
            &policy(r#"{"policy":"header"}"#),
            "load_balancing.selection_policy.field",
            &format!(
                "{way}loading module 'header': \
                 provision http.reverse_proxy.selection_policies.header: header field is required"
            ),
        );
        check(
            &policy(r#"{"policy":"cookie","fallback":{"policy":"random_choose","choose":1}}"#),
            "load_balancing.selection_policy.fallback",
            &format!(
                "{way}loading module 'cookie': \
                 provision http.reverse_proxy.selection_policies.cookie: loading fallback \
                 selection policy: loading module 'random_choose': \
                 http.reverse_proxy.selection_policies.random_choose: invalid configuration: \
                 choose must be at least 2"
            ),
        );
        accepted(&proxy(&policy(r#"{"policy":"random_choose"}"#)));
    }

    #[test]
    fn transports_are_checked() {
        let way = "loading transport: loading module 'http': \
                   provision http.reverse_proxy.transport.http: ";
        check(
            r#""transport":{"protocol":"http","versions":["1.1","4"]}"#,
            "transport.versions[1]",
            &format!("{way}unsupported HTTP version: 4, supported version: 1.1, 2, h2c, 3"),
        );
        check(
            r#""transport":{"protocol":"http","tls":{"curves":["x"]}}"#,
            "transport.tls.curves[0]",
            &format!("{way}making TLS client config: unsupported curve: x"),
        );
        check(
            r#""transport":{"protocol":"http","tls":{"root_ca_pem_files":["/nowhere/ca.pem"]}}"#,
            "transport.tls.root_ca_pem_files[0]",
            &format!(
                "{way}making TLS client config: failed reading ca cert: open /nowhere/ca.pem: \
                 no such file or directory"
            ),
        );
    }

    #[test]
    fn what_other_handlers_check_is_checked_here_too() {
        check(
            r#""trusted_proxies":["10.0.0.0/33"]"#,
            "trusted_proxies[0]",
            "parsing CIDR expression: '10.0.0.0/33': \
             netip.ParsePrefix(\"10.0.0.0/33\"): prefix length out of range",
        );
        check(
            r#""handle_response":[{"routes":[{"match":[{"path_regexp":{"pattern":"("}}]}]}]"#,
            "handle_response[0].routes[0].match[0].path_regexp",
            "provisioning response handler 0: route 0: loading matcher modules: module name \
             'path_regexp': provision http.matchers.path_regexp: compiling matcher regexp (: \
             error parsing regexp: missing closing ): `(`",
        );
    }
}
