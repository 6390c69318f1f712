//! Whose word about the client is believed: proxies, and what they say in header fields.

use super::connection::Peer;
use super::ip_ranges::IpRanges;
use super::server::ProvisionError;
use crate::config::http::Server as Config;
use crate::config::ip_sources::IpSource;
use http::{HeaderMap, HeaderName};
use std::net::IpAddr;

/// A server's trusted proxies.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Absent when no IP address is trusted.
    proxies: Option<IpRanges>,
    unix: bool,
    /// Where they name the client.
    fields: Vec<HeaderName>,
    /// Whether the last address counts that is no proxy, instead of the first one.
    strict: bool,
}

/// Who a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// The client's address; absent behind a Unix socket that says nothing of it.
    pub(super) ip: Option<IpAddr>,
    /// Whether the connection comes from a trusted proxy.
    pub(super) by_proxy: bool,
}

impl Trust {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let ranges = match &config.trusted_proxies {
            None => None,
            Some(IpSource::Static(list)) => Some(
                IpRanges::parse(&list.ranges)
                    .map_err(|why| ProvisionError::Invalid(why).within("trusted_proxies"))?,
            ),
        };
        let usual = [String::from("X-Forwarded-For")];
        let names = match config.client_ip_headers.as_slice() {
            [] => &usual[..],
            names => names,
        };
        // No request has a field whose name is none.
        let fields = names.iter().filter_map(|name| name.parse().ok()).collect();
        Ok(Self {
            proxies: ranges,
            unix: config.trusted_proxies_unix,
            fields,
            strict: config.trusted_proxies_strict > 0,
        })
    }

    /// Who sent a request with this header over a connection from `remote`.
    pub(super) fn client(&self, remote: &Peer, headers: &HeaderMap) -> Client {
        let ip = remote.ip();
        let by_proxy = match ip {
            None => self.unix,
            Some(ip) => self.trusts(ip),
        };
        if !by_proxy {
            return Client { ip, by_proxy };
        }
        let named = if self.strict { self.last_untrusted(headers) } else { self.first(headers) };
        Client { ip: named.or(ip), by_proxy }
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.proxies.as_ref().is_some_and(|proxies| proxies.contains(ip))
    }

    fn first(&self, headers: &HeaderMap) -> Option<IpAddr> {
        self.fields.iter().flat_map(|field| addresses(headers, field)).next()
    }

    /// Of the first field that has one: each proxy adds the address that it saw at the end.
    fn last_untrusted(&self, headers: &HeaderMap) -> Option<IpAddr> {
        self.fields.iter().find_map(|field| {
            let all: Vec<_> = addresses(headers, field).collect();
            all.into_iter().rev().find(|ip| !self.trusts(*ip))
        })
    }
}

/// The addresses that a field lists; what is none is left out.
fn addresses<'h>(
    headers: &'h HeaderMap,
    field: &'h HeaderName,
) -> impl Iterator<Item = IpAddr> + 'h {
    let lines = headers.get_all(field).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|item| {
        // Some keep the port, and IPv6 addresses may have a zone.
        let item = item.trim();
        let host = match item.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
            None => match item.split_once(':') {
                Some((host, port)) if !port.contains(':') => host,
                _ => item,
            },
        };
        host.split('%').next().unwrap_or_default().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[track_caller]
    fn check(strict: i64, remote: &str, forwarded: &[&'static str], expected: &str) {
        let config = Config {
            trusted_proxies: Some(
                serde_json::from_str(r#"{"source":"static","ranges":["10.0.0.0/8","::1"]}"#)
                    .expect("a source"),
            ),
            trusted_proxies_strict: strict,
            ..Config::default()
        };
        let trust = Trust::provision(&config).expect("it is valid");
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let remote = Peer::Ip((remote.parse::<IpAddr>().expect("an address"), 1).into());
        let client = trust.client(&remote, &headers);
        assert_eq!(client.ip.map(|ip| ip.to_string()).as_deref(), Some(expected));
    }

    #[test]
    fn a_proxy_is_believed_and_nobody_else() {
        check(0, "10.0.0.1", &["1.2.3.4, 10.0.0.2"], "1.2.3.4");
        check(0, "11.0.0.1", &["1.2.3.4"], "11.0.0.1");
        check(0, "10.0.0.1", &[], "10.0.0.1");
        check(0, "10.0.0.1", &["nobody", "1.2.3.4:80"], "1.2.3.4");
        check(0, "::1", &["[2001:db8::1%eth0]:80"], "2001:db8::1");
    }

    #[test]
    fn strictly_the_last_one_that_is_no_proxy_counts() {
        check(1, "10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.2"], "1.2.3.4");
        check(1, "10.0.0.1", &["6.6.6.6", "1.2.3.4"], "1.2.3.4");
        check(1, "10.0.0.1", &["10.0.0.3"], "10.0.0.1");
    }
}
