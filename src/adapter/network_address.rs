//! Addresses with an optional network and port, `[NETWORK/]HOST[:PORT[-PORT]]`, with the error
//! texts of Go and Caddy.

/// A port range of more ports than these is refused.
const PORT_SPAN_MAX: u16 = u16::MAX;

/// Longer ports are refused.
const PORT_LENGTH_MAX: usize = "65535-65535".len();

/// An address in its parts. The port is text: it may be a range or hold placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NetworkAddress {
    /// In lower case; empty when there is none.
    pub(super) network: String,
    /// The host without brackets, or the path of a socket, or the number of a descriptor.
    pub(super) host: String,
    /// Empty when there is none.
    pub(super) port: String,
}

impl NetworkAddress {
    /// Takes an address apart.
    ///
    /// # Errors
    ///
    /// When its brackets are wrong.
    pub(super) fn split(text: &str) -> Result<Self, String> {
        let (network, rest) = match text.split_once('/') {
            Some((network, rest)) => (network.trim().to_lowercase(), rest),
            None => (String::new(), text),
        };
        if is_unix(&network) || is_descriptor(&network) {
            return Ok(Self { network, host: rest.to_owned(), port: String::new() });
        }
        let error = match split_host_port(rest) {
            Ok((host, port)) => return Ok(Self { network, host, port }),
            Err(error) => error,
        };
        // What lacks is most likely a port. With one, the rest must be right.
        match split_host_port(&join_host_port(rest.trim_matches(['[', ']']), "0")) {
            Ok((host, _)) => Ok(Self { network, host, port: String::new() }),
            Err(second) => Err(format!("{error}\n{second}")),
        }
    }

    /// Whether it names a socket in the file system.
    pub(super) fn is_unix(&self) -> bool {
        is_unix(&self.network)
    }

    /// Whether it names a descriptor that we have inherited.
    pub(super) fn is_descriptor(&self) -> bool {
        is_descriptor(&self.network)
    }

    /// The first and the last port; 0 when there is none.
    ///
    /// # Errors
    ///
    /// When the port or the permission bits of a socket are wrong.
    pub(super) fn ports(&self) -> Result<(u16, u16), String> {
        if self.is_unix() {
            check_permissions(&self.host)?;
            return Ok((0, 0));
        }
        if self.is_descriptor() || self.port.is_empty() {
            return Ok((0, 0));
        }
        if self.port.len() > PORT_LENGTH_MAX {
            return Err(format!("invalid port: longer than {PORT_LENGTH_MAX} characters"));
        }
        let (first, last) = self.port.split_once('-').unwrap_or((&self.port, &self.port));
        let first = parse_port(first).map_err(|error| format!("invalid start port: {error}"))?;
        let last = parse_port(last).map_err(|error| format!("invalid end port: {error}"))?;
        if last < first {
            return Err("end port must not be less than start port".to_owned());
        }
        if last - first == PORT_SPAN_MAX {
            return Err(format!("port range exceeds {PORT_SPAN_MAX} ports"));
        }
        Ok((first, last))
    }
}

fn is_unix(network: &str) -> bool {
    network.starts_with("unix")
}

fn is_descriptor(network: &str) -> bool {
    network.starts_with("fd")
}

/// Splits `HOST:PORT`, in which an IPv6 host stands in brackets.
///
/// # Errors
///
/// When it is none, in the words of Go.
pub(super) fn split_host_port(text: &str) -> Result<(String, String), String> {
    let wrong = |why: &str| {
        Err(if text.is_empty() { why.to_owned() } else { format!("address {text}: {why}") })
    };
    let Some(colon) = text.rfind(':') else {
        return wrong("missing port in address");
    };
    let (host, rest) = if let Some(inner) = text.strip_prefix('[') {
        let Some(end) = inner.find(']') else {
            return wrong("missing ']' in address");
        };
        let after = end + 2;
        if after == text.len() {
            return wrong("missing port in address");
        }
        if after != colon {
            let is_colon = text.as_bytes()[after] == b':';
            return wrong(if is_colon {
                "too many colons in address"
            } else {
                "missing port in address"
            });
        }
        if inner[..end].contains('[') {
            return wrong("unexpected '[' in address");
        }
        (&inner[..end], &text[after..])
    } else {
        let host = &text[..colon];
        if host.contains(':') {
            return wrong("too many colons in address");
        }
        (host, text)
    };
    if rest.contains('[') {
        return wrong("unexpected '[' in address");
    }
    if rest.contains(']') {
        return wrong("unexpected ']' in address");
    }
    Ok((host.to_owned(), text[colon + 1..].to_owned()))
}

/// Joins a host and a port, an IPv6 host in brackets.
pub(super) fn join_host_port(host: &str, port: &str) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Joins what [`NetworkAddress::split`] takes apart.
pub(super) fn join(network: &str, host: &str, port: &str) -> String {
    let slash = if network.is_empty() { "" } else { "/" };
    let rest =
        if (!host.is_empty() && port.is_empty()) || is_unix(network) || is_descriptor(network) {
            host.to_owned()
        } else if port.is_empty() {
            String::new()
        } else {
            join_host_port(host, port)
        };
    format!("{network}{slash}{rest}")
}

fn parse_port(text: &str) -> Result<u16, String> {
    let wrong = |reason: &str| format!("strconv.ParseUint: parsing {text:?}: {reason}");
    if text.is_empty() {
        return Err(wrong("invalid syntax"));
    }
    // Digits that are too many are seen before what else may be wrong behind them.
    text.bytes().try_fold(0_u16, |number, byte| {
        if !byte.is_ascii_digit() {
            return Err(wrong("invalid syntax"));
        }
        let number = number.checked_mul(10).and_then(|n| n.checked_add(u16::from(byte - b'0')));
        number.ok_or_else(|| wrong("value out of range"))
    })
}

/// Checks the octal permission bits behind the `|` of a socket's path.
fn check_permissions(path: &str) -> Result<(), String> {
    let Some((_, bits)) = path.split_once('|') else { return Ok(()) };
    let is_octal = !bits.is_empty() && bits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let mode = u32::from_str_radix(bits, 8).ok().filter(|_| is_octal);
    let Some(mode) = mode else {
        let reason = if is_octal { "value out of range" } else { "invalid syntax" };
        return Err(format!(
            "could not parse octal permission bits in {path}: strconv.ParseUint: parsing \
             {bits:?}: {reason}"
        ));
    };
    if mode & 0o200 != 0 {
        return Ok(());
    }
    let letter = |bit: u32, letter: char| if mode & bit == 0 { '-' } else { letter };
    let owner = [letter(0o400, 'r'), '-', letter(0o100, 'x')].iter().collect::<String>();
    Err(format!(
        "owner of the socket requires '-w-' (write, octal: '2') permissions at least; got \
         '{owner}' in {path}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<[&str; 3], &str>) {
        let got = NetworkAddress::split(text);
        let got = got.as_ref().map(|a| [&*a.network, &*a.host, &*a.port]);
        assert_eq!(got.map_err(String::as_str), expected, "{text}");
    }

    #[track_caller]
    fn check_ports(text: &str, expected: Result<(u16, u16), &str>) {
        let address = NetworkAddress::split(text).expect("the case can be taken apart");
        assert_eq!(address.ports(), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn addresses_are_taken_apart() {
        check("a:80", Ok(["", "a", "80"]));
        check("a", Ok(["", "a", ""]));
        check("::1", Ok(["", "::1", ""]));
        check("[::1]", Ok(["", "::1", ""]));
        check("UDP/[::1]:1-2", Ok(["udp", "::1", "1-2"]));
        check("unix//run/a:b.sock", Ok(["unix", "/run/a:b.sock", ""]));
        check("fd/3", Ok(["fd", "3", ""]));
        check("{env.A}:{env.P}", Ok(["", "{env.A}", "{env.P}"]));
    }

    #[test]
    fn wrong_brackets_are_refused_in_gos_words() {
        check(
            "a]b:1",
            Err("address a]b:1: unexpected ']' in address\n\
                 address [a]b:1]:0: missing port in address"),
        );
        let split = |text: &str| split_host_port(text).expect_err("the case is wrong");
        assert_eq!(split("a"), "address a: missing port in address");
        assert_eq!(split(""), "missing port in address");
        assert_eq!(split("a:b:c"), "address a:b:c: too many colons in address");
        assert_eq!(split("[a:1"), "address [a:1: missing ']' in address");
        assert_eq!(split("[a]:b:1"), "address [a]:b:1: too many colons in address");
        assert_eq!(split("[a]b:1"), "address [a]b:1: missing port in address");
        assert_eq!(split("[a[b]:1"), "address [a[b]:1: unexpected '[' in address");
    }

    #[test]
    fn ports_may_be_ranges() {
        check_ports("a", Ok((0, 0)));
        check_ports("a:80", Ok((80, 80)));
        check_ports("a:80-82", Ok((80, 82)));
        check_ports("a:82-80", Err("end port must not be less than start port"));
        check_ports("a:0-65535", Err("port range exceeds 65535 ports"));
        check_ports("a:100000000000", Err("invalid port: longer than 11 characters"));
        check_ports(
            "a:x-1",
            Err("invalid start port: strconv.ParseUint: parsing \"x\": invalid syntax"),
        );
        check_ports(
            "a:1-",
            Err("invalid end port: strconv.ParseUint: parsing \"\": invalid syntax"),
        );
        check_ports(
            "a:99999x",
            Err("invalid start port: strconv.ParseUint: parsing \"99999x\": value out of range"),
        );
        check_ports(
            "a:99999",
            Err("invalid start port: strconv.ParseUint: parsing \"99999\": value out of range"),
        );
    }

    #[test]
    fn permissions_of_sockets_are_checked() {
        check_ports("unix//run/x|0222", Ok((0, 0)));
        check_ports(
            "unix//run/x|0500",
            Err("owner of the socket requires '-w-' (write, octal: '2') permissions at least; \
                 got 'r-x' in /run/x|0500"),
        );
        check_ports(
            "unix//run/x|9",
            Err("could not parse octal permission bits in /run/x|9: strconv.ParseUint: parsing \
                 \"9\": invalid syntax"),
        );
    }

    #[test]
    fn addresses_are_joined() {
        assert_eq!(join("", "::1", "80"), "[::1]:80");
        assert_eq!(join("udp", "a", "80"), "udp/a:80");
        assert_eq!(join("unix", "/run/x", ""), "unix//run/x");
        assert_eq!(join("", "a", ""), "a");
        assert_eq!(join("", "", "80"), ":80");
    }
}
