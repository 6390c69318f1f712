//! `dynamic`: servers that are looked up for each request.

use super::duration;
use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, expect_no_arg, not_registered, unknown};
use crate::config::duration::Duration;
use crate::config::handlers::reverse_proxy::{
    AUpstreams, DynamicUpstreams, IpVersions, MultiUpstreams, Resolver, SrvUpstreams,
};
use caddyfile_parser::Dispenser;

const NAMESPACE: &str = "http.reverse_proxy.upstreams";

/// Reads the source whose name is loaded, one of
///
/// ```caddyfile
/// a [NAME [PORT]] {
///     name NAME
///     port PORT
///     refresh DURATION
///     resolvers ADDRESS…
///     dial_timeout DURATION
///     dial_fallback_delay DURATION
///     versions ipv4 | ipv6…
/// }
/// srv [NAME] {
///     service SERVICE
///     proto PROTOCOL
///     name NAME
///     refresh DURATION
///     resolvers ADDRESS…
///     dial_timeout DURATION
///     dial_fallback_delay DURATION
///     grace_period DURATION
/// }
/// multi {
///     SOURCE…
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser) -> Result<DynamicUpstreams> {
    let name = d.val().to_owned();
    let known = ["a", "multi", "srv"];
    if !known.contains(&name.as_str()) {
        return Err(not_registered(d, NAMESPACE, &name, &known));
    }
    let mut d = d.new_from_next_segment();
    d.next();
    Ok(match name.as_str() {
        "a" => DynamicUpstreams::A(parse_a(&mut d)?),
        "srv" => DynamicUpstreams::Srv(parse_srv(&mut d)?),
        _ => DynamicUpstreams::Multi(parse_multi(&mut d)?),
    })
}

fn parse_a(d: &mut Dispenser) -> Result<AUpstreams> {
    let mut args = d.remaining_args().into_iter();
    let (name, port) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    if args.next().is_some() {
        return Err(d.arg_err().into());
    }
    let mut source = AUpstreams { name, port, ..AUpstreams::default() };
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "name" => set_once(d, &mut source.name, "a name has already been specified")?,
            "port" => set_once(d, &mut source.port, "a port has already been specified")?,
            "refresh" => source.refresh = refresh(d)?,
            "resolvers" => source.resolver = Some(parse_resolver(d)?),
            "dial_timeout" => {
                source.dial_timeout = duration(d, |text| format!("bad timeout value '{text}'"))?;
            }
            "dial_fallback_delay" => source.dial_fallback_delay = delay(d)?,
            "versions" => parse_versions(d, source.versions.get_or_insert_default())?,
            other => {
                let known = [
                    "name",
                    "port",
                    "refresh",
                    "resolvers",
                    "dial_timeout",
                    "dial_fallback_delay",
                    "versions",
                ];
                return Err(unknown(d, format!("unrecognized a option '{other}'"), &known));
            }
        }
    }
    Ok(source)
}

fn parse_srv(d: &mut Dispenser) -> Result<SrvUpstreams> {
    let mut args = d.remaining_args().into_iter();
    let name = args.next().unwrap_or_default();
    if args.next().is_some() {
        return Err(d.arg_err().into());
    }
    let mut source = SrvUpstreams { name, ..SrvUpstreams::default() };
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "service" => {
                set_once(d, &mut source.service, "srv service has already been specified")?;
            }
            "proto" => set_once(d, &mut source.proto, "srv proto has already been specified")?,
            "name" => set_once(d, &mut source.name, "srv name has already been specified")?,
            "refresh" => source.refresh = refresh(d)?,
            "resolvers" => source.resolver = Some(parse_resolver(d)?),
            "dial_timeout" => {
                source.dial_timeout = duration(d, |text| format!("bad timeout value '{text}'"))?;
            }
            "dial_fallback_delay" => source.dial_fallback_delay = delay(d)?,
            "grace_period" => {
                let bad = |text: &str| format!("bad grace period value '{text}'");
                source.grace_period = duration(d, bad)?;
            }
            other => {
                let known = [
                    "service",
                    "proto",
                    "name",
                    "refresh",
                    "resolvers",
                    "dial_timeout",
                    "dial_fallback_delay",
                    "grace_period",
                ];
                return Err(unknown(d, format!("unrecognized srv option '{other}'"), &known));
            }
        }
    }
    Ok(source)
}

fn parse_multi(d: &mut Dispenser) -> Result<MultiUpstreams> {
    expect_no_arg(d)?;
    let mut sources = Vec::new();
    while d.next_block(0) {
        sources.push(parse(d)?);
    }
    Ok(MultiUpstreams { sources })
}

/// Reads the argument into a field that must be empty until then.
fn set_once(d: &mut Dispenser, field: &mut String, taken: &str) -> Result<()> {
    let value = expect_arg(d)?;
    if !field.is_empty() {
        return Err(d.err(taken).into());
    }
    *field = value;
    Ok(())
}

fn refresh(d: &mut Dispenser) -> Result<Duration> {
    duration(d, |_| "parsing refresh interval duration".to_owned())
}

fn delay(d: &mut Dispenser) -> Result<Duration> {
    duration(d, |text| format!("bad delay value '{text}'"))
}

/// Reads the addresses of name servers.
pub(super) fn parse_resolver(d: &mut Dispenser) -> Result<Resolver> {
    let addresses = d.remaining_args();
    if addresses.is_empty() {
        return Err(d.err("must specify at least one resolver address").into());
    }
    Ok(Resolver { addresses })
}

fn parse_versions(d: &mut Dispenser, versions: &mut IpVersions) -> Result<()> {
    let args = d.remaining_args();
    if args.is_empty() {
        return Err(d.err("must specify at least one version").into());
    }
    for version in args {
        match version.as_str() {
            "ipv4" => versions.ipv4 = Some(true),
            "ipv6" => versions.ipv6 = Some(true),
            _ => {
                let text = format!("unsupported version: '{version}'");
                return Err(unknown(d, text, &["ipv4", "ipv6"]));
            }
        }
    }
    Ok(())
}
