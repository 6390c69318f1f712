//! The `tls` app, and what connections may use.

use super::fault::{At, Checked, Fault, each};
use super::proxy::CURVES;
use crate::config::tls::Tls;
use crate::config::tls::automation::{Automation, AutomationPolicy};
use crate::config::tls::connection_policy::{ConnectionPolicy, HandshakeMatch};
use crate::config::tls::issuers::Issuer;
use crate::go::{netip, regexp};
use std::collections::HashMap;

/// The versions of TLS that may be asked for, the older one first.
const VERSIONS: [&str; 2] = ["tls1.2", "tls1.3"];

/// Checks the app.
pub(super) fn check(tls: &Tls) -> Checked {
    if let Some(automation) = &tls.automation {
        policies(automation).field("automation")?;
    }
    if tls.cache.as_ref().is_some_and(|cache| cache.capacity < 0) {
        return Err(Fault::together("cache capacity must be >= 0")).field("cache");
    }
    Ok(())
}

fn policies(automation: &Automation) -> Checked {
    let on_demand = automation.on_demand.as_ref();
    if on_demand.is_some_and(|it| !it.ask.is_empty() && it.permission.is_some()) {
        return Err(Fault::new(
            "on-demand TLS config conflict: both 'ask' endpoint and a 'permission' module are \
             specified; 'ask' is deprecated, so use only the permission module",
        ))
        .field("on_demand");
    }
    let is_permitted = on_demand.is_some_and(|it| it.permission.is_some());
    for (index, policy) in automation.policies.iter().enumerate() {
        if policy.on_demand && !is_permitted && is_open(policy) {
            return Err(Fault::new(format!(
                "provisioning automation policy {index}: on-demand TLS cannot be enabled without \
                 a permission module to prevent abuse; please refer to documentation for details"
            )))
            .index(index)
            .field("policies");
        }
    }
    distinct(&automation.policies).field("policies")
}

/// Whether anybody could have certificates made for any name.
fn is_open(policy: &AutomationPolicy) -> bool {
    let is_any =
        policy.subjects.is_empty() || policy.subjects.iter().any(|name| name.contains('*'));
    let is_internal = |issuer: &Issuer| matches!(issuer, Issuer::Internal(_));
    let is_only_internal = !policy.issuers.is_empty() && policy.issuers.iter().all(is_internal);
    is_any && !is_only_internal && policy.get_certificate.is_empty()
}

/// Only the first policy of a name is used, so a second one is a mistake.
fn distinct(policies: &[AutomationPolicy]) -> Checked {
    let mut has_default = false;
    let mut seen = HashMap::new();
    for (index, policy) in policies.iter().enumerate() {
        if policy.subjects.is_empty() && std::mem::replace(&mut has_default, true) {
            return Err(Fault::together(format!(
                "automation policy {index} is the second policy that acts as default/catch-all, \
                 but will never be used"
            )))
            .index(index);
        }
        for name in &policy.subjects {
            let Some(first) = seen.insert(name, index) else { continue };
            return Err(Fault::together(format!(
                "automation policy {index}: cannot apply more than one automation policy to \
                 host: {name} (first match in policy {first})"
            )))
            .index(index);
        }
    }
    Ok(())
}

/// Checks what connections of a server may use.
pub(super) fn connection_policies(policies: &[ConnectionPolicy]) -> Checked {
    each(policies, |policy| policy.matcher.as_ref().map_or(Ok(()), handshake).field("match"))?;
    policies.iter().enumerate().try_for_each(|(index, policy)| {
        let words = format!("connection policy {index}: building standard TLS config: ");
        let checked = connection_policy(policy);
        checked.map_err(|fault| fault.after_outside_modules(&words)).index(index)
    })
}

fn handshake(matcher: &HandshakeMatch) -> Checked {
    let namespace = "tls.handshake_match";
    let ranges = |ranges: &[String]| {
        each(ranges, |range| {
            netip::check(range, "").map_err(|why| {
                // Here Caddy does not say the range before it says why.
                Fault::new(why.replacen(&format!("expression '{range}': "), "expression: ", 1))
            })
        })
    };
    if let Some(local) = &matcher.local_ip {
        ranges(&local.ranges).field("ranges").named(namespace, "local_ip")?;
    }
    if let Some(sets) = &matcher.not {
        each(sets, handshake).named(namespace, "not")?;
    }
    if let Some(remote) = &matcher.remote_ip {
        let checked = ranges(&remote.ranges).field("ranges");
        let checked = checked.and_then(|()| ranges(&remote.not_ranges).field("not_ranges"));
        checked.named(namespace, "remote_ip")?;
    }
    if let Some(names) = &matcher.sni_regexp {
        regexp::check(&names.pattern)
            .map_err(|why| Fault::new(format!("compiling matcher regexp {}: {why}", names.pattern)))
            .named(namespace, "sni_regexp")?;
    }
    Ok(())
}

fn connection_policy(policy: &ConnectionPolicy) -> Checked {
    each(&policy.curves, |curve| {
        if CURVES.contains(&curve.as_str()) {
            return Ok(());
        }
        Err(Fault::new(format!("unsupported curve: {curve}")))
    })
    .field("curves")?;
    let version = |field: &str, name: &str, default: usize| {
        if name.is_empty() {
            return Ok(default);
        }
        let known = VERSIONS.iter().position(|version| *version == name);
        known.ok_or_else(|| format!("unsupported {field}: {name}"))
    };
    let least = version("protocol_min", &policy.protocol_min, 0);
    let least = least.or_else(|why| Err(Fault::new(why)).field("protocol_min").map(|()| 0))?;
    let most = version("protocol_max", &policy.protocol_max, 1);
    let most = most.or_else(|why| Err(Fault::new(why)).field("protocol_max").map(|()| 0))?;
    if least > most {
        let (least, most) = (VERSIONS[least], VERSIONS[most]);
        let why = format!("protocol min ({least}) cannot be greater than protocol max ({most})");
        return Err(Fault::new(why)).field("protocol_min");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{accepted, refused};

    #[track_caller]
    fn check(tls: &str, path: &str, message: &str) {
        let (got_path, got) = refused(&format!(r#"{{"apps":{{"tls":{tls}}}}}"#));
        assert_eq!(got_path, format!("apps.tls.{path}"));
        assert_eq!(got, format!("loading tls app module: {message}"));
    }

    #[test]
    fn who_asks_for_any_certificate_must_be_checked() {
        let open = r#"{"automation":{"policies":[{"on_demand":true}]}}"#;
        let why = "provisioning automation policy 0: on-demand TLS cannot be enabled without a \
                   permission module to prevent abuse; please refer to documentation for details";
        check(open, "automation.policies[0]", &format!("provision tls: {why}"));
        let (_, message) = refused(&format!(r#"{{"apps":{{"http":{{}},"tls":{open}}}}}"#));
        let way = "loading http app module: provision http: getting tls app: ";
        assert_eq!(message, format!("{way}loading tls app module: provision tls: {why}"));
        accepted(
            r#"{"apps":{"tls":{"automation":{"policies":
            [{"on_demand":true,"issuers":[{"module":"internal"}]}]}}}}"#,
        );
    }

    #[test]
    fn a_name_has_one_policy() {
        check(
            r#"{"automation":{"policies":[{"subjects":["a.test"]},{"subjects":["a.test"]}]}}"#,
            "automation.policies[1]",
            "tls: invalid configuration: automation policy 1: cannot apply more than one \
             automation policy to host: a.test (first match in policy 0)",
        );
        check(
            r#"{"automation":{"policies":[{},{}]}}"#,
            "automation.policies[1]",
            "tls: invalid configuration: automation policy 1 is the second policy that acts as \
             default/catch-all, but will never be used",
        );
    }

    #[test]
    fn connection_policies_are_checked() {
        let server = |policy: &str| {
            format!(
                r#"{{"apps":{{"http":{{"servers":{{"s":{{"tls_connection_policies":[{policy}]}}}}}}}}}}"#
            )
        };
        let way = "loading http app module: provision http: server s: setting up TLS connection \
                   policies: ";
        let (path, message) = refused(&server(r#"{"curves":["x"]}"#));
        assert_eq!(path, "apps.http.servers.s.tls_connection_policies[0].curves[0]");
        let building = "connection policy 0: building standard TLS config: ";
        assert_eq!(message, format!("{way}{building}unsupported curve: x"));
        let (_, message) = refused(&server(r#"{"match":{"remote_ip":{"ranges":["1.2.3.0/33"]}}}"#));
        assert_eq!(
            message,
            format!(
                "{way}loading handshake matchers: module name 'remote_ip': \
                 provision tls.handshake_match.remote_ip: parsing CIDR expression: \
                 netip.ParsePrefix(\"1.2.3.0/33\"): prefix length out of range"
            )
        );
        let (_, message) = refused(&server(r#"{"protocol_min":"tls1.3","protocol_max":"tls1.2"}"#));
        let why = "protocol min (tls1.3) cannot be greater than protocol max (tls1.2)";
        assert_eq!(message, format!("{way}{building}{why}"));
    }
}
