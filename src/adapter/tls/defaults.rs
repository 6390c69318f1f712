//! What global options say about issuers that say nothing themselves.

use crate::adapter::options::{Options, TlsOptions};
use crate::config::tls::challenges::{Challenge, Challenges, DnsChallenge};
use crate::config::tls::issuers::{Acme, Issuer};

/// The directory of ZeroSSL, which is asked when Let's Encrypt fails and there is an email.
const ZEROSSL: &str = "https://acme.zerossl.com/v2/DV90";

/// The authorities that are asked when nobody names one.
pub(super) fn default_issuers(email: &str) -> Vec<Acme> {
    let mut issuers = vec![Acme::default()];
    if !email.trim().is_empty() {
        let (ca, email) = (ZEROSSL.to_owned(), email.to_owned());
        issuers.push(Acme { ca, email, ..Acme::default() });
    }
    issuers
}

/// The issuers of a site that only says something about the usual ones, as `tls EMAIL`
/// does: each ACME issuer of the option `cert_issuer`, or the usual ones, with what the
/// site says written over it.
pub(in crate::adapter) fn implicit_issuers(site: &Acme, options: &TlsOptions) -> Vec<Issuer> {
    let templates = options.cert_issuers.iter().filter_map(|issuer| match issuer {
        Issuer::Acme(acme) => Some(Acme::clone(acme)),
        Issuer::Internal(_) | Issuer::Zerossl(_) => None,
    });
    let mut templates: Vec<Acme> = templates.collect();
    if templates.is_empty() {
        templates =
            if site.ca.is_empty() { default_issuers(&site.email) } else { vec![Acme::default()] };
    }
    let issuer = |template| Issuer::Acme(Box::new(overlay(template, site)));
    templates.into_iter().map(issuer).collect()
}

/// Whether an option is set that issuers are filled in with.
pub(super) fn has_defaults(options: &TlsOptions) -> bool {
    options.email.is_some() || has_policy_defaults(options)
}

/// The same without the email, which alone is no reason for a policy for all names.
pub(super) fn has_policy_defaults(options: &TlsOptions) -> bool {
    options.acme_ca.is_some()
        || options.acme_ca_root.is_some()
        || options.acme_dns.is_some()
        || options.acme_eab.is_some()
        || options.preferred_chains.is_some()
}

/// Fills an issuer in with what the options say.
///
/// # Errors
///
/// When proofs by DNS are wanted and nobody is named who writes the records.
pub(super) fn fill(acme: &mut Acme, options: &Options) -> Result<(), String> {
    let tls = &options.tls;
    if let Some(email) = &tls.email
        && acme.email.is_empty()
    {
        acme.email.clone_from(email);
    }
    if let Some(ca) = &tls.acme_ca
        && acme.ca.is_empty()
    {
        acme.ca.clone_from(ca);
    }
    acme.trusted_roots_pem_files = union(&acme.trusted_roots_pem_files, &tls.acme_ca_root);
    fill_dns(acme, tls)?;
    acme.external_account = acme.external_account.take().or_else(|| tls.acme_eab.clone());
    acme.preferred_chains = acme.preferred_chains.take().or_else(|| tls.preferred_chains.clone());
    let by_dns = acme.challenges.as_ref().is_some_and(|challenges| challenges.dns.is_some());
    if !by_dns {
        fill_ports(acme, options);
        fill_bind_host(acme, options);
    }
    if let Some(lifetime) = tls.cert_lifetime
        && acme.certificate_lifetime.0 == 0
    {
        acme.certificate_lifetime = lifetime;
    }
    if let Some(Challenges { dns: Some(dns), .. }) = &mut acme.challenges
        && (tls.acme_dns.is_some() || dns.provider.is_some())
        && dns.resolvers.is_empty()
    {
        dns.resolvers.clone_from(&tls.resolvers);
    }
    Ok(())
}

fn fill_dns(acme: &mut Acme, options: &TlsOptions) -> Result<(), String> {
    let Some(provider) = &options.acme_dns else { return Ok(()) };
    let by_dns = acme.challenges.as_ref().and_then(|challenges| challenges.dns.as_ref());
    if by_dns.is_some_and(|dns| dns.provider.is_some()) {
        return Ok(());
    }
    if provider.is_none() && options.dns.is_none() {
        return Err("acme_dns specified without DNS provider config, but no provider specified \
                    with 'dns' global option"
            .to_owned());
    }
    let dns = acme.challenges.get_or_insert_default().dns.get_or_insert_default();
    dns.provider.clone_from(provider);
    Ok(())
}

/// Other ports than the usual ones, for proofs over HTTP and TLS.
fn fill_ports(acme: &mut Acme, options: &Options) {
    let fill = |challenge: &mut Option<Challenge>, port: Option<i64>| {
        if let Some(port) = port
            && challenge.as_ref().is_none_or(|challenge| challenge.alternate_port == 0)
        {
            challenge.get_or_insert_default().alternate_port = port;
        }
    };
    let (http_port, https_port) = options.given_ports();
    if http_port.is_some() || https_port.is_some() {
        let challenges = acme.challenges.get_or_insert_default();
        fill(&mut challenges.http, http_port);
        fill(&mut challenges.tls_alpn, https_port);
    }
}

/// Where proofs are given, when sites listen at some addresses only.
fn fill_bind_host(acme: &mut Acme, options: &Options) {
    let bind = options.default_bind.first().and_then(|bind| bind.addresses.first());
    if let Some(host) = bind
        && acme.challenges.as_ref().is_none_or(|challenges| challenges.bind_host.is_empty())
    {
        acme.challenges.get_or_insert_default().bind_host.clone_from(host);
    }
}

/// One issuer with all that another says written over it.
fn overlay(below: Acme, above: &Acme) -> Acme {
    let text = |below: String, above: &str| {
        if above.is_empty() { below } else { above.to_owned() }
    };
    Acme {
        ca: text(below.ca, &above.ca),
        test_ca: text(below.test_ca, &above.test_ca),
        email: text(below.email, &above.email),
        profile: text(below.profile, &above.profile),
        account_key: text(below.account_key, &above.account_key),
        external_account: above.external_account.clone().or(below.external_account),
        acme_timeout: non_zero(below.acme_timeout, above.acme_timeout),
        challenges: overlay_challenges(below.challenges, above.challenges.as_ref()),
        trusted_roots_pem_files: union(
            &below.trusted_roots_pem_files,
            &above.trusted_roots_pem_files,
        ),
        preferred_chains: above.preferred_chains.clone().or(below.preferred_chains),
        certificate_lifetime: non_zero(below.certificate_lifetime, above.certificate_lifetime),
        network_proxy: above.network_proxy.clone().or(below.network_proxy),
    }
}

fn overlay_challenges(below: Option<Challenges>, above: Option<&Challenges>) -> Option<Challenges> {
    let (Some(below), Some(above)) = (&below, above) else { return below.or(above.cloned()) };
    let challenge = |below: &Option<Challenge>, above: &Option<Challenge>| {
        let (Some(below), Some(above)) = (below, above) else {
            return below.clone().or(above.clone());
        };
        Some(Challenge {
            disabled: below.disabled || above.disabled,
            alternate_port: non_zero(below.alternate_port, above.alternate_port),
        })
    };
    Some(Challenges {
        http: challenge(&below.http, &above.http),
        tls_alpn: challenge(&below.tls_alpn, &above.tls_alpn),
        dns: overlay_dns(below.dns.as_ref(), above.dns.as_ref()),
        bind_host: non_zero(below.bind_host.clone(), above.bind_host.clone()),
        distributed: above.distributed.or(below.distributed),
    })
}

fn overlay_dns(below: Option<&DnsChallenge>, above: Option<&DnsChallenge>) -> Option<DnsChallenge> {
    let (Some(below), Some(above)) = (below, above) else { return below.or(above).cloned() };
    Some(DnsChallenge {
        provider: above.provider.clone().or(below.provider.clone()),
        ttl: non_zero(below.ttl, above.ttl),
        propagation_delay: non_zero(below.propagation_delay, above.propagation_delay),
        propagation_timeout: non_zero(below.propagation_timeout, above.propagation_timeout),
        resolvers: non_zero(below.resolvers.clone(), above.resolvers.clone()),
        override_domain: non_zero(below.override_domain.clone(), above.override_domain.clone()),
    })
}

/// The value above, unless it says nothing.
fn non_zero<T: Default + PartialEq>(below: T, above: T) -> T {
    if above == T::default() { below } else { above }
}

/// A list, and what of another is not in it.
fn union<'a>(list: &[String], more: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut all = list.to_vec();
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme(ca: &str, email: &str) -> Acme {
        Acme { ca: ca.to_owned(), email: email.to_owned(), ..Acme::default() }
    }

    #[track_caller]
    fn check(site: &Acme, templates: Vec<Issuer>, expected: &[Acme]) {
        let options = TlsOptions { cert_issuers: templates, ..TlsOptions::default() };
        let expected: Vec<Issuer> =
            expected.iter().cloned().map(Box::new).map(Issuer::Acme).collect();
        assert_eq!(implicit_issuers(site, &options), expected);
    }

    #[test]
    fn an_email_brings_in_zerossl() {
        check(
            &acme("", "a@b.test"),
            Vec::new(),
            &[acme("", "a@b.test"), acme(ZEROSSL, "a@b.test")],
        );
        check(&acme("", ""), Vec::new(), &[acme("", "")]);
        check(
            &acme("https://ca.test", "a@b.test"),
            Vec::new(),
            &[acme("https://ca.test", "a@b.test")],
        );
    }

    #[test]
    fn the_options_issuers_are_templates() {
        let templates = vec![
            Issuer::Internal(crate::config::tls::issuers::Internal::default()),
            Issuer::Acme(Box::new(acme("https://ca.test", "old@b.test"))),
        ];
        check(&acme("", "a@b.test"), templates, &[acme("https://ca.test", "a@b.test")]);
    }
}
