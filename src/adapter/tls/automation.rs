//! How certificates are had, as far as sites and options say so: the `tls` app.
//!
//! Automatic HTTPS finds the names by itself and knows what to do with them. A policy is
//! written only where it would do something else.

use super::consolidate::{Candidate, consolidate};
use super::defaults;
use super::settings::TlsSettings;
use super::subjects::{covers, is_public, is_tailscale, qualifies, qualifies_for_public};
use crate::adapter::address::{Address, any_port_other_than};
use crate::adapter::error::{Error, Result};
use crate::adapter::options::{Options, StorageClean};
use crate::adapter::servers::{Pairing, Part};
use crate::adapter::sites::Site;
use crate::config::tls::certificates::Certificates;
use crate::config::tls::issuers::{Internal, Issuer};
use crate::config::tls::{Automation, AutomationPolicy, Tls};
use std::collections::{BTreeSet, HashSet};

/// The `tls` app; `None` when automatic HTTPS needs no help.
///
/// # Errors
///
/// When a name cannot be in a certificate, or two policies are about one name.
pub(in crate::adapter) fn build(
    pairings: &[Pairing],
    sites: &[Site],
    options: &Options,
) -> Result<Option<Tls>> {
    let mut builder = Builder::new(sites, options);
    if let Some(base) = builder.base()? {
        builder.catch_all = Some(builder.add(base));
    }
    for pairing in pairings {
        if any_port_other_than(&pairing.listen, options.http_port()) {
            for part in &pairing.parts {
                builder.add_site(part)?;
            }
        }
    }
    builder.add_public_names_of_ech()?;
    let automate = builder.names_to_automate(hosts_beside_all(pairings, sites, options))?;
    let loaders = std::mem::take(&mut builder.certificates);
    let policies = consolidate(builder.finish()?);
    refuse_ambiguity(&policies, sites)?;
    let tls = assemble(options, Certificates { automate, ..loaders }, policies);
    Ok((tls != Tls::default()).then_some(tls))
}

fn assemble(options: &Options, certificates: Certificates, policies: Vec<AutomationPolicy>) -> Tls {
    let options = &options.tls;
    let storage_clean_interval = match options.storage_clean {
        Some(StorageClean::Every(interval)) => interval,
        Some(StorageClean::Never) | None => Default::default(),
    };
    let automation = Automation {
        policies,
        on_demand: options.on_demand.clone(),
        ocsp_interval: options.ocsp_interval,
        renew_interval: options.renew_interval,
        storage_clean_interval,
    };
    Tls {
        certificates: Some(certificates).filter(|all| *all != Certificates::default()),
        automation: Some(automation).filter(|automation| *automation != Automation::default()),
        disable_ocsp_stapling: options.ocsp_stapling_off,
        disable_storage_check: options.storage_check_off,
        disable_storage_clean: options.storage_clean == Some(StorageClean::Never),
        encrypted_client_hello: options.ech.clone(),
        dns: options.dns.clone(),
        resolvers: options.resolvers.clone(),
        ..Tls::default()
    }
}

/// A policy whose issuers are not written into it yet.
struct Draft {
    policy: AutomationPolicy,
    issuers: Issuers,
}

/// Where a policy's issuers stand. Those of the options and of a site are in all policies
/// the same: where one of them is filled in, it is in the others, too.
#[derive(Clone)]
enum Issuers {
    None,
    OfOptions,
    OfSite(usize),
    Own(Vec<Issuer>),
    /// Our own authority, because the names have no other choice.
    ForcedInternal,
}

struct Builder<'a> {
    sites: &'a [Site],
    options: &'a Options,
    drafts: Vec<Draft>,
    /// The drafts in the order in which they were added; one for all names may stand here
    /// once for each site that has it.
    order: Vec<usize>,
    /// The draft for all names.
    catch_all: Option<usize>,
    issuers_of_options: Vec<Issuer>,
    issuers_of_sites: Vec<Vec<Issuer>>,
    certificates: Certificates,
    /// Names that get their own certificates although a wildcard covers them.
    forced: BTreeSet<String>,
}

impl<'a> Builder<'a> {
    fn new(sites: &'a [Site], options: &'a Options) -> Self {
        let issuers = |site: &Site| site.tls.iter().flat_map(|one| one.issuers.clone()).collect();
        Self {
            sites,
            options,
            drafts: Vec::new(),
            order: Vec::new(),
            catch_all: None,
            issuers_of_options: options.tls.cert_issuers.clone(),
            issuers_of_sites: sites.iter().map(issuers).collect(),
            certificates: Certificates::default(),
            forced: BTreeSet::new(),
        }
    }

    /// Adds a draft at the end.
    fn add(&mut self, draft: Draft) -> usize {
        self.drafts.push(draft);
        self.order.push(self.drafts.len() - 1);
        self.drafts.len() - 1
    }

    /// What the options say about all policies; `None` when that is nothing.
    fn base(&mut self) -> Result<Option<Draft>> {
        let options = &self.options.tls;
        let has_issuers = !options.cert_issuers.is_empty();
        let has_settings = has_issuers
            || options.local_certs
            || options.key_type.is_some()
            || options.ocsp_stapling_off
            || options.renewal_window_ratio.is_some();
        let has_defaults = defaults::has_policy_defaults(options);
        if !has_settings && !has_defaults {
            return Ok(None);
        }
        if has_issuers && options.local_certs {
            return Err(Error::new(
                "global options are ambiguous: local_certs is confusing when combined with \
                 cert_issuer, because local_certs is also a specific kind of issuer",
            ));
        }
        let issuers = if has_issuers {
            Issuers::OfOptions
        } else if options.local_certs {
            Issuers::Own(vec![Issuer::Internal(Internal::default())])
        } else {
            Issuers::None
        };
        if has_defaults && has_issuers {
            for (index, issuer) in self.issuers_of_options.iter_mut().enumerate() {
                fill(issuer, self.options).map_err(|error| {
                    let what = "filling in global issuer defaults for issuer";
                    Error::new(format!("{what} {index}: {error}"))
                })?;
            }
        }
        let policy = AutomationPolicy {
            key_type: options.key_type.clone().unwrap_or_default(),
            disable_ocsp_stapling: options.ocsp_stapling_off,
            renewal_window_ratio: options.renewal_window_ratio.unwrap_or_default(),
            ..AutomationPolicy::default()
        };
        Ok(Some(Draft { policy, issuers }))
    }

    /// The same, or a draft that says nothing.
    fn base_or_empty(&mut self) -> Result<Draft> {
        let empty = || Draft { policy: AutomationPolicy::default(), issuers: Issuers::None };
        Ok(self.base()?.unwrap_or_else(empty))
    }

    /// Adds the policies of a site, unless it is served over plain HTTP only.
    fn add_site(&mut self, part: &Part) -> Result<()> {
        let site = &self.sites[part.site];
        if part.addresses(self.sites).all(|address| address.scheme == "http") {
            return Ok(());
        }
        let base = self.base_or_empty()?;
        let hosts = part.hosts(self.sites);
        let index = match self.catch_all.filter(|_| hosts.is_empty()) {
            Some(catch_all) => catch_all,
            None => {
                self.drafts.push(base);
                self.drafts.len() - 1
            }
        };
        if site.tls.iter().any(|tls| tls.force_automate) {
            self.forced.extend(hosts.iter().cloned());
        }
        self.apply_settings(index, &site.tls);
        self.take_issuers(index, part)?;
        for manager in site.tls.iter().flat_map(|tls| &tls.managers) {
            self.drafts[index].policy.get_certificate.push(manager.clone());
        }
        self.bind_issuers(index, site);
        if hosts.is_empty() {
            self.catch_all.get_or_insert(index);
        }
        self.add_names(index, part)?;
        for tls in &site.tls {
            if !tls.files.is_empty() {
                let all = self.certificates.load_files.get_or_insert_default();
                all.extend(tls.files.iter().cloned());
            }
            if !tls.folders.is_empty() {
                let all = self.certificates.load_folders.get_or_insert_default();
                all.extend(tls.folders.iter().cloned());
            }
        }
        Ok(())
    }

    fn apply_settings(&mut self, index: usize, settings: &[TlsSettings]) {
        let policy = &mut self.drafts[index].policy;
        policy.on_demand |= settings.iter().any(|tls| tls.on_demand);
        policy.reuse_private_keys |= settings.iter().any(|tls| tls.reuse_private_keys);
        if let Some(key_type) = settings.iter().find_map(|tls| tls.key_type.as_ref()) {
            policy.key_type.clone_from(key_type);
        }
        let ratio = settings.iter().find_map(|tls| tls.renewal_window_ratio);
        if let Some(ratio) = ratio.or(self.options.tls.renewal_window_ratio) {
            policy.renewal_window_ratio = ratio;
        }
    }

    /// Gives a draft the issuers that its site names.
    fn take_issuers(&mut self, index: usize, part: &Part) -> Result<()> {
        if self.issuers_of_sites[part.site].is_empty() {
            return Ok(());
        }
        let of_site = Issuers::OfSite(part.site);
        let is_catch_all = self.catch_all == Some(index);
        if is_catch_all && self.issuers(&self.drafts[index].issuers) != self.issuers(&of_site) {
            let [there, own] = [&self.drafts[index].issuers, &of_site]
                .map(|issuers| serde_json::to_string(self.issuers(issuers)).unwrap_or_default());
            let error = Error::new(format!(
                "automation policy from site block is also default/catch-all policy because \
                 of key without hostname, and the two are in conflict: {there} != {own}"
            ));
            return Err(part.keys(self.sites).fold(error, Error::at));
        }
        self.drafts[index].issuers = of_site;
        Ok(())
    }

    /// Proofs are given where the site listens.
    fn bind_issuers(&mut self, index: usize, site: &Site) {
        let hosts = site.binds.iter().map(|bind| bind.addresses.first());
        for host in hosts.map(|host| host.cloned().unwrap_or_default()) {
            for issuer in self.issuers_mut(index) {
                let Issuer::Acme(acme) = issuer else { continue };
                let challenges = acme.challenges.get_or_insert_default();
                if challenges.bind_host.is_empty() {
                    challenges.bind_host.clone_from(&host);
                }
            }
        }
    }

    /// Gives a draft its names and adds it. Where nobody says who signs, names that no
    /// public authority knows get a policy of their own.
    fn add_names(&mut self, index: usize, part: &Part) -> Result<()> {
        let names = https_hosts(part, self.sites, self.options);
        self.order.push(index);
        if !self.issuers(&self.drafts[index].issuers).is_empty() {
            self.drafts[index].policy.subjects = names.into_iter().collect();
            return Ok(());
        }
        let on_demand = self.drafts[index].policy.on_demand;
        let mut public = Vec::new();
        let mut internal = Vec::new();
        // Tailscale's names have a manager instead of an issuer.
        for name in names.iter().filter(|name| !is_tailscale(name)) {
            if !qualifies(name) {
                let text = format!("subject does not qualify for certificate: '{name}'");
                let mut keys = part.keys(self.sites).zip(part.addresses(self.sites));
                let key = keys.find(|(_, address)| address.host == *name);
                return Err(key.into_iter().fold(Error::new(text), |e, (key, _)| e.at(key)));
            }
            if is_public(name, on_demand) { &mut public } else { &mut internal }.push(name.clone());
        }
        let is_mixed = !public.is_empty() && !internal.is_empty();
        let draft = &mut self.drafts[index];
        draft.policy.subjects = if is_mixed { public } else { names.into_iter().collect() };
        if is_mixed {
            let policy = AutomationPolicy { subjects: internal, ..draft.policy.clone() };
            self.add(Draft { policy, issuers: Issuers::ForcedInternal });
        }
        Ok(())
    }

    /// The names that hide others need certificates, too.
    fn add_public_names_of_ech(&mut self) -> Result<()> {
        let Some(ech) = &self.options.tls.ech else { return Ok(()) };
        let mut draft = self.base_or_empty()?;
        for name in ech.configs.iter().map(|config| &config.public_name) {
            let subjects = self.order.iter().flat_map(|index| &self.drafts[*index].policy.subjects);
            let is_covered = subjects.into_iter().any(|subject| covers(subject, name.trim()));
            if !name.is_empty() && !is_covered {
                draft.policy.subjects.push(name.clone());
            }
        }
        if !draft.policy.subjects.is_empty() {
            self.add(draft);
        }
        Ok(())
    }

    /// Names that certificates are had for although no route names them: `hosts` that share
    /// a site with a key for all hosts, those that sites insist on, and those of the option.
    fn names_to_automate(&mut self, hosts: BTreeSet<String>) -> Result<Option<Vec<String>>> {
        let is_internal = |host: &&String| !qualifies_for_public(host);
        let mut internal: Vec<String> = hosts.iter().filter(is_internal).cloned().collect();
        let mut automate = hosts;
        automate.append(&mut self.forced);
        let mut public = Vec::new();
        for name in &self.options.tls.automate_names {
            if !automate.insert(name.clone()) {
                continue;
            }
            let mut policies = self.order.iter().map(|index| &self.drafts[*index].policy);
            if !policies.any(|policy| policy.subjects.contains(name)) {
                let list = if qualifies_for_public(name) { &mut public } else { &mut internal };
                list.push(name.clone());
            }
        }
        if !public.is_empty() {
            let base = self.base()?;
            let empty = || Draft { policy: AutomationPolicy::default(), issuers: Issuers::None };
            let has_defaults = defaults::has_defaults(&self.options.tls);
            if let Some(mut draft) = base.or_else(|| has_defaults.then(empty)) {
                draft.policy.subjects = public;
                self.add(draft);
            }
        }
        if !internal.is_empty() {
            let policy = AutomationPolicy { subjects: internal, ..AutomationPolicy::default() };
            self.add(Draft { policy, issuers: Issuers::ForcedInternal });
        }
        Ok((!automate.is_empty()).then(|| automate.into_iter().collect()))
    }

    /// The policies with their issuers.
    fn finish(mut self) -> Result<Vec<Candidate>> {
        let options = &self.options.tls;
        if defaults::has_defaults(options) {
            let email = options.email.as_deref().unwrap_or_default();
            let mut usual = defaults::default_issuers(email);
            // With an authority of the options' own there is no other.
            if options.acme_ca.is_some() {
                usual = defaults::default_issuers("");
            }
            let usual: Vec<Issuer> = usual.into_iter().map(Box::new).map(Issuer::Acme).collect();
            for draft in &mut self.drafts {
                let AutomationPolicy { subjects, on_demand, .. } = &draft.policy;
                let is_meant = |name: &String| is_public(name, *on_demand) && !is_tailscale(name);
                if matches!(draft.issuers, Issuers::None) && subjects.iter().all(is_meant) {
                    draft.issuers = Issuers::Own(usual.clone());
                }
            }
        }
        let order = std::mem::take(&mut self.order);
        for (place, index) in order.iter().enumerate() {
            let options = self.options;
            for (number, issuer) in self.issuers_mut(*index).iter_mut().enumerate() {
                fill(issuer, options).map_err(|error| {
                    let what = "filling in global issuer defaults for";
                    Error::new(format!("{what} AP {place}, issuer {number}: {error}"))
                })?;
            }
        }
        let candidates = order.into_iter().map(|index| {
            let Draft { policy, issuers } = &self.drafts[index];
            let is_forced_internal = matches!(issuers, Issuers::ForcedInternal);
            let mut policy = policy.clone();
            policy.issuers = match issuers {
                Issuers::ForcedInternal => vec![Issuer::Internal(Internal::default())],
                issuers => self.issuers(issuers).to_vec(),
            };
            Candidate::new(policy, is_forced_internal)
        });
        Ok(candidates.collect())
    }

    fn issuers<'s>(&'s self, issuers: &'s Issuers) -> &'s [Issuer] {
        match issuers {
            Issuers::None | Issuers::ForcedInternal => &[],
            Issuers::OfOptions => &self.issuers_of_options,
            Issuers::OfSite(site) => &self.issuers_of_sites[*site],
            Issuers::Own(issuers) => issuers,
        }
    }

    fn issuers_mut(&mut self, index: usize) -> &mut [Issuer] {
        match &mut self.drafts[index].issuers {
            Issuers::None | Issuers::ForcedInternal => &mut [],
            Issuers::OfOptions => &mut self.issuers_of_options,
            Issuers::OfSite(site) => &mut self.issuers_of_sites[*site],
            Issuers::Own(issuers) => issuers,
        }
    }
}

fn fill(issuer: &mut Issuer, options: &Options) -> std::result::Result<(), String> {
    match issuer {
        Issuer::Acme(acme) => defaults::fill(acme, options),
        Issuer::Internal(_) | Issuer::Zerossl(_) => Ok(()),
    }
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
    parts.flat_map(|part| https_hosts(part, sites, options)).collect()
}

fn is_https(address: &Address, options: &Options) -> bool {
    address.scheme != "http" && address.port != options.http_port().to_string()
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
