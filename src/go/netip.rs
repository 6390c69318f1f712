//! IP addresses and ranges, in the words of Go's `net/netip`.

use std::net::IpAddr;

/// Checks an address or, with a slash, a range: the error says which it is, as
/// `parsing CIDR expression: '10.0.0.0/99': …`. `after` stands between the first words and
/// the text in question: a colon for some modules, nothing for others.
pub(crate) fn check(text: &str, after: &str) -> Result<(), String> {
    if text.contains('{') {
        // A placeholder; what it stands for is known later.
        return Ok(());
    }
    if text.contains('/') {
        return prefix(text)
            .map(drop)
            .map_err(|why| format!("parsing CIDR expression{after} '{text}': {why}"));
    }
    address(text).map(drop).map_err(|why| format!("invalid IP address: '{text}': {why}"))
}

/// Reads a range as `10.0.0.0/8`: its address, and how many of the first bits count.
pub(crate) fn prefix(text: &str) -> Result<(IpAddr, u32), String> {
    let fail = |why: &str| format!("netip.ParsePrefix({text:?}): {why}");
    let Some((ip, bits)) = text.rsplit_once('/') else { return Err(fail("no '/'")) };
    let ip = address(ip).map_err(|why| fail(&why))?;
    let bad = || fail(&format!("bad bits after slash: {bits:?}"));
    let is_number = bits.bytes().all(|digit| digit.is_ascii_digit())
        && (bits.len() == 1 || !bits.starts_with('0'));
    if !is_number {
        return Err(bad());
    }
    let out = || fail("prefix length out of range");
    let bits: u64 = bits.parse().map_err(|_| bad())?;
    let bits = u32::try_from(bits).map_err(|_| out())?;
    if bits > width(ip) { Err(out()) } else { Ok((ip, bits)) }
}

/// How many bits an address has.
pub(crate) const fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Reads an address.
pub(crate) fn address(text: &str) -> Result<IpAddr, String> {
    // A zone says through which interface; it is no part of the address.
    let without_zone = text.split_once('%').map_or(text, |(ip, _)| ip);
    if let Ok(ip) = without_zone.parse() {
        return Ok(ip);
    }
    let (why, rest) = match text.find(['.', ':', '%']).map(|at| text.as_bytes()[at]) {
        None => ("unable to parse IP", ""),
        Some(b'.') => why_not_v4(text),
        Some(b':') => why_not_v6(without_zone),
        Some(_) => ("missing IPv6 address", ""),
    };
    let rest = if rest.is_empty() { String::new() } else { format!(" (at {rest:?})") };
    Err(format!("ParseAddr({text:?}): {why}{rest}"))
}

/// What is wrong with four numbers and dots, and from where on.
fn why_not_v4(text: &str) -> (&'static str, &str) {
    let (mut value, mut digits, mut dots) = (0_u32, 0, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return ("IPv4 field has octet with leading zero", "");
                }
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return ("IPv4 field has value >255", "");
                }
            }
            b'.' if digits == 0 || at + 1 == text.len() => {
                return ("IPv4 field must have at least one digit", &text[at..]);
            }
            b'.' if dots == 3 => return ("IPv4 address too long", ""),
            b'.' => (value, digits, dots) = (0, 0, dots + 1),
            _ => return ("unexpected character", text.get(at..).unwrap_or_default()),
        }
    }
    ("IPv4 address too short", "")
}

/// What is wrong with groups and colons, and from where on.
fn why_not_v6(text: &str) -> (&'static str, &str) {
    let mut rest = text.strip_prefix("::").unwrap_or(text);
    let mut has_gap = rest.len() < text.len();
    for groups in 1..=8 {
        let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        match end {
            0 => return ("each colon-separated field must have at least one digit", rest),
            5.. => return ("each group must have 4 or less digits", rest),
            _ => {}
        }
        let group = rest;
        rest = &rest[end..];
        match rest.as_bytes() {
            [] if groups < 8 && !has_gap => return ("address string too short", ""),
            [] => return ("the :: must expand to at least one field of zeros", ""),
            [b'.', ..] => {
                return (
                    "embedded IPv4 address must replace the final 2 fields of the address",
                    group,
                );
            }
            [b':'] => return ("colon must be followed by more characters", rest),
            [b':', b':', ..] if has_gap => return ("multiple :: in address", &rest[1..]),
            [b':', b':', ..] => {
                has_gap = true;
                rest = &rest[2..];
            }
            [b':', ..] => rest = &rest[1..],
            _ => return ("unexpected character, want colon", rest),
        }
    }
    ("trailing garbage after address", rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_error(text: &str, why: &str) {
        assert_eq!(check(text, ":").expect_err("the case is wrong"), why);
    }

    #[test]
    fn addresses_and_ranges_are_told_apart() {
        for valid in ["10.0.0.1", "::1", "fe80::1%eth0", "10.0.0.0/8", "fd00::/8", "{env.RANGE}"] {
            assert_eq!(check(valid, ""), Ok(()), "{valid}");
        }
    }

    #[test]
    fn errors_are_gos() {
        let address = |text: &str, why: &str| {
            check_error(text, &format!("invalid IP address: '{text}': ParseAddr({text:?}): {why}"));
        };
        address("10.0.0.300", "IPv4 field has value >255");
        address("10.0.0", "IPv4 address too short");
        address("1.2.3.4.5", "IPv4 address too long");
        address("10.01.0.1", "IPv4 field has octet with leading zero");
        address("10..0.1", "IPv4 field must have at least one digit (at \".0.1\")");
        address("10.x.0.1", "unexpected character (at \"x.0.1\")");
        address("localhost", "unable to parse IP");
        address("1:2", "address string too short");
        address("::12345", "each group must have 4 or less digits (at \"12345\")");
        address("1::2::3", "multiple :: in address (at \":3\")");
        check_error(
            "10.0.0.0/99",
            "parsing CIDR expression: '10.0.0.0/99': \
             netip.ParsePrefix(\"10.0.0.0/99\"): prefix length out of range",
        );
        check_error(
            "10.0.0.0/x",
            "parsing CIDR expression: '10.0.0.0/x': \
             netip.ParsePrefix(\"10.0.0.0/x\"): bad bits after slash: \"x\"",
        );
    }
}
