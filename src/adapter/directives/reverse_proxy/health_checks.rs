//! `health_*` and what is told by the requests of clients: which servers are fit to be asked.

use super::{duration, number};
use crate::adapter::error::Result;
use crate::adapter::network_address::split_host_port;
use crate::adapter::scope::Warnings;
use crate::adapter::values::{expect_arg, expect_args, expect_no_arg, integer};
use crate::config::handlers::reverse_proxy::{
    ActiveHealthChecks, HealthChecks, PassiveHealthChecks,
};
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// The subdirectives that [`parse_active`] reads.
pub(super) const ACTIVE: [&str; 14] = [
    "health_uri",
    "health_path",
    "health_upstream",
    "health_port",
    "health_headers",
    "health_method",
    "health_request_body",
    "health_interval",
    "health_timeout",
    "health_status",
    "health_body",
    "health_follow_redirects",
    "health_passes",
    "health_fails",
];

/// The subdirectives that [`parse_passive`] reads.
pub(super) const PASSIVE: [&str; 5] = [
    "max_fails",
    "fail_duration",
    "unhealthy_request_count",
    "unhealthy_status",
    "unhealthy_latency",
];

/// Reads the subdirective that is loaded, one of [`ACTIVE`]:
///
/// ```caddyfile
/// health_uri URI
/// health_path PATH             # out of use
/// health_upstream HOST:PORT
/// health_port PORT             # not with health_upstream before it
/// health_headers {
///     FIELD [VALUE…]
/// }
/// health_method METHOD
/// health_request_body BODY
/// health_interval DURATION
/// health_timeout DURATION
/// health_status STATUS | 2xx
/// health_body EXPRESSION
/// health_follow_redirects
/// health_passes NUMBER
/// health_fails NUMBER
/// ```
pub(super) fn parse_active(
    d: &mut Dispenser,
    checks: &mut Option<HealthChecks>,
    warnings: &Warnings,
) -> Result<()> {
    let active = checks.get_or_insert_default().active.get_or_insert_default();
    match d.val().to_owned().as_str() {
        "health_uri" => active.uri = expect_arg(d)?,
        "health_path" => {
            active.path = expect_arg(d)?;
            let text = "the 'health_path' subdirective is deprecated, please use 'health_uri' \
                        instead!";
            warnings.push("config.adapter.caddyfile", text);
        }
        "health_upstream" => active.upstream = parse_upstream(d)?,
        "health_port" => active.port = parse_port(d, active)?,
        "health_headers" => active.headers = parse_headers(d),
        "health_method" => active.method = expect_arg(d)?,
        "health_request_body" => active.body = expect_arg(d)?,
        "health_interval" => {
            active.interval = duration(d, |text| format!("bad interval value {text}"))?;
        }
        "health_timeout" => {
            active.timeout = duration(d, |text| format!("bad timeout value {text}"))?;
        }
        "health_status" => {
            let text = expect_arg(d)?;
            active.expect_status = parse_status(d, &text)?;
        }
        "health_body" => active.expect_body = expect_arg(d)?,
        "health_follow_redirects" => {
            expect_no_arg(d)?;
            active.follow_redirects = true;
        }
        "health_passes" => {
            active.passes = number(d, |text| format!("invalid passes count '{text}'"))?;
        }
        _ => active.fails = number(d, |text| format!("invalid fails count '{text}'"))?,
    }
    Ok(())
}

/// Reads the subdirective that is loaded, one of [`PASSIVE`]:
///
/// ```caddyfile
/// max_fails NUMBER
/// fail_duration DURATION
/// unhealthy_request_count NUMBER
/// unhealthy_status STATUS | 5xx…
/// unhealthy_latency DURATION
/// ```
pub(super) fn parse_passive(d: &mut Dispenser, checks: &mut Option<HealthChecks>) -> Result<()> {
    let passive: &mut PassiveHealthChecks =
        checks.get_or_insert_default().passive.get_or_insert_default();
    match d.val().to_owned().as_str() {
        "max_fails" => {
            passive.max_fails = number(d, |text| format!("invalid maximum fail count '{text}'"))?;
        }
        "fail_duration" => {
            passive.fail_duration = duration(d, |text| format!("bad duration value '{text}'"))?;
        }
        "unhealthy_request_count" => {
            let bad = |text: &str| format!("invalid maximum connection count '{text}'");
            passive.unhealthy_request_count = number(d, bad)?;
        }
        "unhealthy_status" => {
            for text in expect_args(d)? {
                passive.unhealthy_status.push(parse_status(d, &text)?);
            }
        }
        _ => {
            passive.unhealthy_latency = duration(d, |text| format!("bad duration value '{text}'"))?;
        }
    }
    Ok(())
}

fn parse_upstream(d: &mut Dispenser) -> Result<String> {
    let address = expect_arg(d)?;
    let malformed = |why| d.err(format!("health_upstream is malformed '{address}': {why}"));
    let (_, port) = split_host_port(&address).map_err(malformed)?;
    integer(&port).map_err(|why| d.err(format!("bad port number '{address}': {why}")))?;
    Ok(address)
}

fn parse_port(d: &mut Dispenser, active: &ActiveHealthChecks) -> Result<i64> {
    let text = expect_arg(d)?;
    if !active.upstream.is_empty() {
        let text = "the 'health_port' subdirective is ignored if 'health_upstream' is used!";
        return Err(d.err(text).into());
    }
    integer(&text).map_err(|why| d.err(format!("bad port number '{text}': {why}")).into())
}

fn parse_headers(d: &mut Dispenser) -> BTreeMap<String, Vec<String>> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let nesting = d.nesting();
    while d.next_block(nesting) {
        let field = d.val().to_owned();
        let mut values = d.remaining_args();
        if values.is_empty() {
            values.push(String::new());
        }
        headers.entry(field).or_default().extend(values);
    }
    headers
}

/// A status, or the first digit of a class. An error names the argument that is loaded.
fn parse_status(d: &Dispenser, text: &str) -> Result<i64> {
    let status = if text.len() == 3 { text.strip_suffix("xx").unwrap_or(text) } else { text };
    let bad = |why| d.err(format!("bad status value '{}': {why}", d.val()));
    integer(status).map_err(|why| bad(why).into())
}
