//! Options about certificates; words that only set a field stand here.

use super::{Options, Parse, acme_eab, ech, on_demand_tls, parse_duration, parse_word, pki};
use crate::adapter::error::{Error, Result};
use crate::adapter::tls::{dns, issuers, parse_chains};
use crate::adapter::values::{expect_args, expect_only_arg, parse_ratio, unknown};
use crate::config::duration::Duration;
use crate::config::pki::Pki;
use crate::config::tls::automation::OnDemand;
use crate::config::tls::dns::DnsProvider;
use crate::config::tls::ech::EncryptedClientHello;
use crate::config::tls::issuers::{ChainPreference, ExternalAccount, Issuer};
use caddyfile_parser::Dispenser;

/// What the global options say about certificates.
#[derive(Clone, Debug, Default)]
pub(in crate::adapter) struct TlsOptions {
    pub(in crate::adapter) acme_ca: Option<String>,
    pub(in crate::adapter) acme_ca_root: Option<String>,
    /// Who writes records of DNS for proofs; the inner option is `None` when that is the
    /// provider of the option `dns`.
    pub(in crate::adapter) acme_dns: Option<Option<DnsProvider>>,
    pub(in crate::adapter) acme_eab: Option<ExternalAccount>,
    pub(in crate::adapter) automate_names: Vec<String>,
    pub(in crate::adapter) cert_issuers: Vec<Issuer>,
    pub(in crate::adapter) cert_lifetime: Option<Duration>,
    pub(in crate::adapter) default_sni: Option<String>,
    pub(in crate::adapter) dns: Option<DnsProvider>,
    pub(in crate::adapter) ech: Option<EncryptedClientHello>,
    pub(in crate::adapter) email: Option<String>,
    pub(in crate::adapter) fallback_sni: Option<String>,
    pub(in crate::adapter) key_type: Option<String>,
    pub(in crate::adapter) local_certs: bool,
    pub(in crate::adapter) ocsp_interval: Duration,
    pub(in crate::adapter) ocsp_stapling_off: bool,
    pub(in crate::adapter) on_demand: Option<OnDemand>,
    pub(in crate::adapter) pki: Pki,
    pub(in crate::adapter) preferred_chains: Option<ChainPreference>,
    pub(in crate::adapter) renew_interval: Duration,
    pub(in crate::adapter) renewal_window_ratio: Option<f64>,
    pub(in crate::adapter) resolvers: Vec<String>,
    pub(in crate::adapter) skip_install_trust: bool,
    pub(in crate::adapter) storage_check_off: bool,
    pub(in crate::adapter) storage_clean: Option<StorageClean>,
}

/// How often old certificates are removed from the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::adapter) enum StorageClean {
    Never,
    Every(Duration),
}

/// The options about certificates.
pub(super) const TABLE: &[(&str, Parse)] = &[
    ("acme_ca", |d, options| set(d, &mut options.tls.acme_ca)),
    ("acme_ca_root", |d, options| set(d, &mut options.tls.acme_ca_root)),
    ("acme_dns", |d, options| {
        d.next();
        options.tls.acme_dns = Some(if d.next() { Some(dns::parse(d)?) } else { None });
        Ok(())
    }),
    ("acme_eab", acme_eab::parse),
    ("cert_issuer", |d, options| {
        d.next();
        expect_next(d)?;
        options.tls.cert_issuers.push(issuers::parse(d)?);
        Ok(())
    }),
    ("cert_lifetime", |d, options| {
        options.tls.cert_lifetime = Some(parse_duration(d)?);
        Ok(())
    }),
    ("default_sni", |d, options| set(d, &mut options.tls.default_sni)),
    ("dns", |d, options| {
        d.next();
        expect_next(d)?;
        options.tls.dns = Some(dns::parse(d)?);
        Ok(())
    }),
    ("ech", ech::parse),
    ("email", |d, options| set(d, &mut options.tls.email)),
    ("fallback_sni", |d, options| set(d, &mut options.tls.fallback_sni)),
    ("key_type", |d, options| set(d, &mut options.tls.key_type)),
    ("local_certs", |_, options| {
        options.tls.local_certs = true;
        Ok(())
    }),
    ("ocsp_interval", |d, options| {
        options.tls.ocsp_interval = parse_duration(d)?;
        Ok(())
    }),
    ("ocsp_stapling", parse_ocsp_stapling),
    ("on_demand_tls", on_demand_tls::parse),
    ("pki", pki::parse),
    ("preferred_chains", |d, options| {
        d.next();
        options.tls.preferred_chains = Some(parse_chains(d)?);
        Ok(())
    }),
    ("renew_interval", |d, options| {
        options.tls.renew_interval = parse_duration(d)?;
        Ok(())
    }),
    ("renewal_window_ratio", parse_renewal_window_ratio),
    ("skip_install_trust", |_, options| {
        options.tls.skip_install_trust = true;
        Ok(())
    }),
    ("storage_check", parse_storage_check),
    ("storage_clean_interval", parse_storage_clean_interval),
    ("tls_automate_names", |d, options| {
        d.next();
        options.tls.automate_names.extend(expect_args(d)?);
        Ok(())
    }),
    ("tls_resolvers", |d, options| {
        d.next();
        options.tls.resolvers = expect_args(d)?;
        Ok(())
    }),
];

fn set(d: &mut Dispenser, field: &mut Option<String>) -> Result<()> {
    *field = Some(parse_word(d)?);
    Ok(())
}

/// Loads the next token, which must be there, on this line or not.
fn expect_next(d: &mut Dispenser) -> Result<()> {
    if d.next() { Ok(()) } else { Err(d.arg_err().into()) }
}

/// Reads `ocsp_stapling off`.
fn parse_ocsp_stapling(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    if expect_only_arg(d)? != "off" {
        let text = format!("invalid argument '{}'", d.val());
        return Err(unknown(d, text, &["off"]));
    }
    options.tls.ocsp_stapling_off = true;
    Ok(())
}

/// Reads `renewal_window_ratio RATIO`.
fn parse_renewal_window_ratio(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    expect_next(d)?;
    let text = d.val().to_owned();
    options.tls.renewal_window_ratio = Some(parse_ratio(d, &text)?);
    if d.next() { Err(d.arg_err().into()) } else { Ok(()) }
}

/// Reads `storage_check off`.
fn parse_storage_check(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    if parse_word(d)? != "off" {
        return Err(unknown(d, "storage_check must be 'off'".to_owned(), &["off"]));
    }
    options.tls.storage_check_off = true;
    Ok(())
}

/// Reads `storage_clean_interval DURATION | off`.
fn parse_storage_clean_interval(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    let word = parse_word(d)?;
    options.tls.storage_clean = Some(if word == "off" {
        StorageClean::Never
    } else {
        let interval = Duration::parse(&word).map_err(|error| {
            let what = "failed to parse storage_clean_interval, must be a duration or 'off'";
            Error::from(d.err(format!("{what} {error}")))
        })?;
        StorageClean::Every(interval)
    });
    Ok(())
}
