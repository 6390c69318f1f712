//! Network addresses: `network/host:port-range`, in which every part may be missing.
//!
//! | written | means |
//! | --- | --- |
//! | `:8080`, `localhost:8080`, `[::1]:8080` | TCP |
//! | `tcp4/:8080-8085` | six ports, IPv4 only |
//! | `unix//run/x.sock\|0220` | a Unix socket, and its mode (0200 when there is none) |
//! | `unix/@name` | an abstract Unix socket |
//! | `fd/3`, `fdgram/4` | sockets that the process was started with |
//!
//! Errors are in Go's words, because Caddy passes them on.

use crate::client::Place;
use std::fmt;
use std::net::IpAddr;

/// The longest range of ports.
const PORTS_MAX: &str = "65535-65535";
/// The mode of a Unix socket's file when the address names none.
const MODE: u32 = 0o200;

/// What an address says, before anything is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkAddress {
    /// As `tcp`, `unix`, `fd`.
    pub network: String,
    /// A name or an IP address, a path (with its mode), the number of a descriptor.
    pub host: String,
    /// The first and the last port; 0 where there are none.
    pub ports: (u16, u16),
}

/// One thing that can be listened on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// As `tcp`, `unix`, `fd`.
    pub network: String,
    /// `host:port`, a path without its mode, the number of a descriptor.
    pub address: String,
    /// The mode of a Unix socket's file; 0 for others.
    pub mode: u32,
}

impl NetworkAddress {
    /// Reads an address of Caddy's form.
    ///
    /// # Errors
    /// When it is none, in Go's words.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let (network, rest) = match text.split_once('/') {
            Some((network, rest)) => (network.trim().to_ascii_lowercase(), rest),
            None => (String::new(), text),
        };
        if is_unix(&network) {
            split_mode(rest)?;
            return Ok(Self { network, host: rest.to_owned(), ports: (0, 0) });
        }
        if is_fd(&network) {
            return Ok(Self { network, host: rest.to_owned(), ports: (0, 0) });
        }
        let (host, port) = split_host_port(rest).or_else(|first| {
            // Most likely a port is missing.
            let bare = rest.trim_matches(['[', ']']);
            let bracketed =
                if bare.contains(':') { format!("[{bare}]:0") } else { format!("{bare}:0") };
            let again = split_host_port(&bracketed).map(|(host, _)| (host, String::new()));
            again.map_err(|second| format!("{first}\n{second}"))
        })?;
        let network = if network.is_empty() { "tcp".to_owned() } else { network };
        Ok(Self { network, host, ports: ports(&port, default_port)? })
    }

    /// Whether it is a Unix socket.
    pub fn is_unix(&self) -> bool {
        is_unix(&self.network)
    }

    /// Whether it is a socket that the process was started with.
    pub fn is_fd(&self) -> bool {
        is_fd(&self.network)
    }

    /// Where others find it, on its first port.
    pub fn place(&self) -> Place {
        if self.is_unix() {
            let path = self.host.split('|').next().unwrap_or_default();
            return Place::Unix(path.to_owned());
        }
        let host = if self.host.is_empty() { "localhost" } else { &self.host };
        Place::Tcp(host.to_owned(), self.ports.0)
    }

    /// Whether only this machine reaches it.
    pub fn is_loopback(&self) -> bool {
        self.is_unix()
            || self.is_fd()
            || self.host == "localhost"
            || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// Whether it is on every interface.
    pub fn is_wildcard(&self) -> bool {
        self.host.is_empty() || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified())
    }

    /// The host with a port, as Go joins them; the host alone where there are no ports.
    pub fn join(&self, port: u16) -> String {
        match self.host.as_str() {
            host if self.is_unix() || self.is_fd() => host.to_owned(),
            host if host.contains(':') => format!("[{host}]:{port}"),
            host => format!("{host}:{port}"),
        }
    }

    /// Everything that it names, a port each.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let network = || self.network.clone();
        if self.is_unix() {
            // What it is made of was read once already.
            let (path, mode) = split_mode(&self.host).unwrap_or((&self.host, MODE));
            return vec![Endpoint { network: network(), address: path.to_owned(), mode }];
        }
        let (first, last) = self.ports;
        let one = |port| Endpoint { network: network(), address: self.join(port), mode: 0 };
        if self.is_fd() { vec![one(0)] } else { (first..=last).map(one).collect() }
    }
}

impl fmt::Display for NetworkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.network != "tcp" {
            write!(f, "{}/", self.network)?;
        }
        let (first, last) = self.ports;
        f.write_str(&self.join(first))?;
        if first != last { write!(f, "-{last}") } else { Ok(()) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network.as_str() {
            "tcp" => f.write_str(&self.address),
            network => write!(f, "{network}/{}", self.address),
        }
    }
}

/// Fills in the placeholders that mean something without a request: `{env.NAME}`,
/// `{file.PATH}`, `{system.hostname}`, `{system.wd}`. Others stay.
pub fn fill_placeholders(text: &str) -> String {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        match value_of(name) {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&format!("{{{name}}}")),
        }
        rest = behind;
    }
    filled + rest
}

fn value_of(name: &str) -> Option<String> {
    if let Some(variable) = name.strip_prefix("env.") {
        return Some(std::env::var(variable).unwrap_or_default());
    }
    if let Some(path) = name.strip_prefix("file.") {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        return Some(text.strip_suffix('\n').unwrap_or(&text).to_owned());
    }
    match name {
        "system.hostname" => rustix::system::uname().nodename().to_str().ok().map(str::to_owned),
        "system.wd" => Some(std::env::current_dir().ok()?.display().to_string()),
        _ => None,
    }
}

fn is_unix(network: &str) -> bool {
    network.starts_with("unix")
}

fn is_fd(network: &str) -> bool {
    network.starts_with("fd")
}

/// The path of a Unix socket, and the mode behind its bar.
fn split_mode(host: &str) -> Result<(&str, u32), String> {
    let Some((path, bits)) = host.split_once('|') else { return Ok((host, MODE)) };
    let mode = u32::from_str_radix(bits, 8).map_err(|_| {
        format!(
            "could not parse octal permission bits in {host}: strconv.ParseUint: parsing \
             \"{bits}\": invalid syntax"
        )
    })?;
    if mode & 0o200 == 0 {
        let shown: String = [(0o400, 'r'), (0o200, 'w'), (0o100, 'x')]
            .map(|(bit, letter)| if mode & bit == 0 { '-' } else { letter })
            .iter()
            .collect();
        return Err(format!(
            "owner of the socket requires '-w-' (write, octal: '2') permissions at least; got \
             '{shown}' in {host}"
        ));
    }
    Ok((path, mode))
}

/// Splits `host:port` and `[v6]:port` as Go does.
fn split_host_port(text: &str) -> Result<(String, String), String> {
    let wrong = |why: &str| format!("address {text}: {why}");
    let Some(colon) = text.rfind(':') else { return Err(wrong("missing port in address")) };
    let host = match text.strip_prefix('[') {
        Some(rest) => {
            let Some(end) = rest.find(']').map(|at| at + 1) else {
                return Err(wrong("missing ']' in address"));
            };
            match colon {
                _ if end + 1 == text.len() => return Err(wrong("missing port in address")),
                at if at == end + 1 => {}
                _ if text[end + 1..].starts_with(':') => {
                    return Err(wrong("too many colons in address"));
                }
                _ => return Err(wrong("missing port in address")),
            }
            &text[1..end]
        }
        None if text[..colon].contains(':') => return Err(wrong("too many colons in address")),
        None => &text[..colon],
    };
    let outside = if text.starts_with('[') { &text[colon..] } else { text };
    for (bracket, shown) in [('[', "unexpected '[' in address"), (']', "unexpected ']' in address")]
    {
        if outside.contains(bracket) {
            return Err(wrong(shown));
        }
    }
    Ok((host.to_owned(), text[colon + 1..].to_owned()))
}

/// The first and the last port of a range.
fn ports(text: &str, default: u16) -> Result<(u16, u16), String> {
    if text.is_empty() {
        return Ok((default, default));
    }
    if text.len() > PORTS_MAX.len() {
        return Err(format!("invalid port: longer than {} characters", PORTS_MAX.len()));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first = port(first).map_err(|why| format!("invalid start port: {why}"))?;
    let last = port(last).map_err(|why| format!("invalid end port: {why}"))?;
    if last < first {
        return Err("end port must not be less than start port".to_owned());
    }
    if last - first == u16::MAX {
        return Err("port range exceeds 65535 ports".to_owned());
    }
    Ok((first, last))
}

fn port(text: &str) -> Result<u16, String> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let why = if is_number { "value out of range" } else { "invalid syntax" };
    let number = if is_number { text.parse().ok() } else { None };
    number.ok_or_else(|| format!("strconv.ParseUint: parsing \"{text}\": {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let shown = match NetworkAddress::parse(text, 99) {
            Ok(address) => {
                let all = address.endpoints();
                let mode = |e: &Endpoint| match e.mode {
                    0 => e.to_string(),
                    mode => format!("{e} {mode:o}"),
                };
                format!("{address} = {}", all.iter().map(mode).collect::<Vec<_>>().join(" "))
            }
            Err(why) => why,
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn parts_that_are_missing_have_defaults() {
        check(":80", ":80 = :80");
        check("localhost", "localhost:99 = localhost:99");
        check("", ":99 = :99");
        check("::1", "[::1]:99 = [::1]:99");
        check("[::1]:80", "[::1]:80 = [::1]:80");
        check("TCP4/a:1", "tcp4/a:1 = tcp4/a:1");
        check("udp/:80", "udp/:80 = udp/:80");
    }

    #[test]
    fn a_range_of_ports_is_several_endpoints() {
        check(
            "tcp/127.0.0.1:8000-8002",
            "127.0.0.1:8000-8002 = 127.0.0.1:8000 127.0.0.1:8001 127.0.0.1:8002",
        );
        check("udp/[::1]:1-2", "udp/[::1]:1-2 = udp/[::1]:1 udp/[::1]:2");
    }

    #[test]
    fn unix_sockets_have_modes() {
        check("unix//run/a.sock", "unix//run/a.sock = unix//run/a.sock 200");
        check("unix//run/a.sock|0660", "unix//run/a.sock|0660 = unix//run/a.sock 660");
        check("unix/@a:b", "unix/@a:b = unix/@a:b 200");
        check(
            "unix//a|0422",
            "owner of the socket requires '-w-' (write, octal: '2') permissions at least; got \
             'r--' in /a|0422",
        );
        check(
            "unix//a|u=w",
            "could not parse octal permission bits in /a|u=w: strconv.ParseUint: parsing \
             \"u=w\": invalid syntax",
        );
    }

    #[test]
    fn descriptors_are_named_by_number() {
        check("fd/3", "fd/3 = fd/3");
        check("fdgram/4", "fdgram/4 = fdgram/4");
    }

    #[test]
    fn errors_are_gos() {
        check(":x", "invalid start port: strconv.ParseUint: parsing \"x\": invalid syntax");
        check(
            ":70000",
            "invalid start port: strconv.ParseUint: parsing \"70000\": value out of range",
        );
        check(":1-x", "invalid end port: strconv.ParseUint: parsing \"x\": invalid syntax");
        check(":9-8", "end port must not be less than start port");
        check(":0-65535", "port range exceeds 65535 ports");
        check(":123456789012", "invalid port: longer than 11 characters");
    }

    #[test]
    fn placeholders_without_a_request_are_filled_in() {
        let wd = std::env::current_dir().expect("there is one").display().to_string();
        let filled = fill_placeholders("unix/{system.wd}/a{env.NO_SUCH_VARIABLE}{x}{");
        assert_eq!(filled, format!("unix/{wd}/a{{x}}{{"));
    }

    #[test]
    fn what_reaches_only_this_machine_is_known() {
        let parse = |text| NetworkAddress::parse(text, 0).expect("an address");
        assert!(parse("localhost:1").is_loopback() && parse("[::1]:1").is_loopback());
        assert!(parse("unix//a").is_loopback() && !parse(":1").is_loopback());
        assert!(parse("0.0.0.0:1").is_wildcard() && !parse("a:1").is_wildcard());
    }
}
