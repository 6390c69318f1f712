//! Site addresses, `[scheme://][host][:port][/path]`, and where they listen.

use super::error::{Error, Result};
use super::network_address::{NetworkAddress, join, join_host_port, split_host_port};
use super::options::Options;
use super::scope::Bind;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

/// Longer addresses are cut.
const LENGTH_MAX: usize = 4096;

/// The usual ports.
pub(super) const HTTP_PORT: i64 = 80;
pub(super) const HTTPS_PORT: i64 = 443;

/// A site's address, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// As it was written.
    pub(super) original: String,
    /// `http`, `https` or empty.
    pub(super) scheme: String,
    /// In lower case; empty means all.
    pub(super) host: String,
    /// Empty when it follows from the scheme.
    pub(super) port: String,
    /// Empty, or starts with `/`.
    pub(super) path: String,
}

/// Listener addresses and the protocols on each; `""` stands for the server's.
pub(super) type Listeners = BTreeMap<String, BTreeSet<String>>;

impl Address {
    /// Takes an address apart.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut end = text.len().min(LENGTH_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let original = text[..end].trim();
        let (scheme, rest) = original.split_once("://").unwrap_or(("", original));
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        let (host, port) = split_host_port(authority)
            .or_else(|_| split_host_port(&format!("{authority}:")))
            .unwrap_or_else(|_| (authority.to_owned(), String::new()));
        if !port.is_empty() {
            check_port(&port)?;
        }
        let host = host.trim();
        let host = match host.parse::<Ipv6Addr>() {
            Ok(ip) if ip.to_ipv4_mapped().is_none() => ip.to_string(),
            _ => host.to_owned(),
        };
        Ok(Self {
            original: original.to_owned(),
            scheme: lower_except_placeholders(scheme),
            host: lower_except_placeholders(&host),
            port,
            path,
        })
    }

    /// The address with a scheme and without a port that the scheme implies.
    pub(super) fn full(&self) -> String {
        if self.host.is_empty() && self.port.is_empty() {
            return String::new();
        }
        let scheme = match self.scheme.as_str() {
            "" if self.port == HTTPS_PORT.to_string() => "https",
            "" => "http",
            scheme => scheme,
        };
        let implied = match scheme {
            "https" => HTTPS_PORT.to_string() == self.port,
            "http" => HTTP_PORT.to_string() == self.port,
            _ => true,
        };
        let authority = if self.port.is_empty() || implied {
            self.host.clone()
        } else {
            join_host_port(&self.host, &self.port)
        };
        format!("{scheme}://{authority}{}", self.path)
    }

    /// Where a site with this address and these `bind` directives listens.
    pub(super) fn listeners(&self, binds: &[Bind], options: &Options) -> Result<Listeners> {
        let scheme = self.scheme.as_str();
        match scheme {
            "" | "http" | "https" => {}
            "ws" | "wss" => {
                return Err(Error::new(format!(
                    "the scheme {scheme}:// is only supported in browsers; use {}:// instead",
                    if scheme == "ws" { "http" } else { "https" }
                )));
            }
            _ => return Err(Error::new(format!("unsupported URL scheme {scheme}://"))),
        }
        let port = match (self.port.as_str(), scheme) {
            ("", "http") => options.http_port().to_string(),
            ("", _) => options.https_port().to_string(),
            (port, _) => port.to_owned(),
        };
        if scheme == "http" && port == options.https_port().to_string()
            || scheme == "https" && port == options.http_port().to_string()
        {
            let text = format!("[{}] scheme and port violate convention", self.full());
            return Err(Error::new(text));
        }
        let everywhere = [Bind { addresses: vec![String::new()], protocols: Vec::new() }];
        let binds = match (binds, options.default_bind.as_slice()) {
            ([], []) => everywhere.as_slice(),
            ([], default) => default,
            (own, _) => own,
        };
        let mut listeners = Listeners::new();
        for bind in binds {
            for address in &bind.addresses {
                // What an earlier `bind` said of the same address is forgotten, as in Caddy.
                let protocols = bind.protocols.iter().cloned().collect();
                listeners.insert(listener(address, &port).map_err(Error::new)?, protocols);
            }
        }
        for protocols in listeners.values_mut() {
            if protocols.is_empty() {
                protocols.insert(String::new());
            }
        }
        Ok(listeners)
    }
}

/// Whether one of the addresses listens on a port other than `port`, or on none.
pub(super) fn any_port_other_than(addresses: &[String], port: i64) -> bool {
    let mut ports = addresses.iter().filter_map(|address| {
        NetworkAddress::split(address).and_then(|address| address.ports()).ok()
    });
    ports.any(|(first, last)| !(first.into()..=last.into()).contains(&port))
}

/// The listener address of a `bind` address.
fn listener(bind: &str, port: &str) -> std::result::Result<String, String> {
    let bind = NetworkAddress::split(bind)
        .map_err(|error| format!("splitting listener address: {error}"))?;
    let parse = || {
        let joined = join(&bind.network, &bind.host, port);
        let address = NetworkAddress::split(&joined)?;
        let ports = address.ports()?;
        Ok((address, ports))
    };
    let (address, (first, last)) =
        parse().map_err(|error: String| format!("parsing network address: {error}"))?;
    let ports = if first == last { first.to_string() } else { format!("{first}-{last}") };
    let network = if address.network == "tcp" { "" } else { &address.network };
    Ok(join(network, &address.host, &ports))
}

fn check_port(port: &str) -> Result<()> {
    match super::values::integer(port) {
        Ok(0..=65535) => Ok(()),
        Ok(number) => Err(Error::new(format!("port {number} is out of range"))),
        Err(error) => Err(Error::new(format!("invalid port '{port}': {error}"))),
    }
}

/// Lower case outside of `{…}`.
fn lower_except_placeholders(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_placeholder = false;
    for ch in text.chars() {
        match ch {
            '{' => in_placeholder = true,
            '}' => in_placeholder = false,
            _ => {}
        }
        if in_placeholder {
            out.push(ch);
        } else {
            out.extend(ch.to_lowercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, parts: [&str; 4]) {
        let address = Address::parse(text).expect("the case is an address");
        assert_eq!([&*address.scheme, &*address.host, &*address.port, &*address.path], parts);
    }

    #[track_caller]
    fn check_error(text: &str, error: &str) {
        let got = Address::parse(text).expect_err("the case is wrong");
        assert_eq!(got.to_string(), error);
    }

    #[test]
    fn addresses_are_taken_apart() {
        check("example.com", ["", "example.com", "", ""]);
        check(":8080", ["", "", "8080", ""]);
        check("http://A.example:81/x/y", ["http", "a.example", "81", "/x/y"]);
        check("[::1]:99", ["", "::1", "99", ""]);
        check("::1", ["", "::1", "", ""]);
        check("{env.Host}.A", ["", "{env.Host}.a", "", ""]);
        check("https://", ["https", "", "", ""]);
    }

    #[test]
    fn wrong_ports_are_refused() {
        check_error("a:70000", "port 70000 is out of range");
        let error = "invalid port 'foo': strconv.Atoi: parsing \"foo\": invalid syntax";
        check_error("a:foo", error);
    }

    #[track_caller]
    fn check_listener(bind: &str, listens: &str) {
        assert_eq!(listener(bind, "80").as_deref(), Ok(listens));
    }

    #[test]
    fn bind_addresses_take_the_port() {
        check_listener("", ":80");
        check_listener("127.0.0.1", "127.0.0.1:80");
        check_listener("[::1]", "[::1]:80");
        check_listener("::1", "[::1]:80");
        check_listener("tcp6/::1", "tcp6/[::1]:80");
        check_listener("unix//run/x.sock|0222", "unix//run/x.sock|0222");
        check_listener("fd/3", "fd/3");
        check_listener("[::1", "[::1]:80");
        check_listener("//x", "x:80");
    }

    #[test]
    fn wrong_bind_addresses_are_refused() {
        assert_eq!(
            listener("unix//x|rw", "80"),
            Err("parsing network address: could not parse octal permission bits in /x|rw: \
                 strconv.ParseUint: parsing \"rw\": invalid syntax"
                .to_owned())
        );
        assert_eq!(
            listener("", "65536"),
            Err("parsing network address: invalid start port: strconv.ParseUint: parsing \
                 \"65536\": value out of range"
                .to_owned())
        );
    }
}
