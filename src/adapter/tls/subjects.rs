//! Names in certificates: which there can be, who may sign for them, which cover which.

use crate::adapter::network_address::split_host_port;
use std::borrow::Cow;
use std::net::IpAddr;

/// What no name in a certificate contains.
const SPECIAL: &str = "()[]{}<> \t\n\"\\!@#$%^&|;'+=";

/// Top-level names that no public authority knows.
const INTERNAL: [&str; 4] = [".localhost", ".local", ".internal", ".home.arpa"];

/// Networks that only machines nearby reach, each with its prefix in bits. `::/7` takes in
/// more than the loopback address, as in Caddy.
const INTERNAL_NETWORKS: [(&str, u32); 8] = [
    ("127.0.0.0", 8),
    ("0.0.0.0", 16),
    ("10.0.0.0", 8),
    ("172.16.0.0", 12),
    ("192.168.0.0", 16),
    ("169.254.0.0", 16),
    ("::", 7),
    ("fe80::", 10),
];

/// Names that the machine's Tailscale has certificates for.
const TAILSCALE: &str = ".ts.net";

/// Whether a name can be in a certificate.
pub(super) fn qualifies(name: &str) -> bool {
    !name.trim().is_empty()
        && !name.starts_with('.')
        && !name.ends_with('.')
        && (!name.contains('*') || name.starts_with("*.") || name == "*")
        && !name.contains(|c| SPECIAL.contains(c))
}

/// Whether a public authority may sign for a name by the rules of the trade.
pub(super) fn qualifies_for_public(name: &str) -> bool {
    let is_good_wildcard = || {
        name.matches('*').count() == 1 && name.matches('.').count() > 1 && name.starts_with("*.")
    };
    qualifies(name) && !is_internal(name) && (!name.contains('*') || is_good_wildcard())
}

/// Whether a name gets its certificate from a public authority when nothing else is said.
/// `on_demand` certificates are for the name that is asked for, never for a wildcard.
pub(super) fn is_public(name: &str, on_demand: bool) -> bool {
    name.parse::<IpAddr>().is_err()
        && !is_internal(name)
        && (name.matches("*.").count() < 2 || on_demand)
}

/// Whether the machine's Tailscale has the certificate for a name.
pub(super) fn is_tailscale(name: &str) -> bool {
    name.to_lowercase().ends_with(TAILSCALE)
}

/// Whether a name, in which leading labels may be `*`, stands for another.
pub(super) fn covers(pattern: &str, name: &str) -> bool {
    if !pattern.contains('*') && pattern.is_ascii() && name.is_ascii() {
        return pattern.eq_ignore_ascii_case(&host_only(name));
    }
    patterns(name).contains(&pattern.to_lowercase())
}

/// All names that stand for a name, in lower case: itself, and those with `*` for its first
/// labels.
pub(super) fn patterns(name: &str) -> Vec<String> {
    let name = host_only(name).to_lowercase();
    let mut labels: Vec<&str> = name.split('.').collect();
    let mut patterns = vec![name.clone()];
    for index in 0..labels.len() {
        if !labels[index].is_empty() {
            labels[index] = "*";
            patterns.push(labels.join("."));
        }
    }
    patterns
}

/// Whether a name is only known nearby.
fn is_internal(name: &str) -> bool {
    let host = host_only(name);
    let host = host.strip_suffix('.').unwrap_or(&host).to_lowercase();
    host == "localhost"
        || INTERNAL.iter().any(|end| host.ends_with(end))
        || host.parse::<IpAddr>().is_ok_and(is_internal_ip)
}

fn is_internal_ip(ip: IpAddr) -> bool {
    INTERNAL_NETWORKS.iter().any(|(network, bits)| match (network.parse(), ip.to_canonical()) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(ip)) => {
            network.to_bits() >> (32 - bits) == ip.to_bits() >> (32 - bits)
        }
        (Ok(IpAddr::V6(network)), IpAddr::V6(ip)) => {
            network.to_bits() >> (128 - bits) == ip.to_bits() >> (128 - bits)
        }
        _ => false,
    })
}

/// A host without a port and without the brackets of IPv6.
fn host_only(text: &str) -> Cow<'_, str> {
    if !text.contains([':', '[']) {
        return text.into();
    }
    match split_host_port(text) {
        Ok((host, _)) => host.into(),
        Err(_) => {
            let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            bare.unwrap_or(text).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, can_be: bool, public: bool, usually_public: bool) {
        let got = (qualifies(name), qualifies_for_public(name), is_public(name, false));
        assert_eq!(got, (can_be, public, usually_public), "{name}");
    }

    #[test]
    fn names_are_sorted_by_who_may_sign() {
        check("a.test", true, true, true);
        check("localhost", true, false, false);
        check("x.home.arpa", true, false, false);
        check("10.1.2.3", true, false, false);
        check("192.0.2.10", true, true, false);
        check("::1", true, false, false);
        check("*.a.test", true, true, true);
        check("*.test", true, false, true);
        check("*.*.a.test", true, false, false);
        check("{env.HOST}", false, false, true);
        check("a.*.test", false, false, true);
        check("", false, false, true);
    }

    #[test]
    fn more_wildcards_are_public_on_demand() {
        assert!(is_public("*.*.a.test", true));
        assert!(!is_public("10.1.2.3", true));
    }

    #[track_caller]
    fn check_covers(pattern: &str, name: &str, expected: bool) {
        assert_eq!(covers(pattern, name), expected, "{pattern} {name}");
    }

    #[test]
    fn a_star_stands_for_a_leading_label() {
        check_covers("*.a.test", "b.a.test", true);
        check_covers("*.A.test", "B.a.test", true);
        check_covers("*.a.test", "c.b.a.test", false);
        check_covers("*.*.a.test", "c.b.a.test", true);
        check_covers("*.a.test", "*.a.test", true);
        check_covers("a.test", "b.test", false);
        check_covers("*.a.test", "a.test", false);
    }
}
