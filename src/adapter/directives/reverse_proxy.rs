//! `reverse_proxy`: asks other servers.

use crate::adapter::address::{join_host_port, split_host_port};
use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_args, unknown};
use crate::config::handlers::{Handler, ReverseProxy, Upstream};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// reverse_proxy [MATCHER] [UPSTREAM…] {
///     to UPSTREAM…
/// }
/// ```
///
/// An upstream is `[http://]HOST[:PORT]`, its port 80 when there is none, or `unix/PATH`.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut proxy = ReverseProxy::default();
    for address in d.remaining_args() {
        proxy.upstreams.push(parse_upstream(d, &address)?);
    }
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "to" => {
                for address in expect_args(d)? {
                    proxy.upstreams.push(parse_upstream(d, &address)?);
                }
            }
            other => {
                return Err(unknown(d, format!("unrecognized subdirective {other}"), &["to"]));
            }
        }
    }
    Ok(Handler::ReverseProxy(proxy))
}

fn parse_upstream(d: &Dispenser, address: &str) -> Result<Upstream> {
    let wrong = |what: String| d.err(format!("parsing upstream '{address}': {what}"));
    let authority = match address.split_once("://") {
        None => address,
        Some(("http", authority)) => authority,
        Some((scheme @ ("ws" | "wss"), _)) => {
            let instead = if scheme == "ws" { "http" } else { "https" };
            return Err(wrong(format!(
                "the scheme {scheme}:// is only supported in browsers; use {instead}:// instead"
            ))
            .into());
        }
        Some((scheme, _)) => {
            return Err(wrong(format!("unsupported URL scheme {scheme}://")).into());
        }
    };
    if authority.starts_with("unix/") {
        return Ok(Upstream { dial: authority.to_owned() });
    }
    let (host, port) = split_host_port(authority)
        .unwrap_or_else(|| (authority.trim_matches(['[', ']']).to_owned(), "80".to_owned()));
    let port = if port.is_empty() { "80".to_owned() } else { port };
    if port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_err() {
        return Err(wrong(format!(
            "invalid start port: strconv.ParseUint: parsing {port:?}: value out of range"
        ))
        .into());
    }
    Ok(Upstream { dial: join_host_port(&host, &port) })
}
