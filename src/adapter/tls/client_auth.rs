//! `client_auth` of the directive `tls`: which certificates clients must show.

use crate::adapter::ca_pool;
use crate::adapter::error::{Error, Result};
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, not_registered, unknown};
use crate::config::tls::ca_pool::{CaPool, InlinePool};
use crate::config::tls::client_auth::{
    ClientAuthentication, LeafFiles, LeafFolders, LeafLoader, LeafPem, LeafVerifier, Verifier,
};
use caddyfile_parser::{Dispenser, LoadError};

const WORDS: [&str; 7] = [
    "mode",
    "trusted_ca_cert",
    "trusted_ca_cert_file",
    "trusted_leaf_cert",
    "trusted_leaf_cert_file",
    "trust_pool",
    "verifier",
];

/// How PEM encloses a certificate.
const BEGIN: &str = "-----BEGIN ";
const CERTIFICATE: &str = "CERTIFICATE";

/// Reads the segment that `d` is on:
///
/// ```caddyfile
/// client_auth {
///     mode request | require | verify_if_given | require_and_verify
///     trust_pool POOL …
///     trusted_leaf_cert BASE64
///     trusted_leaf_cert_file FILE
///     trusted_ca_cert BASE64
///     trusted_ca_cert_file FILE
///     verifier VERIFIER …
/// }
/// ```
pub(in crate::adapter) fn parse(
    d: &mut Dispenser,
    scope: &Scope<'_>,
) -> Result<ClientAuthentication> {
    let mut d = d.new_from_next_segment();
    while d.next_arg() {}
    let mut auth = ClientAuthentication::default();
    let nesting = d.nesting();
    while d.next_block(nesting) {
        parse_word(&mut d, scope, &mut auth)?;
    }
    if !auth.trusted_ca_certs.is_empty() {
        let trusted_ca_certs = std::mem::take(&mut auth.trusted_ca_certs);
        auth.ca = Some(CaPool::Inline(InlinePool { trusted_ca_certs }));
    }
    Ok(auth)
}

fn parse_word(d: &mut Dispenser, scope: &Scope<'_>, auth: &mut ClientAuthentication) -> Result<()> {
    let word = d.val().to_owned();
    let both = "cannot specify both 'trust_pool' and 'trusted_ca_cert' or 'trusted_ca_cert_file'";
    match word.as_str() {
        "mode" => {
            if d.count_remaining_args() > 1 {
                return Err(d.arg_err().into());
            }
            auth.mode = expect_arg(d)?;
        }
        "trusted_ca_cert" | "trusted_ca_cert_file" => {
            let text = "field is deprecated. Use the 'trust_pool' field instead.";
            scope.shared.warnings.push("", format!("The '{word}' {text}"));
            if auth.ca.is_some() {
                return Err(d.err(both).into());
            }
            let arg = expect_arg(d)?;
            if word == "trusted_ca_cert" {
                auth.trusted_ca_certs.push(arg);
            } else {
                auth.trusted_ca_certs.extend(read_certificates(d, scope, &arg)?);
            }
        }
        "trusted_leaf_cert" => auth.trusted_leaf_certs.push(expect_arg(d)?),
        "trusted_leaf_cert_file" => {
            let file = expect_arg(d)?;
            auth.trusted_leaf_certs.extend(read_certificates(d, scope, &file)?);
        }
        "trust_pool" => {
            if !auth.trusted_ca_certs.is_empty() {
                return Err(d.err(both).into());
            }
            expect_arg(d)?;
            let pool = ca_pool::parse(d);
            auth.ca = Some(pool.map_err(|error| error.wrap_at(d, str::to_owned))?);
        }
        "verifier" => {
            expect_arg(d)?;
            auth.verifiers.push(parse_verifier(d)?);
        }
        other => {
            let text = format!("unknown subdirective for client_auth: {other}");
            return Err(unknown(d, text, &WORDS));
        }
    }
    Ok(())
}

/// Reads the verifier whose name is loaded, with its block.
fn parse_verifier(d: &mut Dispenser) -> Result<Verifier> {
    match d.val() {
        "leaf" => parse_leaf(&mut d.new_from_next_segment()).map(Verifier::Leaf),
        #[cfg(feature = "test-modules")]
        "dummy" => {
            drop(d.new_from_next_segment());
            Ok(Verifier::Dummy(crate::config::NoFields {}))
        }
        name => Err(not_registered(d, "tls.client_auth.verifier", name, &["leaf"])),
    }
}

/// Reads `leaf LOADER ARGUMENT …`, or loaders in a block.
fn parse_leaf(d: &mut Dispenser) -> Result<LeafVerifier> {
    d.next_arg();
    let mut leaf = LeafVerifier::default();
    if d.count_remaining_args() > 1 {
        d.next_arg();
        leaf.leaf_certs_loaders.push(parse_loader(d)?);
        return Ok(leaf);
    }
    let nesting = d.nesting();
    while d.next_block(nesting) {
        leaf.leaf_certs_loaders.push(parse_loader(d)?);
    }
    Ok(leaf)
}

/// Reads the loader whose name is loaded, with its arguments.
fn parse_loader(d: &mut Dispenser) -> Result<LeafLoader> {
    let name = d.val().to_owned();
    let new: fn(Vec<String>) -> LeafLoader = match name.as_str() {
        "file" => |files| LeafLoader::File(LeafFiles { files }),
        "folder" => |folders| LeafLoader::Folder(LeafFolders { folders }),
        "pem" => |certificates| LeafLoader::Pem(LeafPem { certificates }),
        "storage" => {
            let text = "module tls.leaf_cert_loader.storage is not a Caddyfile unmarshaler; \
                        is *caddytls.LeafStorageLoader";
            let error = d.err(text);
            return Err(d.wrap_err(error).into());
        }
        _ => {
            let error =
                not_registered(d, "tls.leaf_cert_loader", &name, &["file", "folder", "pem"]);
            return Err(error.wrap_at(d, str::to_owned));
        }
    };
    let mut segment = d.new_from_next_segment();
    segment.next_arg();
    Ok(new(segment.remaining_args()))
}

/// The certificates of a PEM file as DER in base64.
fn read_certificates(d: &Dispenser, scope: &Scope<'_>, file: &str) -> Result<Vec<String>> {
    let bytes = scope.shared.loader.read(file).map_err(|error| {
        let text = match error {
            LoadError::Open(text) | LoadError::Read(text) => text,
            LoadError::Directory => format!("read {file}: is a directory"),
        };
        Error::from(d.err(text))
    })?;
    let certificates = certificates(&String::from_utf8_lossy(&bytes));
    certificates.ok_or_else(|| d.err(format!("no CERTIFICATE pem block found in {file}")).into())
}

/// The certificates of PEM text; `None` when there is none, or something else.
fn certificates(pem: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = pem;
    while let Some(start) = rest.find(BEGIN) {
        let (label, after) = rest[start + BEGIN.len()..].split_once("-----")?;
        let end = format!("-----END {label}-----");
        let Some((body, after)) = after.split_once(&end) else { break };
        if label != CERTIFICATE {
            return None;
        }
        found.push(body.split_whitespace().collect());
        rest = after;
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pem: &str, expected: Option<&[&str]>) {
        let expected = expected.map(|list| list.iter().map(|&one| one.to_owned()).collect());
        assert_eq!(certificates(pem), expected, "{pem}");
    }

    #[test]
    fn certificates_are_found_in_pem() {
        let one = "-----BEGIN CERTIFICATE-----\nAAEC\nAwQ=\n-----END CERTIFICATE-----\n";
        check(one, Some(&["AAECAwQ="]));
        check(&format!("words\n{one}\n{one}"), Some(&["AAECAwQ=", "AAECAwQ="]));
        check("", None);
        check(&one.replace("CERTIFICATE", "PRIVATE KEY"), None);
        check("-----BEGIN CERTIFICATE-----\nAAEC", None);
    }
}
