//! The modules of a server: what wraps its listeners, and whose word it believes.

use crate::adapter::error::Result;
use crate::adapter::values::{
    PRIVATE_RANGES, expect_arg, expect_duration, expect_no_arg, not_registered,
};
use crate::config::NoFields;
use crate::config::ip_sources::{IpSource, StaticRanges};
use crate::config::listeners::{HttpRedirect, ListenerWrapper, ProxyPolicy, ProxyProtocol};
use caddyfile_parser::Dispenser;

const WRAPPERS: [&str; 3] = ["http_redirect", "proxy_protocol", "tls"];

/// Reads a block of listener wrappers. Whatever is said to `http_redirect` and `tls` is
/// ignored, as Caddy does.
pub(super) fn parse_wrappers(d: &mut Dispenser, wrappers: &mut Vec<ListenerWrapper>) -> Result<()> {
    let nesting = d.nesting();
    while d.next_block(nesting) {
        let name = d.val().to_owned();
        if !WRAPPERS.contains(&name.as_str()) {
            return Err(not_registered(d, "caddy.listeners", &name, &WRAPPERS));
        }
        let mut segment = d.new_from_next_segment();
        wrappers.push(match name.as_str() {
            "http_redirect" => ListenerWrapper::HttpRedirect(HttpRedirect::default()),
            "proxy_protocol" => ListenerWrapper::ProxyProtocol(parse_proxy_protocol(&mut segment)?),
            _ => ListenerWrapper::Tls(NoFields {}),
        });
    }
    Ok(())
}

/// Refuses the first packet conn wrapper: there are none.
pub(super) fn refuse_packet_conn_wrappers(d: &mut Dispenser) -> Result<()> {
    let nesting = d.nesting();
    if d.next_block(nesting) {
        return Err(not_registered(d, "caddy.packetconns", d.val(), &[]));
    }
    Ok(())
}

/// Reads
///
/// ```caddyfile
/// proxy_protocol {
///     timeout DURATION
///     allow RANGE…
///     deny RANGE…
///     fallback_policy ignore | use | reject | require | skip
/// }
/// ```
fn parse_proxy_protocol(d: &mut Dispenser) -> Result<ProxyProtocol> {
    d.next();
    expect_no_arg(d)?;
    let mut wrapper = ProxyProtocol::default();
    while d.next_block(0) {
        match d.val() {
            "timeout" => {
                wrapper.timeout = expect_duration(d, "parsing proxy_protocol timeout duration")?;
            }
            "allow" => wrapper.allow.extend(d.remaining_args()),
            "deny" => wrapper.deny.extend(d.remaining_args()),
            "fallback_policy" => {
                let name = expect_arg(d)?;
                wrapper.fallback_policy = ProxyPolicy::parse(&name)
                    .ok_or_else(|| d.err(format!("{name} is invalid policy")))?;
            }
            _ => return Err(d.arg_err().into()),
        }
    }
    Ok(wrapper)
}

/// Reads `trusted_proxies SOURCE …`, of which the first word is loaded. The only source is
/// `static RANGE… | private_ranges`.
pub(super) fn parse_ip_source(d: &mut Dispenser) -> Result<IpSource> {
    if !d.next_arg() {
        let text = "trusted_proxies expects an IP range source module name as its first argument";
        return Err(d.err(text).into());
    }
    if d.val() != "static" {
        return Err(not_registered(d, "http.ip_sources", d.val(), &["static"]));
    }
    let mut segment = d.new_from_next_segment();
    segment.next();
    let mut ranges = Vec::new();
    for word in segment.remaining_args() {
        match word.as_str() {
            "private_ranges" => ranges.extend(PRIVATE_RANGES.map(str::to_owned)),
            _ => ranges.push(word),
        }
    }
    Ok(IpSource::Static(StaticRanges { ranges }))
}
