//! `pki`: certificate authorities of our own.

use super::Options;
use crate::adapter::error::{Error, Result};
use crate::adapter::values::{expect_arg, expect_no_arg, unknown};
use crate::config::duration::Duration;
use crate::config::pki::{CertificateAuthority, KeyPair, Pki};
use caddyfile_parser::Dispenser;

/// The authority that is meant when none is named.
pub(in crate::adapter) const DEFAULT: &str = "local";

const WORDS: [&str; 8] = [
    "name",
    "root_cn",
    "intermediate_cn",
    "intermediate_lifetime",
    "maintenance_interval",
    "renewal_window_ratio",
    "root",
    "intermediate",
];

/// Reads
///
/// ```caddyfile
/// pki {
///     ca [NAME] {
///         name TEXT
///         root_cn TEXT
///         intermediate_cn TEXT
///         intermediate_lifetime DURATION
///         maintenance_interval DURATION
///         renewal_window_ratio RATIO
///         root {
///             cert FILE
///             key FILE
///             format pem_file
///         }
///         intermediate {
///             cert FILE
///             key FILE
///             format pem_file
///         }
///     }
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    let mut pki = Pki::default();
    while d.next_block(0) {
        if d.val() != "ca" {
            let text = format!("unrecognized pki option '{}'", d.val());
            return Err(unknown(d, text, &["ca"]));
        }
        let mut name = String::new();
        if d.next_arg() {
            d.val().clone_into(&mut name);
            expect_no_arg(d)?;
        }
        if name.is_empty() {
            DEFAULT.clone_into(&mut name);
        }
        let authority = parse_authority(d)?;
        pki.certificate_authorities.insert(name, authority);
    }
    options.tls.pki = pki;
    Ok(())
}

fn parse_authority(d: &mut Dispenser) -> Result<CertificateAuthority> {
    let mut authority = CertificateAuthority::default();
    let nesting = d.nesting();
    while d.next_block(nesting) {
        let word = d.val().to_owned();
        match word.as_str() {
            "name" => authority.name = expect_arg(d)?,
            "root_cn" => authority.root_common_name = expect_arg(d)?,
            "intermediate_cn" => authority.intermediate_common_name = expect_arg(d)?,
            "intermediate_lifetime" => authority.intermediate_lifetime = parse_duration(d)?,
            "maintenance_interval" => authority.maintenance_interval = parse_duration(d)?,
            "renewal_window_ratio" => {
                let text = expect_arg(d)?;
                let ratio = text.parse().ok().filter(|ratio| *ratio > 0.0 && *ratio <= 1.0);
                authority.renewal_window_ratio = ratio.ok_or_else(|| {
                    let what = "renewal_window_ratio must be a number in (0, 1], got";
                    d.err(format!("{what} {text}"))
                })?;
            }
            "root" => parse_key_pair(d, &word, authority.root.get_or_insert_default())?,
            "intermediate" => {
                parse_key_pair(d, &word, authority.intermediate.get_or_insert_default())?;
            }
            _ => {
                let text = format!("unrecognized pki ca option '{word}'");
                return Err(unknown(d, text, &WORDS));
            }
        }
    }
    Ok(authority)
}

fn parse_key_pair(d: &mut Dispenser, what: &str, pair: &mut KeyPair) -> Result<()> {
    let nesting = d.nesting();
    while d.next_block(nesting) {
        match d.val() {
            "cert" => pair.certificate = expect_arg(d)?,
            "key" => pair.private_key = expect_arg(d)?,
            "format" => pair.format = expect_arg(d)?,
            other => {
                let text = format!("unrecognized pki ca {what} option '{other}'");
                return Err(unknown(d, text, &["cert", "key", "format"]));
            }
        }
    }
    Ok(())
}

/// A duration on this line; Go's error stands alone.
fn parse_duration(d: &mut Dispenser) -> Result<Duration> {
    let text = expect_arg(d)?;
    Duration::parse(&text).map_err(|error| Error::blame(&d.token(), error.to_string()))
}
