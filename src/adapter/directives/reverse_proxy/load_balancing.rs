//! `lb_*`: which server is asked, and what happens when it does not answer.

use super::{duration, number};
use crate::adapter::error::Result;
use crate::adapter::matchers;
use crate::adapter::values::{
    expect_arg, expect_args, expect_no_arg, integer, not_registered, unknown,
};
use crate::config::NoFields;
use crate::config::duration::Duration;
use crate::config::handlers::reverse_proxy::{
    CookiePolicy, HeaderPolicy, LoadBalancing, QueryPolicy, RandomChoosePolicy, SelectionPolicy,
    WeightedRoundRobinPolicy,
};
use caddyfile_parser::Dispenser;

const NAMESPACE: &str = "http.reverse_proxy.selection_policies";

const POLICIES: [&str; 12] = [
    "client_ip_hash",
    "cookie",
    "first",
    "header",
    "ip_hash",
    "least_conn",
    "query",
    "random",
    "random_choose",
    "round_robin",
    "uri_hash",
    "weighted_round_robin",
];

/// The subdirectives that [`parse`] reads.
pub(super) const SUBDIRECTIVES: [&str; 5] =
    ["lb_policy", "lb_retries", "lb_try_duration", "lb_try_interval", "lb_retry_match"];

/// Reads the subdirective that is loaded, one of [`SUBDIRECTIVES`]:
///
/// ```caddyfile
/// lb_policy POLICY
/// lb_retries NUMBER
/// lb_try_duration DURATION
/// lb_try_interval DURATION
/// lb_retry_match MATCHERS
/// ```
pub(super) fn parse(d: &mut Dispenser, settings: &mut Option<LoadBalancing>) -> Result<()> {
    match d.val().to_owned().as_str() {
        "lb_policy" => {
            expect_arg(d)?;
            if settings.as_ref().is_some_and(|settings| settings.selection_policy.is_some()) {
                return Err(d.err("load balancing selection policy already specified").into());
            }
            let policy = parse_policy(d)?;
            settings.get_or_insert_default().selection_policy = Some(policy);
        }
        "lb_retries" => {
            let retries = number(d, |text| format!("bad lb_retries number '{text}'"))?;
            settings.get_or_insert_default().retries = retries;
        }
        "lb_try_duration" => {
            let limit = duration(d, |text| format!("bad duration value {text}"))?;
            settings.get_or_insert_default().try_duration = limit;
        }
        "lb_try_interval" => {
            let pause = duration(d, |text| format!("bad interval value '{text}'"))?;
            settings.get_or_insert_default().try_interval = pause;
        }
        _ => {
            let set = matchers::parse_set(d).map_err(|error| {
                error.wrap_at(d, |text| format!("failed to parse lb_retry_match: {text}"))
            })?;
            settings.get_or_insert_default().retry_match.push(set);
        }
    }
    Ok(())
}

/// Reads the policy whose name is loaded:
///
/// ```caddyfile
/// random | first | round_robin | least_conn | ip_hash | client_ip_hash | uri_hash
/// random_choose NUMBER
/// weighted_round_robin WEIGHT…
/// header FIELD {
///     fallback POLICY
/// }
/// query KEY {
///     fallback POLICY
/// }
/// cookie [NAME [SECRET]] {
///     fallback POLICY
///     max_age DURATION
/// }
/// ```
fn parse_policy(d: &mut Dispenser) -> Result<SelectionPolicy> {
    let name = d.val().to_owned();
    if !POLICIES.contains(&name.as_str()) {
        return Err(not_registered(d, NAMESPACE, &name, &POLICIES));
    }
    let mut d = d.new_from_next_segment();
    d.next();
    Ok(match name.as_str() {
        "cookie" => SelectionPolicy::Cookie(parse_cookie(&mut d)?),
        "header" => {
            let field = expect_arg(&mut d)?;
            let fallback = parse_fallback(&mut d)?;
            SelectionPolicy::Header(HeaderPolicy { field, fallback })
        }
        "query" => {
            let key = expect_arg(&mut d)?;
            let fallback = parse_fallback(&mut d)?;
            SelectionPolicy::Query(QueryPolicy { key, fallback })
        }
        "random_choose" => {
            let choose = number(&mut d, |text| format!("invalid choice value '{text}'"))?;
            SelectionPolicy::RandomChoose(RandomChoosePolicy { choose })
        }
        "weighted_round_robin" => {
            let weights = parse_weights(&mut d)?;
            SelectionPolicy::WeightedRoundRobin(WeightedRoundRobinPolicy { weights })
        }
        name => {
            expect_no_arg(&mut d)?;
            plain_policy(name)
        }
    })
}

fn plain_policy(name: &str) -> SelectionPolicy {
    let plain = NoFields {};
    match name {
        "client_ip_hash" => SelectionPolicy::ClientIpHash(plain),
        "first" => SelectionPolicy::First(plain),
        "ip_hash" => SelectionPolicy::IpHash(plain),
        "least_conn" => SelectionPolicy::LeastConn(plain),
        "round_robin" => SelectionPolicy::RoundRobin(plain),
        "uri_hash" => SelectionPolicy::UriHash(plain),
        _ => SelectionPolicy::Random(plain),
    }
}

fn parse_weights(d: &mut Dispenser) -> Result<Vec<i64>> {
    let mut weights = Vec::new();
    for text in expect_args(d)? {
        let wrong = |why: String| d.err(format!("invalid weight value '{text}': {why}"));
        let weight = integer(&text).map_err(wrong)?;
        if weight < 0 {
            return Err(wrong("weight should be non-negative".to_owned()).into());
        }
        weights.push(weight);
    }
    Ok(weights)
}

/// Reads a block that may only hold `fallback`.
fn parse_fallback(d: &mut Dispenser) -> Result<Option<Box<SelectionPolicy>>> {
    let mut fallback = None;
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "fallback" => set_fallback(d, &mut fallback)?,
            other => {
                let text = format!("unrecognized option '{other}'");
                return Err(unknown(d, text, &["fallback"]));
            }
        }
    }
    Ok(fallback)
}

fn set_fallback(d: &mut Dispenser, fallback: &mut Option<Box<SelectionPolicy>>) -> Result<()> {
    expect_arg(d)?;
    if fallback.is_some() {
        return Err(d.err("fallback selection policy already specified").into());
    }
    *fallback = Some(Box::new(parse_policy(d)?));
    Ok(())
}

fn parse_cookie(d: &mut Dispenser) -> Result<CookiePolicy> {
    let mut args = d.remaining_args().into_iter();
    let (name, secret) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    if args.next().is_some() {
        return Err(d.arg_err().into());
    }
    let mut policy = CookiePolicy { name, secret, ..CookiePolicy::default() };
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "fallback" => set_fallback(d, &mut policy.fallback)?,
            "max_age" => {
                let text = expect_arg(d)?;
                if policy.max_age != Duration(0) {
                    return Err(d.err("cookie max_age already specified").into());
                }
                let wrong = || d.err(format!("invalid duration: {text}"));
                let max_age = Duration::parse(&text).map_err(|_| wrong())?;
                if max_age.0 <= 0 {
                    let text = format!(
                        "invalid duration: {text}, max_age should be non-zero and positive"
                    );
                    return Err(d.err(text).into());
                }
                expect_no_arg(d)?;
                policy.max_age = max_age;
            }
            other => {
                let text = format!("unrecognized option '{other}'");
                return Err(unknown(d, text, &["fallback", "max_age"]));
            }
        }
    }
    Ok(policy)
}
