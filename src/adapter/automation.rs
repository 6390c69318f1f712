//! How certificates are had, as far as sites and options say so: the `tls` app.
//!
//! Automatic HTTPS finds the names by itself and knows what to do with them. A policy is
//! written only where it would do something else.

use super::error::{Error, Result};
use super::options::Options;
use super::servers::{Pairing, Part};
use super::sites::Site;
use super::stable_sort::stable_sort;
use super::{address, address::Address};
use crate::config::tls::{
    Acme, Automation, AutomationPolicy, Challenge, Challenges, Internal, Issuer, Tls,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

/// The directory of ZeroSSL, which is asked when Let's Encrypt fails and there is an email.
const ZEROSSL: &str = "https://acme.zerossl.com/v2/DV90";

/// What no name in a certificate contains.
const SPECIAL: &str = "()[]{}<> \t\n\"\\!@#$%^&|;'+=";

/// Top-level names that no public authority knows.
const INTERNAL: [&str; 4] = [".localhost", ".local", ".internal", ".home.arpa"];

/// Names that the machine's Tailscale has certificates for.
const TAILSCALE: &str = ".ts.net";

/// The `tls` app; `None` when automatic HTTPS needs no help.
///
/// # Errors
///
/// When a name cannot be in a certificate, or two policies are about one name.
pub(super) fn build(
    pairings: &[Pairing],
    sites: &[Site],
    options: &Options,
) -> Result<Option<Tls>> {
    let mut policies = Vec::new();
    for pairing in pairings {
        if address::any_port_other_than(&pairing.listen, options.http_port()) {
            for part in &pairing.parts {
                add_site(&mut policies, part, sites, options)?;
            }
        }
    }
    let automate = hosts_beside_all(pairings, sites, options);
    let internal: Vec<String> = automate.iter().filter(|host| !is_public(host)).cloned().collect();
    if !internal.is_empty() {
        policies.push(internal_policy(internal));
    }
    if !options.email.is_empty() {
        for policy in &mut policies {
            let is_public = policy.subjects.iter().all(|name| is_public(name));
            if policy.issuers.is_empty() && is_public {
                policy.issuers = public_issuers(options);
            }
        }
    }
    let policies = consolidate(policies);
    refuse_ambiguity(&policies, sites)?;
    let mut certificates = BTreeMap::new();
    if !automate.is_empty() {
        certificates.insert("automate".to_owned(), automate.into_iter().collect());
    }
    let automation = (!policies.is_empty()).then_some(Automation { policies });
    let tls = Tls { certificates, automation };
    Ok((tls != Tls::default()).then_some(tls))
}

/// Adds the policies of a site, unless it is served over plain HTTP only.
fn add_site(
    policies: &mut Vec<AutomationPolicy>,
    part: &Part,
    sites: &[Site],
    options: &Options,
) -> Result<()> {
    if part.addresses(sites).all(|address| address.scheme == "http") {
        return Ok(());
    }
    let mut public = Vec::new();
    let mut internal = Vec::new();
    for name in https_hosts(part, sites, options) {
        if !name.ends_with(TAILSCALE) && !qualifies(&name) {
            let error = Error::new(format!("subject does not qualify for certificate: '{name}'"));
            let mut keys = part.keys(sites).zip(part.addresses(sites));
            let key = keys.find(|(_, address)| address.host == name);
            return Err(key.map_or(error.clone(), |(key, _)| error.at(key)));
        }
        if is_public(&name) || name.ends_with(TAILSCALE) {
            public.push(name);
        } else {
            internal.push(name);
        }
    }
    let is_mixed = public.iter().any(|name| is_public(name)) && !internal.is_empty();
    if is_mixed {
        public.retain(|name| is_public(name));
        policies.push(AutomationPolicy { subjects: public, issuers: Vec::new() });
        policies.push(internal_policy(internal));
    } else {
        public.extend(internal);
        public.sort();
        policies.push(AutomationPolicy { subjects: public, issuers: Vec::new() });
    }
    Ok(())
}

/// The hosts of a site that are served over HTTPS.
fn https_hosts(part: &Part, sites: &[Site], options: &Options) -> BTreeSet<String> {
    let hosts = part.addresses(sites).filter(|address| !address.host.is_empty());
    let hosts = hosts.filter(|address| is_https(address, options));
    hosts.map(|address| address.host.clone()).collect()
}

/// Hosts that share a site with a key for all hosts: no route names them.
fn hosts_beside_all(pairings: &[Pairing], sites: &[Site], options: &Options) -> BTreeSet<String> {
    let kinds = ["off", "disable_certs"];
    if options.auto_https.iter().any(|kind| kinds.contains(&kind.as_str())) {
        return BTreeSet::new();
    }
    let parts = pairings.iter().flat_map(|pairing| &pairing.parts);
    let parts = parts.filter(|part| part.has_all_hosts(sites));
    let addresses = parts.flat_map(|part| part.addresses(sites));
    let hosts = addresses.filter(|address| !address.host.is_empty() && is_https(address, options));
    hosts.map(|address| address.host.clone()).collect()
}

fn is_https(address: &Address, options: &Options) -> bool {
    address.scheme != "http" && address.port != options.http_port().to_string()
}

fn internal_policy(subjects: Vec<String>) -> AutomationPolicy {
    AutomationPolicy { subjects, issuers: vec![Issuer::Internal(Internal::default())] }
}

/// The authorities for public names, told what the options say.
fn public_issuers(options: &Options) -> Vec<Issuer> {
    let alternate = |port: i64| {
        let alternate_port = u16::try_from(port).unwrap_or_default();
        (alternate_port != 0).then_some(Challenge { alternate_port })
    };
    let (http_port, https_port) = options.ports();
    let bind_host = options.default_bind.first().and_then(|bind| bind.addresses.first());
    let challenges = Challenges {
        http: alternate(http_port),
        tls_alpn: alternate(https_port),
        bind_host: bind_host.cloned().unwrap_or_default(),
    };
    let challenges = (challenges != Challenges::default()).then_some(challenges);
    let issuer = |ca: &str| {
        let (ca, email) = (ca.to_owned(), options.email.clone());
        Issuer::Acme(Acme { ca, email, challenges: challenges.clone() })
    };
    vec![issuer(""), issuer(ZEROSSL)]
}

/// Drops policies that say nothing, and merges those that say the same.
fn consolidate(mut policies: Vec<AutomationPolicy>) -> Vec<AutomationPolicy> {
    stable_sort(&mut policies, |a, b| {
        if is_subset(a, b) {
            true
        } else if is_subset(b, a) {
            false
        } else {
            a.subjects.len() > b.subjects.len()
        }
    });
    let is_empty = |policy: &AutomationPolicy| policy.issuers.is_empty();
    if policies.iter().all(is_empty) {
        return Vec::new();
    }
    // What says nothing is needed only where it hides something that says more.
    let mut index = 0;
    while index < policies.len() {
        let hidden = hidden_by(index, &policies);
        let is_last = index + 1 == policies.len();
        if is_empty(&policies[index]) && (is_last || hidden.is_some_and(is_empty)) {
            policies.remove(index);
        } else {
            index += 1;
        }
    }
    let mut index = 0;
    while index < policies.len() {
        index += usize::from(!merge_into(index, &mut policies));
    }
    policies
}

/// Merges the policies behind the one at `index` that say the same into it. True when one
/// for all names has taken its place instead.
fn merge_into(index: usize, policies: &mut Vec<AutomationPolicy>) -> bool {
    let mut other = index + 1;
    while other < policies.len() {
        if !have_same_issuers(&policies[index], &policies[other]) {
            other += 1;
        } else if policies[other].subjects.is_empty() && !policies[index].subjects.is_empty() {
            // Unless another one between them is for some of the names, too.
            if hidden_by(index, policies) == Some(&policies[other]) {
                policies.remove(index);
                return true;
            }
            other += 1;
        } else {
            let merged = policies.remove(other);
            let subjects = &mut policies[index].subjects;
            let new = merged.subjects.into_iter().filter(|name| !subjects.contains(name));
            let new: Vec<String> = new.collect();
            subjects.extend(new);
        }
    }
    false
}

/// Who signs when nothing says so.
#[derive(PartialEq)]
enum Implicit {
    Anyone,
    PublicAuthorities,
    OurOwn,
    Both,
}

/// Whether certificates of two policies come from the same authorities.
fn have_same_issuers(a: &AutomationPolicy, b: &AutomationPolicy) -> bool {
    let is_our_own = |policy: &AutomationPolicy| match policy.issuers.as_slice() {
        [] => implicit(policy) == Implicit::OurOwn,
        [Issuer::Internal(internal)] => *internal == Internal::default(),
        _ => false,
    };
    if a.issuers != b.issuers {
        return is_our_own(a) && is_our_own(b);
    }
    let (of_a, of_b) = (implicit(a), implicit(b));
    !a.issuers.is_empty() || of_a == of_b || of_a == Implicit::Anyone || of_b == Implicit::Anyone
}

fn implicit(policy: &AutomationPolicy) -> Implicit {
    let public = policy.subjects.iter().filter(|name| is_public(name)).count();
    match (policy.subjects.len(), public) {
        (0, _) => Implicit::Anyone,
        (_, 0) => Implicit::OurOwn,
        (all, public) if all == public => Implicit::PublicAuthorities,
        _ => Implicit::Both,
    }
}

/// The first policy behind the one at `index` that is for all of its names.
fn hidden_by(index: usize, policies: &[AutomationPolicy]) -> Option<&AutomationPolicy> {
    policies[index + 1..].iter().find(|other| is_subset(&policies[index], other))
}

/// Whether each name of `a` is covered by a name of `b`, which is for fewer than all.
fn is_subset(a: &AutomationPolicy, b: &AutomationPolicy) -> bool {
    if b.subjects.is_empty() {
        return true;
    }
    if a.subjects.is_empty() {
        return false;
    }
    a.subjects.iter().all(|name| b.subjects.iter().any(|other| covers(other, name)))
}

/// Whether a name, in which the first label may be `*`, stands for another.
fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) if pattern != name => {
            name.split_once('.').is_some_and(|(_, parent)| parent == rest)
        }
        _ => pattern == name,
    }
}

fn refuse_ambiguity(policies: &[AutomationPolicy], sites: &[Site]) -> Result<()> {
    let mut seen = HashSet::new();
    for name in policies.iter().flat_map(|policy| &policy.subjects) {
        if !seen.insert(name) {
            let error = Error::new(format!(
                "hostname appears in more than one automation policy, \
                 making certificate management ambiguous: {name}"
            ));
            let mut keys = sites.iter().flat_map(|site| site.keys.iter().zip(&site.addresses));
            let last = keys.rfind(|(_, address)| address.host == *name);
            return Err(last.into_iter().fold(error, |error, (key, _)| error.at(key)));
        }
    }
    Ok(())
}

/// Whether a name can be in a certificate.
fn qualifies(name: &str) -> bool {
    !name.trim().is_empty()
        && !name.starts_with('.')
        && !name.ends_with('.')
        && (!name.contains('*') || name.starts_with("*.") || name == "*")
        && !name.contains(|c| SPECIAL.contains(c))
}

/// Whether a public authority may sign for a name.
fn is_public(name: &str) -> bool {
    let is_internal = name == "localhost" || INTERNAL.iter().any(|end| name.ends_with(end));
    let is_ip = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    !is_internal && !is_ip && !name.ends_with(TAILSCALE) && name.matches("*.").count() < 2
}
