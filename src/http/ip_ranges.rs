//! Ranges of IP addresses, as `10.0.0.0/8` or `::1`, with Go's words for wrong ones.

use super::placeholder::Placeholder;
use crate::go::netip;
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
        let has_zone = text.split_once('%').is_some_and(|(_, zone)| !zone.is_empty());
        if !text.contains('/') {
            let address = netip::address(text)
                .map_err(|error| format!("invalid IP address: '{text}': {error}"))?;
            return Ok(Self { address, bits: netip::width(address), has_zone });
        }
        let (address, bits) = netip::prefix(text)
            .map_err(|why| format!("parsing CIDR expression '{text}': {why}"))?;
        Ok(Self { address, bits, has_zone })
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
