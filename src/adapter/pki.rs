//! The `pki` app: the authorities that the options and sites name.

use super::options::{DEFAULT_AUTHORITY, Options};
use super::servers::Pairing;
use super::sites::Site;
use crate::config::pki::{CertificateAuthority, Pki};
use crate::config::tls::issuers::Issuer;

/// The `pki` app; `None` when nothing is said about authorities.
pub(super) fn build(pairings: &[Pairing], sites: &[Site], options: &Options) -> Option<Pki> {
    let install_trust = options.tls.skip_install_trust.then_some(false);
    let new = || CertificateAuthority { install_trust, ..CertificateAuthority::default() };
    let mut authorities = options.tls.pki.certificate_authorities.clone();
    for authority in authorities.values_mut() {
        authority.install_trust = install_trust;
    }
    let parts = || pairings.iter().flat_map(|pairing| &pairing.parts).map(|part| &sites[part.site]);
    for name in parts().flat_map(|site| &site.authorities) {
        authorities.entry(name.clone()).or_insert_with(new);
    }
    if options.tls.skip_install_trust {
        // Without automatic HTTPS nothing is signed by the local authority.
        if authorities.is_empty() && !options.is_auto_https_off() {
            authorities.insert(DEFAULT_AUTHORITY.to_owned(), new());
        }
        // Unless a site says so.
        let issuers = parts().flat_map(|site| &site.tls).flat_map(|tls| &tls.issuers);
        for issuer in issuers {
            let Issuer::Internal(internal) = issuer else { continue };
            let name = if internal.ca.is_empty() { DEFAULT_AUTHORITY } else { &internal.ca };
            authorities.entry(name.to_owned()).or_insert_with(new);
        }
    }
    (!authorities.is_empty()).then_some(Pki { certificate_authorities: authorities })
}
