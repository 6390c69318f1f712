//! Ranges of IP addresses, as `10.0.0.0/8` or `::1`, with Go's words for wrong ones.

use super::placeholder::Placeholder;
use std::net::IpAddr;

/// Addresses that lie in one of some ranges.
#[derive(Debug, Default)]
pub(super) struct IpRanges(Vec<Range>);

#[derive(Debug)]
struct Range {
    address: IpAddr,
    bits: u32,
    /// The range is for one zone of link-local addresses.
    has_zone: bool,
}

impl IpRanges {
    /// Reads ranges. Placeholders that have a value now, as `{env.NAME}`, are replaced.
    pub(super) fn parse(ranges: &[String]) -> Result<Self, String> {
        ranges.iter().map(|range| Range::parse(&fill(range))).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address lies in one of them. Zones are not known of clients, so a range
    /// with a zone has none.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| !range.has_zone && range.contains(address))
    }
}

impl Range {
    fn parse(text: &str) -> Result<Self, String> {
        let (text, has_zone) = match text.split_once('%') {
            Some((address, zone)) => (address, !zone.is_empty()),
            None => (text, false),
        };
        let Some((address, bits)) = text.split_once('/') else {
            let address = parse_address(text)
                .map_err(|error| format!("invalid IP address: '{text}': {error}"))?;
            return Ok(Self { address, bits: width(address), has_zone });
        };
        let wrong = |why: String| {
            format!("parsing CIDR expression '{text}': netip.ParsePrefix({text:?}): {why}")
        };
        let address = parse_address(address).map_err(wrong)?;
        let digits = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        if !digits || bits.len() > 1 && bits.starts_with('0') {
            return Err(wrong(format!("bad bits after slash: {bits:?}")));
        }
        match bits.parse() {
            Ok(bits) if bits <= width(address) => Ok(Self { address, bits, has_zone }),
            _ => Err(wrong("prefix length out of range".to_owned())),
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        differing >= self.bits
    }
}

const fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The text with the placeholders replaced that have a value when a configuration is
/// loaded; the others vanish.
fn fill(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once('{') {
        let Some((name, after)) = inside.split_once('}') else { break };
        out.push_str(before);
        match Placeholder::parse(name) {
            Some(Placeholder::Env(key)) => {
                let value = std::env::var_os(key).unwrap_or_default();
                out.push_str(&value.to_string_lossy());
            }
            Some(Placeholder::Fixed(value)) => out.push_str(&value),
            _ => {}
        }
        rest = after;
    }
    out + rest
}

/// Reads an address; the error is Go's.
fn parse_address(text: &str) -> Result<IpAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let why = match text.find(['.', ':']).map(|at| text.as_bytes()[at]) {
        Some(b'.') => v4_error(text),
        _ => "unable to parse IP".to_owned(),
    };
    Err(format!("ParseAddr({text:?}): {why}"))
}

/// What is wrong with an address of four numbers.
fn v4_error(text: &str) -> String {
    let at = |rest: &str, why: &str| format!("{why} (at {rest:?})");
    let mut fields = 0;
    let mut rest = text;
    loop {
        let end = rest.find('.').unwrap_or(rest.len());
        let field = &rest[..end];
        if let Some(wrong) = field.find(|c: char| !c.is_ascii_digit()) {
            return at(&rest[wrong..], "unexpected character");
        }
        if field.is_empty() {
            return match rest.is_empty() {
                true => "IPv4 field must have at least one digit".to_owned(),
                false => at(rest, "IPv4 field must have at least one digit"),
            };
        }
        if field.len() > 1 && field.starts_with('0') {
            return "IPv4 field has octet with leading zero".to_owned();
        }
        if field.parse::<u8>().is_err() {
            return "IPv4 field has value >255".to_owned();
        }
        fields += 1;
        if end == rest.len() {
            return "IPv4 address too short".to_owned();
        }
        if fields == 4 {
            return at(&rest[end..], "IPv4 address too long");
        }
        rest = &rest[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: &str, address: &str, expected: bool) {
        let ranges = IpRanges::parse(&[range.to_owned()]).expect("the case is a range");
        let address = address.parse().expect("the case has an address");
        assert_eq!(ranges.contains(address), expected, "{address} in {range}");
    }

    #[test]
    fn a_range_has_the_addresses_with_its_first_bits() {
        check("10.0.0.0/8", "10.255.1.2", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("0.0.0.0/0", "1.2.3.4", true);
        check("0.0.0.0/0", "::1", false);
        check("1.2.3.4", "1.2.3.4", true);
        check("1.2.3.4", "::ffff:1.2.3.4", true);
        check("fd00::/8", "fd12::1", true);
        check("::1", "::2", false);
        check("fe80::1%eth0", "fe80::1", false);
    }

    #[track_caller]
    fn check_error(range: &str, error: &str) {
        let got = IpRanges::parse(&[range.to_owned()]).expect_err("the case is no range");
        assert_eq!(got, error);
    }

    #[test]
    fn wrong_ranges_are_refused_in_gos_words() {
        check_error(
            "10.0.0.300",
            "invalid IP address: '10.0.0.300': ParseAddr(\"10.0.0.300\"): IPv4 field has value >255",
        );
        check_error("x", "invalid IP address: 'x': ParseAddr(\"x\"): unable to parse IP");
        check_error(
            "1.2.3",
            "invalid IP address: '1.2.3': ParseAddr(\"1.2.3\"): IPv4 address too short",
        );
        check_error(
            "10.0.0.0/33",
            "parsing CIDR expression '10.0.0.0/33': netip.ParsePrefix(\"10.0.0.0/33\"): prefix \
             length out of range",
        );
        check_error(
            "10.0.0.0/x",
            "parsing CIDR expression '10.0.0.0/x': netip.ParsePrefix(\"10.0.0.0/x\"): bad bits \
             after slash: \"x\"",
        );
    }
}
