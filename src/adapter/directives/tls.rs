//! `tls`: where a site's certificates come from, and what its connections may use.

use crate::adapter::error::{Error, Result};
use crate::adapter::scope::{Scope, Value};
use crate::adapter::tls::{
    TlsSettings, client_auth, dns, implicit_issuers, issuers, managers, parse_dns_duration,
    parse_dns_timeout,
};
use crate::adapter::values::{expect_arg, expect_args, expect_no_arg, parse_ratio, unknown};
use crate::config::tls::ConnectionPolicy;
use crate::config::tls::certificates::FilePair;
use crate::config::tls::challenges::DnsChallenge;
use crate::config::tls::connection_policy::CertificateSelection;
use crate::config::tls::issuers::{Acme, ExternalAccount, Internal, Issuer};
use caddyfile_parser::Dispenser;

const PROTOCOLS: [&str; 2] = ["tls1.2", "tls1.3"];
const CURVES: [&str; 5] = ["x25519mlkem768", "x25519", "secp256r1", "secp384r1", "secp521r1"];

/// The cipher suites that are still safe, by Go's names.
const CIPHERS: [&str; 13] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
];

const WORDS: [&str; 22] = [
    "protocols",
    "ciphers",
    "curves",
    "client_auth",
    "alpn",
    "load",
    "ca",
    "ca_root",
    "key_type",
    "eab",
    "issuer",
    "get_certificate",
    "dns",
    "resolvers",
    "propagation_delay",
    "propagation_timeout",
    "dns_ttl",
    "dns_challenge_override_domain",
    "on_demand",
    "reuse_private_keys",
    "insecure_secrets_log",
    "renewal_window_ratio",
];

/// What one use says so far.
#[derive(Default)]
struct Reading {
    settings: TlsSettings,
    /// What is said about the usual authorities.
    acme: Option<Acme>,
    internal: Option<Internal>,
    /// The words about proofs by DNS that need a provider.
    dns_words: Vec<&'static str>,
}

/// Reads
///
/// ```caddyfile
/// tls [EMAIL | internal | force_automate | CERTIFICATE KEY] {
///     protocols MIN [MAX]
///     ciphers NAME …
///     curves NAME …
///     client_auth { … }
///     alpn NAME …
///     load FOLDER …
///     ca URL
///     ca_root FILE
///     key_type ed25519 | p256 | p384 | rsa2048 | rsa4096
///     dns [PROVIDER …]
///     propagation_delay DURATION
///     propagation_timeout DURATION | -1
///     resolvers ADDRESS …
///     dns_ttl DURATION
///     dns_challenge_override_domain DOMAIN
///     on_demand
///     reuse_private_keys
///     eab KEY_ID MAC_KEY
///     issuer ISSUER …
///     get_certificate MANAGER …
///     insecure_secrets_log FILE
///     renewal_window_ratio RATIO
/// }
/// ```
///
/// `issuer` and `get_certificate` may stand several times. An `issuer` excludes all that
/// says something about the usual ones; those exclude `internal`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let mut reading = Reading::default();
    let args = d.remaining_args();
    parse_args(d, &args, scope, &mut reading)?;
    let mut has_block = false;
    while d.next_block(0) {
        has_block = true;
        parse_word(d, scope, &mut reading)?;
    }
    refuse_dns_without_provider(d, scope, &reading)?;
    if args.is_empty() && !has_block {
        return Err(d.arg_err().into());
    }
    let Reading { mut settings, acme, internal, .. } = reading;
    if !settings.issuers.is_empty() && (acme.is_some() || internal.is_some()) {
        let text = "cannot mix issuer subdirective (explicit issuers) with other \
                    issuer-specific subdirectives (implicit issuers)";
        return Err(d.err(text).into());
    }
    match (acme, internal) {
        (Some(_), Some(_)) => {
            let text = "cannot create both ACME and internal certificate issuers";
            return Err(d.err(text).into());
        }
        (Some(acme), None) => settings.issuers = implicit_issuers(&acme, scope.shared.tls),
        (None, Some(internal)) => settings.issuers = vec![Issuer::Internal(internal)],
        (None, None) => {}
    }
    Ok(vec![Value::Tls(Box::new(settings))])
}

/// Reads the arguments on the first line.
fn parse_args(
    d: &Dispenser,
    args: &[String],
    scope: &Scope<'_>,
    reading: &mut Reading,
) -> Result<()> {
    match args {
        [] => {}
        [word] if word == "internal" => reading.internal = Some(Internal::default()),
        [word] if word == "force_automate" => reading.settings.force_automate = true,
        [email] if email.contains('@') => {
            reading.acme = Some(Acme { email: email.clone(), ..Acme::default() });
        }
        [_] => {
            let text = "single argument must either be 'internal', 'force_automate', or an \
                        email address";
            return Err(unknown(d, text.to_owned(), &["internal", "force_automate"]));
        }
        [certificate, key] => {
            let (tag, is_new) = scope.shared.certificate_tags.tag(certificate);
            if is_new {
                reading.settings.files.push(FilePair {
                    certificate: certificate.clone(),
                    key: key.clone(),
                    format: String::new(),
                    tags: vec![tag.clone()],
                });
            }
            reading.settings.policy.certificate_selection =
                Some(CertificateSelection { any_tag: vec![tag], ..Default::default() });
        }
        _ => return Err(d.arg_err().into()),
    }
    Ok(())
}

/// Reads the line whose first word is loaded.
fn parse_word(d: &mut Dispenser, scope: &Scope<'_>, reading: &mut Reading) -> Result<()> {
    let word = d.val().to_owned();
    let settings = &mut reading.settings;
    match word.as_str() {
        "client_auth" => {
            settings.policy.client_authentication = Some(client_auth::parse(d, scope)?);
        }
        "load" => settings.folders.extend(d.remaining_args()),
        "key_type" => {
            // An empty word says nothing.
            settings.key_type = Some(expect_one(d)?).filter(|key_type| !key_type.is_empty());
        }
        "issuer" => {
            expect_arg(d)?;
            settings.issuers.push(issuers::parse(d)?);
        }
        "get_certificate" => {
            expect_arg(d)?;
            settings.managers.push(managers::parse(d)?);
        }
        "on_demand" => {
            expect_no_arg(d)?;
            settings.on_demand = true;
        }
        "reuse_private_keys" => {
            expect_no_arg(d)?;
            settings.reuse_private_keys = true;
        }
        "renewal_window_ratio" => {
            let text = expect_one(d)?;
            settings.renewal_window_ratio = Some(parse_ratio(d, &text)?);
        }
        "protocols" | "ciphers" | "curves" | "alpn" | "insecure_secrets_log" => {
            parse_policy_word(d, &word, &mut settings.policy)?;
        }
        _ => parse_acme_word(d, &word, scope, reading)?,
    }
    Ok(())
}

/// Reads the rest of a line about connections.
fn parse_policy_word(d: &mut Dispenser, word: &str, policy: &mut ConnectionPolicy) -> Result<()> {
    match word {
        "protocols" => parse_protocols(d, policy)?,
        "ciphers" => {
            let what = "wrong cipher suite name or cipher suite not supported";
            parse_names(d, what, &CIPHERS, &mut policy.cipher_suites)?;
        }
        "curves" => {
            let what = "Wrong curve name or curve not supported";
            parse_names(d, what, &CURVES, &mut policy.curves)?;
        }
        "alpn" => policy.alpn = expect_args(d)?,
        _ => policy.insecure_secrets_log = expect_arg(d)?,
    }
    Ok(())
}

fn parse_protocols(d: &mut Dispenser, policy: &mut ConnectionPolicy) -> Result<()> {
    let args = d.remaining_args();
    if args.is_empty() {
        return Err(d.err("protocols requires one or two arguments").into());
    }
    for (arg, protocol) in args.iter().zip([&mut policy.protocol_min, &mut policy.protocol_max]) {
        if !PROTOCOLS.contains(&arg.as_str()) {
            let text = format!("wrong protocol name or protocol not supported: '{arg}'");
            return Err(unknown(d, text, &PROTOCOLS));
        }
        protocol.clone_from(arg);
    }
    Ok(())
}

fn parse_names(
    d: &mut Dispenser,
    what: &str,
    known: &[&str],
    names: &mut Vec<String>,
) -> Result<()> {
    while d.next_arg() {
        if !known.contains(&d.val()) {
            return Err(unknown(d, format!("{what}: '{}'", d.val()), known));
        }
        names.push(d.val().to_owned());
    }
    Ok(())
}

/// Reads the rest of a line about the usual authorities.
fn parse_acme_word(
    d: &mut Dispenser,
    word: &str,
    scope: &Scope<'_>,
    reading: &mut Reading,
) -> Result<()> {
    match word {
        "ca" => {
            let url = expect_one(d)?;
            reading.acme.get_or_insert_default().ca = url;
        }
        "ca_root" => {
            let file = expect_one(d)?;
            reading.acme.get_or_insert_default().trusted_roots_pem_files.push(file);
        }
        "eab" => {
            let args: [String; 2] = d.remaining_args().try_into().map_err(|_| d.arg_err())?;
            let [key_id, mac_key] = args;
            let account = ExternalAccount { key_id, mac_key };
            reading.acme.get_or_insert_default().external_account = Some(account);
        }
        "dns" => {
            let challenge = dns_challenge(reading);
            if d.next_arg() {
                challenge.provider = Some(dns::parse(d)?);
            } else if scope.shared.tls.dns.is_none() {
                return Err(d.arg_err().into());
            }
        }
        _ => parse_dns_word(d, word, reading)?,
    }
    Ok(())
}

/// Reads the rest of a line about proofs by DNS that needs a provider.
fn parse_dns_word(d: &mut Dispenser, word: &str, reading: &mut Reading) -> Result<()> {
    let known: &'static str = match word {
        "resolvers" => {
            let resolvers = expect_args(d)?;
            dns_challenge(reading).resolvers = resolvers;
            "resolvers"
        }
        "propagation_delay" => {
            let text = expect_one(d)?;
            dns_challenge(reading).propagation_delay = parse_dns_duration(d, word, &text)?;
            "propagation_delay"
        }
        "propagation_timeout" => {
            let text = expect_one(d)?;
            dns_challenge(reading).propagation_timeout = parse_dns_timeout(d, &text)?;
            "propagation_timeout"
        }
        "dns_ttl" => {
            let text = expect_one(d)?;
            dns_challenge(reading).ttl = parse_dns_duration(d, word, &text)?;
            "dns_ttl"
        }
        "dns_challenge_override_domain" => {
            let domain = expect_one(d)?;
            dns_challenge(reading).override_domain = domain;
            "dns_challenge_override_domain"
        }
        _ => return Err(unknown(d, format!("unknown subdirective: {word}"), &WORDS)),
    };
    reading.dns_words.push(known);
    Ok(())
}

fn dns_challenge(reading: &mut Reading) -> &mut DnsChallenge {
    let challenges = reading.acme.get_or_insert_default().challenges.get_or_insert_default();
    challenges.dns.get_or_insert_default()
}

/// Refuses settings of proofs by DNS where nobody is named who writes the records.
fn refuse_dns_without_provider(d: &Dispenser, scope: &Scope<'_>, reading: &Reading) -> Result<()> {
    let options = scope.shared.tls;
    let challenges = reading.acme.as_ref().and_then(|acme| acme.challenges.as_ref());
    let own = challenges.and_then(|challenges| challenges.dns.as_ref());
    let has_provider = own.is_some_and(|dns| dns.provider.is_some())
        || options.dns.is_some()
        || options.acme_dns.as_ref().is_some_and(Option::is_some);
    if reading.dns_words.is_empty() || has_provider {
        return Ok(());
    }
    let words = reading.dns_words.join(", ");
    Err(Error::from(d.err(format!(
        "setting DNS challenge options [{words}] requires a DNS provider (set with the 'dns' \
         subdirective or 'acme_dns' global option)"
    ))))
}

/// The only argument on this line; an error lies at the last one.
fn expect_one(d: &mut Dispenser) -> Result<String> {
    let args: [String; 1] = d.remaining_args().try_into().map_err(|_| d.arg_err())?;
    let [arg] = args;
    Ok(arg)
}
