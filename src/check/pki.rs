//! The `pki` app: certificate authorities of our own.

use super::fault::{At, Checked, Fault};
use super::proxy::readable;
use crate::config::pki::{CertificateAuthority, KeyPair, Pki};

/// Checks each authority.
pub(super) fn check(pki: &Pki) -> Checked {
    pki.certificate_authorities.iter().try_for_each(|(name, authority)| {
        let words = format!("provisioning CA '{name}': ");
        let checked = authority_files(authority);
        checked
            .map_err(|fault| fault.after_outside_modules(&words))
            .field(name)
            .field("certificate_authorities")
    })
}

fn authority_files(authority: &CertificateAuthority) -> Checked {
    for (name, pair) in [("root", &authority.root), ("intermediate", &authority.intermediate)] {
        pair.as_ref().map_or(Ok(()), key_pair).field(name)?;
    }
    Ok(())
}

fn key_pair(pair: &KeyPair) -> Checked {
    if !matches!(pair.format.as_str(), "" | "pem_file") {
        return Err(Fault::new(format!("unsupported format: {}", pair.format))).field("format");
    }
    readable(&pair.certificate, "").field("certificate")?;
    if pair.private_key.is_empty() {
        return Ok(());
    }
    readable(&pair.private_key, "").field("private_key")
}

#[cfg(test)]
mod tests {
    use crate::check::testing::refused;

    #[test]
    fn files_must_be_there() {
        let root = r#"{"certificate":"/nowhere/a.crt","private_key":"/nowhere/a.key"}"#;
        let (path, message) = refused(&format!(
            r#"{{"apps":{{"pki":{{"certificate_authorities":{{"local":{{"root":{root}}}}}}}}}}}"#
        ));
        assert_eq!(path, "apps.pki.certificate_authorities.local.root.certificate");
        assert_eq!(
            message,
            "loading pki app module: provision pki: provisioning CA 'local': \
             open /nowhere/a.crt: no such file or directory"
        );
    }
}
