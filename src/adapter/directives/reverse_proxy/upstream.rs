//! The addresses of servers: `HOST[:PORT[-PORT]]`, `SCHEME://HOST[:PORT[-PORT]]`,
//! `NETWORK/ADDRESS`.

use crate::adapter::network_address::{NetworkAddress, join, join_host_port};
use crate::config::handlers::reverse_proxy::Upstream;
use std::net::IpAddr;

/// An address of one or several servers.
struct Address {
    scheme: String,
    parts: NetworkAddress,
}

/// The scheme of the servers read so far. All must have the same, as they share a transport.
#[derive(Debug, Default)]
pub(super) struct Scheme(String);

impl Scheme {
    /// Whether it is this one.
    pub(super) fn is(&self, scheme: &str) -> bool {
        self.0 == scheme
    }

    /// Reads an address: one server, or one for each port of a range.
    ///
    /// # Errors
    ///
    /// When the address is none, or its scheme is another one than before.
    pub(super) fn parse(&mut self, text: &str) -> Result<Vec<Upstream>, String> {
        let address = Address::parse(text)?;
        let scheme = address.scheme.as_str();
        match scheme {
            "" | "http" | "https" | "h2c" => {}
            "ws" | "wss" => {
                let instead = if scheme == "ws" { "http" } else { "https" };
                return Err(format!(
                    "the scheme {scheme}:// is only supported in browsers; use {instead}:// \
                     instead"
                ));
            }
            _ => return Err(format!("unsupported URL scheme {scheme}://")),
        }
        if !self.0.is_empty() && self.0 != scheme {
            return Err(format!(
                "for now, all proxy upstreams must use the same scheme (transport protocol); \
                 expecting '{}://' but got '{scheme}://'",
                self.0
            ));
        }
        scheme.clone_into(&mut self.0);
        let dials = address.dials()?;
        Ok(dials.into_iter().map(|dial| Upstream { dial, ..Upstream::default() }).collect())
    }
}

impl Address {
    fn parse(text: &str) -> Result<Self, String> {
        let mut address = if text.contains("://") {
            Self::parse_url(text)?
        } else {
            // What cannot be split is all taken for the host; that it is none shows later.
            let parts = NetworkAddress::split(text).unwrap_or_else(|_| {
                let network = text.split_once('/').map_or("", |(network, _)| network);
                let (network, host) = (network.trim().to_lowercase(), text.to_owned());
                NetworkAddress { network, host, port: String::new() }
            });
            Self { scheme: String::new(), parts }
        };
        let parts = &mut address.parts;
        // A placeholder without a port most likely stands for one, too.
        let needs_port = !parts.host.contains('{') && !parts.is_unix() && !parts.is_descriptor();
        if address.scheme.is_empty() && parts.port.is_empty() && needs_port {
            "80".clone_into(&mut parts.port);
        }
        if parts.network == "unix+h2c" {
            "unix".clone_into(&mut parts.network);
            "h2c".clone_into(&mut address.scheme);
        }
        Ok(address)
    }

    fn parse_url(text: &str) -> Result<Self, String> {
        if text.contains('{') {
            return Err("due to parsing difficulties, placeholders are not allowed when an \
                        upstream address contains a scheme"
                .to_owned());
        }
        let mut range = None;
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) if error.contains("invalid port") && error.contains('-') => {
                let colon = text.rfind(':').expect("an address with a scheme has a colon");
                let ports = &text[colon + 1..];
                if ports.matches('-').count() != 1 {
                    return Err(format!(
                        "parsing upstream URL: parse \"{text}\": port range invalid: {ports}"
                    ));
                }
                range = Some(ports.to_owned());
                Url::parse(&text.replace(ports, "0"))
                    .map_err(|error| format!("parsing upstream URL: {error}"))?
            }
            Err(error) => return Err(format!("parsing upstream URL: {error}")),
        };
        if url.has_more {
            return Err("for now, URLs for proxy upstreams only support scheme, host, and port \
                        components"
                .to_owned());
        }
        let mut port = range.unwrap_or(url.port);
        let scheme = url.scheme;
        let conflict = match (scheme.as_str(), port.as_str()) {
            ("http" | "h2c", "443") => Some("443, the HTTPS"),
            ("https", "80") => Some("80, the HTTP"),
            _ => None,
        };
        if let Some(conflict) = conflict {
            return Err(format!(
                "upstream address has conflicting scheme ({scheme}://) and port (:{conflict} port)"
            ));
        }
        if port.is_empty() {
            let usual = match scheme.as_str() {
                "http" | "h2c" => "80",
                "https" => "443",
                _ => "",
            };
            usual.clone_into(&mut port);
        }
        let parts = NetworkAddress { network: String::new(), host: url.host, port };
        Ok(Self { scheme, parts })
    }

    /// What is dialled for each server.
    fn dials(&self) -> Result<Vec<String>, String> {
        let NetworkAddress { network, host, port } = &self.parts;
        let bare_placeholder = port.is_empty() && host.contains('{');
        let dial = if network.is_empty() && bare_placeholder {
            host.clone()
        } else if network.is_empty() {
            join_host_port(host, port)
        } else {
            join(network, host, port)
        };
        if port.contains('{') && port.contains('}') {
            return Ok(vec![dial]);
        }
        let parsed = NetworkAddress::split(&dial)?;
        let (first, last) = parsed.ports()?;
        if self.parts.is_unix() || !port.contains('-') {
            return Ok(vec![dial]);
        }
        Ok((first..=last).map(|port| join("", &parsed.host, &port.to_string())).collect())
    }
}

/// The parts of a URL that concern us.
struct Url {
    /// In lower case.
    scheme: String,
    host: String,
    port: String,
    /// Whether it has a path, a query or a fragment.
    has_more: bool,
}

impl Url {
    /// Reads a URL as Go does.
    fn parse(text: &str) -> Result<Self, String> {
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let parsed = Self::parse_before_fragment(before);
        let mut url = parsed.map_err(|error| format!("parse {before:?}: {error}"))?;
        unescape(fragment, |_| true).map_err(|error| format!("parse {text:?}: {error}"))?;
        url.has_more |= !fragment.is_empty();
        Ok(url)
    }

    fn parse_before_fragment(text: &str) -> Result<Self, String> {
        if text.bytes().any(|b| b.is_ascii_control()) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let (scheme, rest) = split_scheme(text)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Self {
            scheme: scheme.to_ascii_lowercase(),
            host: String::new(),
            port: String::new(),
            has_more: !query.is_empty(),
        };
        if !rest.starts_with('/') && !scheme.is_empty() {
            // Behind such a scheme stands what only its users understand.
            return Ok(url);
        }
        if !rest.starts_with('/') {
            let segment = rest.split('/').next().unwrap_or_default();
            if segment.contains(':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let mut path = rest;
        let has_authority = !scheme.is_empty() || !rest.starts_with("///");
        if let Some(rest) = rest.strip_prefix("//").filter(|_| has_authority) {
            let end = rest.find('/').unwrap_or(rest.len());
            let is_strict = ["http", "https"].contains(&url.scheme.as_str());
            (url.host, url.port) = parse_authority(&rest[..end], is_strict)?;
            path = &rest[end..];
        }
        unescape(path, |_| true)?;
        url.has_more |= !path.is_empty();
        Ok(url)
    }
}

/// The scheme, which may be missing, and what stands behind its colon.
fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, ch) in text.char_indices() {
        match ch {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

/// The host without brackets, and the port. In a strict one, no colon stands in a host
/// without brackets.
fn parse_authority(text: &str, is_strict: bool) -> Result<(String, String), String> {
    let (user, host) = text.rsplit_once('@').map_or((None, text), |(u, h)| (Some(u), h));
    let (host, port) = split_port(host, is_strict)?;
    let is_user = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    if let Some(user) = user {
        if !user.bytes().all(is_user) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        unescape(user, |_| true)?;
    }
    Ok((host, port))
}

fn split_port(text: &str, is_strict: bool) -> Result<(String, String), String> {
    let check = |port: &str| match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(digits.to_owned()),
        None if port.is_empty() => Ok(String::new()),
        _ => Err(format!("invalid port {port:?} after host")),
    };
    if text.rfind('[').is_some_and(|at| at > 0) {
        return Err("invalid IP-literal".to_owned());
    }
    let Some(inner) = text.strip_prefix('[') else {
        let colon = if is_strict { text.find(':') } else { text.rfind(':') };
        let (host, port) = text.split_at(colon.unwrap_or(text.len()));
        let port = check(port)?;
        return Ok((parse_host(host)?, port));
    };
    let Some(end) = inner.rfind(']') else {
        return Err("missing ']' in host".to_owned());
    };
    let port = check(&inner[end + 1..])?;
    let host = inner[..end].replacen("%25", "%", 1);
    let address = host.split('%').next().unwrap_or_default();
    if host.contains('%') && !inner.contains("%25") {
        unescape(&inner[..end], |_| false)?;
    }
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => Ok((host, port)),
        Ok(IpAddr::V4(_)) => Err("invalid IP-literal".to_owned()),
        Err(_) => Err(format!("invalid host: ParseAddr({address:?}): unable to parse IP")),
    }
}

/// Reads a host that has no brackets.
fn parse_host(host: &str) -> Result<String, String> {
    let is_fine =
        |b: u8| b >= 0x80 || b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]<>\"".contains(&b);
    // Of what is escaped in a host, only bytes outside of ASCII are accepted, and `%` itself.
    decode(host, |byte| byte >= 0x80 || byte == b'%', is_fine)
}

/// Replaces each escape, `%` and two digits, by its byte, which must be one that is accepted.
fn unescape(text: &str, accepts: impl Fn(u8) -> bool) -> Result<String, String> {
    decode(text, accepts, |_| true)
}

/// As [`unescape`], and refuses other bytes that are not fine. The first mistake counts.
fn decode(
    text: &str,
    accepts: impl Fn(u8) -> bool,
    is_fine: impl Fn(u8) -> bool,
) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut from = 0;
    while let Some(byte) = text.as_bytes().get(from).copied() {
        if byte != b'%' {
            if !is_fine(byte) {
                let character = char::from(byte).to_string();
                return Err(format!("invalid character {character:?} in host name"));
            }
            bytes.push(byte);
            from += 1;
            continue;
        }
        let digits = text.get(from + 1..from + 3);
        let digits = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(escaped) = escaped.filter(|byte| accepts(*byte)) else {
            let escape: String = text[from..].chars().take(3).collect();
            return Err(format!("invalid URL escape {escape:?}"));
        };
        bytes.push(escaped);
        from += 3;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[&str], &str>) {
        let got = Scheme::default().parse(text);
        let got = got.map(|all| all.into_iter().map(|one| one.dial).collect::<Vec<_>>());
        let expected = expected.map(|all| all.iter().map(|dial| (*dial).to_owned()).collect());
        assert_eq!(got, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn a_port_follows_from_the_scheme() {
        check("a", Ok(&["a:80"]));
        check("http://a", Ok(&["a:80"]));
        check("HTTPS://a", Ok(&["a:443"]));
        check("h2c://a", Ok(&["a:80"]));
        check("::1", Ok(&["[::1]:80"]));
        check("http://[fe80::1%25en0]:81", Ok(&["[fe80::1%en0]:81"]));
        check("unix//run/x.sock", Ok(&["unix//run/x.sock"]));
        check("fd/3", Ok(&["fd/3"]));
        check("http://%C3%A9", Ok(&["é:80"]));
        check("h2c://::1:81", Ok(&["[::1]:81"]));
    }

    #[test]
    fn a_port_range_stands_for_several_servers() {
        check("a:1-3", Ok(&["a:1", "a:2", "a:3"]));
        check("https://a:1-2", Ok(&["a:1", "a:2"]));
        check("udp/[::1]:1-2", Ok(&["[::1]:1", "[::1]:2"]));
    }

    #[test]
    fn placeholders_are_left_for_requests() {
        check("{env.A}", Ok(&["{env.A}"]));
        check("a:{env.P}", Ok(&["a:{env.P}"]));
        check("{env.A}:1-2", Ok(&["{env.A}:1", "{env.A}:2"]));
    }

    #[test]
    fn wrong_urls_are_refused_in_gos_words() {
        let wrong = |text: &str, why: &str| {
            check(text, Err(&format!("parsing upstream URL: parse {text:?}: {why}")));
        };
        wrong("http://a:b", "invalid port \":b\" after host");
        wrong("http://::1:80", "invalid port \"::1:80\" after host");
        wrong("http://a b", "invalid character \" \" in host name");
        wrong("http://[::1", "missing ']' in host");
        wrong("http://[zz]:1", "invalid host: ParseAddr(\"zz\"): unable to parse IP");
        wrong("http://[1.2.3.4]:80", "invalid IP-literal");
        wrong("http://u^@a", "net/url: invalid userinfo");
        wrong("http://a%20b", "invalid URL escape \"%20\"");
        wrong("://a", "missing protocol scheme");
        check("a:b://c", Err("unsupported URL scheme a://"));
        wrong("1http://a", "first path segment in URL cannot contain colon");
        wrong("http://a:1-2-3", "port range invalid: 1-2-3");
        wrong("http://a[::1]", "invalid IP-literal");
        wrong("http://a}%zz", "invalid character \"}\" in host name");
        wrong("http://a%zz}", "invalid URL escape \"%zz\"");
        wrong("http://a#%zz", "invalid URL escape \"%zz\"");
    }

    #[test]
    fn all_servers_have_one_scheme() {
        let mut scheme = Scheme::default();
        assert!(scheme.parse("http://a").is_ok());
        let text = "for now, all proxy upstreams must use the same scheme (transport protocol); \
                    expecting 'http://' but got '://'";
        assert_eq!(scheme.parse("b:80").map_err(|error| error == text), Err(true));
        let h2c = "unix+h2c//run/x.sock";
        assert!(Scheme::default().parse(h2c).is_ok_and(|all| all[0].dial == "unix//run/x.sock"));
    }
}
