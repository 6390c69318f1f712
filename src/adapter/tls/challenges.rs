//! Challenges: the lines about proofs by DNS, which `tls` and the issuers share.

use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, expect_args};
use crate::config::duration::Duration;
use crate::config::tls::challenges::DnsChallenge;
use caddyfile_parser::Dispenser;

/// The words of the lines that [`parse_dns_word`] reads.
pub(super) const DNS_WORDS: [&str; 4] =
    ["resolvers", "propagation_delay", "propagation_timeout", "dns_ttl"];

/// Reads the rest of a line of an issuer about proofs by DNS, of which `word` is loaded.
pub(super) fn parse_dns_word(
    d: &mut Dispenser,
    word: &str,
    challenge: &mut DnsChallenge,
) -> Result<()> {
    match word {
        "resolvers" => challenge.resolvers = expect_args(d)?,
        "propagation_delay" => {
            let text = expect_arg(d)?;
            challenge.propagation_delay = parse_dns_duration(d, word, &text)?;
        }
        "propagation_timeout" => {
            let text = expect_arg(d)?;
            challenge.propagation_timeout = parse_dns_timeout(d, &text)?;
        }
        _ => {
            let text = expect_arg(d)?;
            challenge.ttl = parse_dns_duration(d, "dns_ttl", &text)?;
        }
    }
    Ok(())
}

/// A duration of the line `word`.
pub(in crate::adapter) fn parse_dns_duration(
    d: &Dispenser,
    word: &str,
    text: &str,
) -> Result<Duration> {
    Duration::parse(text)
        .map_err(|error| d.err(format!("invalid {word} duration {text}: {error}")).into())
}

/// The duration of `propagation_timeout`, for which `-1` means not to look at all.
pub(in crate::adapter) fn parse_dns_timeout(d: &Dispenser, text: &str) -> Result<Duration> {
    if text == "-1" {
        return Ok(Duration(-1));
    }
    parse_dns_duration(d, "propagation_timeout", text)
}
