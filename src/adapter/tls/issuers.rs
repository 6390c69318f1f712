//! Issuers, who sign certificates: `issuer acme …`, and the option `cert_issuer`.

use super::challenges::{DNS_WORDS, parse_dns_word};
use super::{chains, dns};
use crate::adapter::error::{Error, Result};
use crate::adapter::values::{
    expect_arg, expect_no_arg, expect_only_arg, integer, not_registered, unknown,
};
use crate::config::duration::Duration;
use crate::config::tls::challenges::Challenges;
use crate::config::tls::issuers::{Acme, ExternalAccount, Internal, Issuer, ZeroSsl};
use caddyfile_parser::Dispenser;

const ACME_WORDS: [&str; 20] = [
    "lifetime",
    "dir",
    "test_dir",
    "email",
    "profile",
    "timeout",
    "disable_http_challenge",
    "disable_tlsalpn_challenge",
    "distributed",
    "alt_http_port",
    "alt_tlsalpn_port",
    "eab",
    "trusted_roots",
    "dns",
    "propagation_delay",
    "propagation_timeout",
    "resolvers",
    "dns_ttl",
    "dns_challenge_override_domain",
    "preferred_chains",
];

const ZEROSSL_WORDS: [&str; 7] = [
    "validity_days",
    "alt_http_port",
    "dns",
    "propagation_delay",
    "propagation_timeout",
    "resolvers",
    "dns_ttl",
];

/// Reads the issuer whose name is loaded, with its block.
pub(in crate::adapter) fn parse(d: &mut Dispenser) -> Result<Issuer> {
    match d.val() {
        "acme" => parse_acme(&mut d.new_from_next_segment()).map(Box::new).map(Issuer::Acme),
        "internal" => parse_internal(&mut d.new_from_next_segment()).map(Issuer::Internal),
        "zerossl" => parse_zerossl(&mut d.new_from_next_segment()).map(Issuer::Zerossl),
        name => {
            let known = ["acme", "internal", "zerossl"];
            Err(not_registered(d, "tls.issuance", name, &known))
        }
    }
}

/// Reads
///
/// ```caddyfile
/// acme [URL] {
///     dir URL
///     test_dir URL
///     email ADDRESS
///     profile NAME
///     timeout DURATION
///     lifetime DURATION
///     disable_http_challenge
///     disable_tlsalpn_challenge
///     distributed false
///     alt_http_port PORT
///     alt_tlsalpn_port PORT
///     eab KEY_ID MAC_KEY
///     trusted_roots FILE …
///     dns [PROVIDER …]
///     propagation_delay DURATION
///     propagation_timeout DURATION | -1
///     resolvers ADDRESS …
///     dns_ttl DURATION
///     dns_challenge_override_domain DOMAIN
///     preferred_chains …
/// }
/// ```
fn parse_acme(d: &mut Dispenser) -> Result<Acme> {
    d.next();
    let mut acme = Acme::default();
    if d.next_arg() {
        d.val().clone_into(&mut acme.ca);
        expect_no_arg(d)?;
    }
    while d.next_block(0) {
        let word = d.val().to_owned();
        match word.as_str() {
            "lifetime" => acme.certificate_lifetime = parse_lifetime(d)?,
            "dir" if !acme.ca.is_empty() => {
                return Err(d.err(format!("directory is already specified: {}", acme.ca)).into());
            }
            "dir" => acme.ca = expect_only_arg(d)?,
            "test_dir" => acme.test_ca = expect_only_arg(d)?,
            "email" => acme.email = expect_only_arg(d)?,
            "profile" => acme.profile = expect_only_arg(d)?,
            "timeout" => {
                let text = expect_only_arg(d)?;
                acme.acme_timeout = Duration::parse(&text)
                    .map_err(|error| d.err(format!("invalid timeout duration {text}: {error}")))?;
            }
            "eab" => {
                let Some([key_id, mac_key]) = d.all_args() else {
                    return Err(d.arg_err().into());
                };
                acme.external_account = Some(ExternalAccount { key_id, mac_key });
            }
            "trusted_roots" => acme.trusted_roots_pem_files = d.remaining_args(),
            "preferred_chains" => acme.preferred_chains = Some(chains::parse_chains(d)?),
            _ => parse_challenge(d, &word, acme.challenges.get_or_insert_default())?,
        }
    }
    Ok(acme)
}

/// Reads the rest of a line of `acme` about its challenges, of which `word` is loaded.
fn parse_challenge(d: &mut Dispenser, word: &str, challenges: &mut Challenges) -> Result<()> {
    let Challenges { http, tls_alpn, dns: by_dns, distributed, .. } = challenges;
    match word {
        "disable_http_challenge" => {
            expect_no_arg(d)?;
            http.get_or_insert_default().disabled = true;
        }
        "disable_tlsalpn_challenge" => {
            expect_no_arg(d)?;
            tls_alpn.get_or_insert_default().disabled = true;
        }
        "distributed" => {
            if expect_arg(d)? != "false" {
                return Err(unknown(d, "only accepted value is 'false'".to_owned(), &["false"]));
            }
            *distributed = Some(false);
        }
        "alt_http_port" => http.get_or_insert_default().alternate_port = parse_port(d)?,
        "alt_tlsalpn_port" => tls_alpn.get_or_insert_default().alternate_port = parse_port(d)?,
        "dns" => {
            let by_dns = by_dns.get_or_insert_default();
            if d.next_arg() {
                by_dns.provider = Some(dns::parse(d)?);
            }
        }
        "dns_challenge_override_domain" => {
            let args = d.remaining_args();
            let [domain] = args.as_slice() else { return Err(d.arg_err().into()) };
            by_dns.get_or_insert_default().override_domain.clone_from(domain);
        }
        _ if DNS_WORDS.contains(&word) => {
            parse_dns_word(d, word, by_dns.get_or_insert_default())?;
        }
        _ => {
            let text = format!("unrecognized ACME issuer property: {word}");
            return Err(unknown(d, text, &ACME_WORDS));
        }
    }
    Ok(())
}

/// Reads
///
/// ```caddyfile
/// internal {
///     ca NAME
///     lifetime DURATION
///     sign_with_root
/// }
/// ```
fn parse_internal(d: &mut Dispenser) -> Result<Internal> {
    d.next();
    let mut internal = Internal::default();
    while d.next_block(0) {
        match d.val() {
            "ca" => internal.ca = expect_only_arg(d)?,
            "lifetime" => {
                let text = expect_arg(d)?;
                // Go's error stands alone.
                internal.lifetime = Duration::parse(&text)
                    .map_err(|error| Error::blame(&d.token(), error.to_string()))?;
            }
            "sign_with_root" => {
                expect_no_arg(d)?;
                internal.sign_with_root = true;
            }
            other => {
                let text = format!("unrecognized subdirective '{other}'");
                return Err(unknown(d, text, &["ca", "lifetime", "sign_with_root"]));
            }
        }
    }
    Ok(internal)
}

/// Reads
///
/// ```caddyfile
/// zerossl API_KEY {
///     validity_days DAYS
///     alt_http_port PORT
///     dns PROVIDER …
///     propagation_delay DURATION
///     propagation_timeout DURATION | -1
///     resolvers ADDRESS …
///     dns_ttl DURATION
/// }
/// ```
///
/// `validity_days` takes its own name for the number of days and always fails, as in Caddy.
fn parse_zerossl(d: &mut Dispenser) -> Result<ZeroSsl> {
    d.next();
    let mut zerossl = ZeroSsl { api_key: expect_arg(d)?, ..ZeroSsl::default() };
    expect_no_arg(d)?;
    while d.next_block(0) {
        let word = d.val().to_owned();
        match word.as_str() {
            "validity_days" => {
                zerossl.validity_days = integer(&word)
                    .map_err(|error| d.err(format!("invalid number of days {word}: {error}")))?;
            }
            "alt_http_port" => zerossl.alternate_http_port = parse_port(d)?,
            "dns" => {
                expect_arg(d)?;
                let by_dns = zerossl.cname_validation.get_or_insert_default();
                by_dns.provider = Some(dns::parse(d)?);
            }
            _ if DNS_WORDS.contains(&word.as_str()) => {
                parse_dns_word(d, &word, zerossl.cname_validation.get_or_insert_default())?;
            }
            _ => {
                let text = format!("unrecognized zerossl issuer property: {word}");
                return Err(unknown(d, text, &ZEROSSL_WORDS));
            }
        }
    }
    Ok(zerossl)
}

fn parse_lifetime(d: &mut Dispenser) -> Result<Duration> {
    let text = expect_only_arg(d)?;
    let lifetime = Duration::parse(&text)
        .map_err(|error| d.err(format!("invalid lifetime {text}: {error}")))?;
    if lifetime.0 < 0 {
        return Err(d.err(format!("lifetime must be >= 0: {lifetime}")).into());
    }
    Ok(lifetime)
}

fn parse_port(d: &mut Dispenser) -> Result<i64> {
    let text = expect_arg(d)?;
    integer(&text).map_err(|error| d.err(format!("invalid port {text}: {error}")).into())
}
