//! `acme_server`: an authority of our own, which others may ask by ACME.

use super::new_route;
use crate::adapter::error::{Error, Result};
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::{expect_arg, expect_no_arg, expect_only_arg, unknown};
use crate::config::duration::Duration;
use crate::config::handlers::{AcmeRules, AcmeServer, Handler};
use caddyfile_parser::Dispenser;

const WORDS: [&str; 8] = [
    "ca",
    "lifetime",
    "resolvers",
    "challenges",
    "allow_wildcard_names",
    "allow",
    "deny",
    "sign_with_root",
];

/// Reads
///
/// ```caddyfile
/// acme_server [MATCHER] {
///     ca NAME
///     lifetime DURATION
///     resolvers ADDRESS …
///     challenges NAME …
///     allow_wildcard_names
///     allow {
///         domains NAME …
///         ip_ranges NETWORK …
///     }
///     deny {
///         domains NAME …
///         ip_ranges NETWORK …
///     }
///     sign_with_root
/// }
/// ```
///
/// With `ca` it makes that authority, too, unless the option `pki` does.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let matcher = scope.take_matcher(d)?;
    d.next();
    expect_no_arg(d)?;
    let mut server = AcmeServer::default();
    let mut authority = None;
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "ca" => {
                server.ca = expect_only_arg(d)?;
                authority = Some(server.ca.clone());
            }
            "lifetime" => {
                let text = expect_arg(d)?;
                // Go's error stands alone.
                server.lifetime = Duration::parse(&text)
                    .map_err(|error| Error::blame(&d.token(), error.to_string()))?;
            }
            "resolvers" => {
                server.resolvers = d.remaining_args();
                if server.resolvers.is_empty() {
                    return Err(d.err("must specify at least one resolver address").into());
                }
            }
            "challenges" => server.challenges.extend(d.remaining_args()),
            "allow_wildcard_names" => {
                server.policy.get_or_insert_default().allow_wildcard_names = true;
            }
            "allow" => {
                let rules = parse_rules(d, "allow")?;
                server.policy.get_or_insert_default().allow = Some(rules);
            }
            "deny" => {
                let rules = parse_rules(d, "deny")?;
                server.policy.get_or_insert_default().deny = Some(rules);
            }
            "sign_with_root" => {
                expect_no_arg(d)?;
                server.sign_with_root = true;
            }
            other => {
                let text = format!("unrecognized ACME server directive: {other}");
                return Err(unknown(d, text, &WORDS));
            }
        }
    }
    let mut values = vec![new_route(matcher, Handler::AcmeServer(server))];
    values.extend(authority.map(Value::Authority));
    Ok(values)
}

fn parse_rules(d: &mut Dispenser, what: &str) -> Result<AcmeRules> {
    let mut rules = AcmeRules::default();
    let nesting = d.nesting();
    while d.next_block(nesting) {
        if d.count_remaining_args() == 0 {
            return Err(d.arg_err().into());
        }
        match d.val() {
            "domains" => rules.domains.extend(d.remaining_args()),
            "ip_ranges" => rules.ip_ranges.extend(d.remaining_args()),
            other => {
                let text = format!("unrecognized '{what}' subdirective: {other}");
                return Err(unknown(d, text, &["domains", "ip_ranges"]));
            }
        }
    }
    Ok(rules)
}
