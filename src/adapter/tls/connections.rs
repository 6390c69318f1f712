//! What connections may use: the TLS connection policies of servers.
//!
//! A site has one policy for each use of the directive `tls`, and shares it with all
//! servers that the site is part of: what one server writes into it, the others have, too.

use super::subjects::covers;
use crate::adapter::error::{Error, Result};
use crate::adapter::options::Options;
use crate::adapter::servers::Part;
use crate::adapter::sites::Site;
use crate::config::tls::ConnectionPolicy;
use crate::config::tls::connection_policy::HandshakeMatch;
use std::collections::HashMap;
use std::ops::Range;

/// The policies of all servers.
#[derive(Default)]
pub(in crate::adapter) struct ConnectionPolicies {
    policies: Vec<ConnectionPolicy>,
    /// The policies of sites, by the site's index.
    of_sites: HashMap<usize, Vec<usize>>,
}

/// The policies of one server, while its sites are looked at; indexes into all policies.
#[derive(Default)]
pub(in crate::adapter) struct ServerPolicies {
    list: Vec<usize>,
    /// Hosts for which nothing is set, site by site.
    plain: Vec<Vec<String>>,
    has_catch_all: bool,
}

impl ServerPolicies {
    /// Whether there is none.
    pub(in crate::adapter) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl ConnectionPolicies {
    /// Adds what a site says to its server's policies.
    pub(in crate::adapter) fn add_site(
        &mut self,
        server: &mut ServerPolicies,
        part: &Part,
        sites: &[Site],
        options: &Options,
    ) {
        let site = &sites[part.site];
        let mut hosts: Vec<String> = part.hosts(sites).into_iter().collect();
        if site.tls.is_empty() {
            hosts.retain(|host| !host.contains('*'));
            if !hosts.is_empty() {
                server.plain.push(hosts);
            }
            return;
        }
        let is_forced = site.tls.iter().any(|tls| tls.force_automate) && !hosts.is_empty();
        for index in self.of_site(part.site, site) {
            let policy = &mut self.policies[index];
            write_hosts(policy, &mut hosts, options);
            if !is_unset(policy) || is_forced {
                server.list.push(index);
                server.has_catch_all = hosts.is_empty();
            } else if !hosts.is_empty() {
                server.plain.push(hosts.clone());
            }
        }
    }

    /// Completes the policies of a server. With `needs_default`, handshakes for which
    /// nothing is set need a policy, too, unless automatic HTTPS `adds_default` by itself.
    ///
    /// # Errors
    ///
    /// When two policies for the same handshakes are in conflict.
    pub(in crate::adapter) fn complete(
        &mut self,
        server: &mut ServerPolicies,
        options: &Options,
        needs_default: bool,
        adds_default: bool,
    ) -> Result<()> {
        self.shield(server);
        let options = &options.tls;
        let default_sni = options.default_sni.clone().unwrap_or_default();
        let fallback_sni = options.fallback_sni.clone().unwrap_or_default();
        let is_wanted = !server.list.is_empty()
            || !adds_default
            || !default_sni.is_empty()
            || !fallback_sni.is_empty();
        if needs_default && !server.has_catch_all && is_wanted {
            let policy =
                ConnectionPolicy { default_sni, fallback_sni, ..ConnectionPolicy::default() };
            server.list.push(self.add(policy));
        }
        self.consolidate(&mut server.list)
    }

    /// The finished policies of a server, when all servers are complete.
    pub(in crate::adapter) fn of_server(&self, server: &ServerPolicies) -> Vec<ConnectionPolicy> {
        server.list.iter().map(|index| self.policies[*index].clone()).collect()
    }

    fn add(&mut self, policy: ConnectionPolicy) -> usize {
        self.policies.push(policy);
        self.policies.len() - 1
    }

    /// The policies of a site, which are made at its first use.
    fn of_site(&mut self, number: usize, site: &Site) -> Vec<usize> {
        if let Some(indexes) = self.of_sites.get(&number) {
            return indexes.clone();
        }
        let policies = site.tls.iter().map(|tls| tls.policy.clone());
        let indexes: Vec<usize> = policies.map(|policy| self.add(policy)).collect();
        self.of_sites.insert(number, indexes.clone());
        indexes
    }

    /// Keeps a wildcard's policy from asking clients for certificates where a host that it
    /// covers has a site of its own without `tls`: in front of it goes a copy for these
    /// hosts that does not ask.
    fn shield(&mut self, server: &mut ServerPolicies) {
        let wildcards: Vec<Vec<String>> = server.list.iter().map(|i| self.wildcards(*i)).collect();
        let mut shielded = vec![Vec::new(); server.list.len()];
        for host in server.plain.iter().flatten() {
            let covering = wildcards
                .iter()
                .position(|of_one| of_one.iter().any(|wildcard| covers(wildcard, host)));
            if let Some(covering) = covering {
                shielded[covering].push(host.clone());
            }
        }
        // From the last, so that the places of the others stay true.
        for (place, mut hosts) in shielded.into_iter().enumerate().rev() {
            if hosts.is_empty() {
                continue;
            }
            hosts.sort();
            hosts.dedup();
            let shield = ConnectionPolicy {
                matcher: Some(sni(hosts)),
                client_authentication: None,
                ..self.policies[server.list[place]].clone()
            };
            let index = self.add(shield);
            server.list.insert(place, index);
        }
    }

    /// The wildcards of a policy that asks clients for certificates.
    fn wildcards(&self, index: usize) -> Vec<String> {
        let policy = &self.policies[index];
        let names = policy.matcher.as_ref().and_then(|matcher| matcher.sni.clone());
        let names = names.filter(|_| policy.client_authentication.is_some());
        names.into_iter().flatten().filter(|name| name.contains('*')).collect()
    }

    /// Puts what is for all handshakes last, drops what is there twice, and merges what
    /// says the same or is for the same handshakes.
    fn consolidate(&mut self, list: &mut Vec<usize>) -> Result<()> {
        list.sort_by_key(|index| self.policies[*index].matcher.is_none());
        // How many policies may be for the same handshakes. Few are, and only those and
        // neighbours are compared. It may be too high, which costs time only.
        let mut counts: HashMap<(String, usize), usize> = HashMap::new();
        for index in &*list {
            *counts.entry(self.sketch(*index)).or_default() += 1;
        }
        let mut place = 0;
        while place < list.len() {
            let is_alone = counts.get(&self.sketch(list[place])) == Some(&1);
            let others =
                if is_alone { place + 1..list.len().min(place + 2) } else { 0..list.len() };
            match self.merge_at(list, place, others)? {
                Some(other) => {
                    list.remove(other);
                    let merged = list[if other < place { place - 1 } else { place }];
                    *counts.entry(self.sketch(merged)).or_default() += 1;
                }
                None => place += 1,
            }
        }
        Ok(())
    }

    /// Something that is equal for policies that are for the same handshakes.
    fn sketch(&self, index: usize) -> (String, usize) {
        let matcher = self.policies[index].matcher.as_ref();
        let names = matcher.and_then(|matcher| matcher.sni.as_deref()).unwrap_or_default();
        (names.first().cloned().unwrap_or_default(), names.len())
    }

    /// Merges one of the `others` into the policy at `place`; its own place, which is then
    /// empty.
    fn merge_at(
        &mut self,
        list: &[usize],
        place: usize,
        others: Range<usize>,
    ) -> Result<Option<usize>> {
        for other in others.filter(|other| *other != place) {
            let theirs = &self.policies[list[other]];
            let ours = &self.policies[list[place]];
            if ours == theirs {
                return Ok(Some(other));
            }
            if place + 1 == other && differ_in_names_only(ours, theirs) {
                let more = names(theirs).cloned().unwrap_or_default();
                let ours = &mut self.policies[list[place]].matcher;
                if let Some(HandshakeMatch { sni: Some(names), .. }) = ours {
                    names.extend(more);
                }
                return Ok(Some(other));
            }
            if ours.matcher == theirs.matcher {
                let merged = merge(ours, theirs).map_err(Error::new)?;
                self.policies[list[place]] = merged;
                return Ok(Some(other));
            }
        }
        Ok(None)
    }
}

/// Writes into a site's policy which handshakes are meant. The first of the hosts that is
/// also the default or the fallback stands for handshakes without a name, too.
fn write_hosts(policy: &mut ConnectionPolicy, hosts: &mut Vec<String>, options: &Options) {
    let default_sni = options.tls.default_sni.as_deref().unwrap_or_default();
    let fallback_sni = options.tls.fallback_sni.as_deref().unwrap_or_default();
    match hosts.iter().find(|host| *host == default_sni || *host == fallback_sni) {
        Some(host) if host == default_sni => default_sni.clone_into(&mut policy.default_sni),
        Some(_) => fallback_sni.clone_into(&mut policy.fallback_sni),
        None if hosts.is_empty() => {
            default_sni.clone_into(&mut policy.default_sni);
            fallback_sni.clone_into(&mut policy.fallback_sni);
            return;
        }
        None => {
            policy.matcher = Some(sni(hosts.clone()));
            return;
        }
    }
    hosts.insert(0, String::new());
    policy.matcher = Some(sni(hosts.clone()));
}

fn sni(hosts: Vec<String>) -> HandshakeMatch {
    HandshakeMatch { sni: Some(hosts), ..HandshakeMatch::default() }
}

/// Whether a policy says nothing but which handshakes it is for.
fn is_unset(policy: &ConnectionPolicy) -> bool {
    *policy == ConnectionPolicy { matcher: policy.matcher.clone(), ..ConnectionPolicy::default() }
}

/// The names that a policy is for, when it is for names only.
fn names(policy: &ConnectionPolicy) -> Option<&Vec<String>> {
    let HandshakeMatch { local_ip, not, remote_ip, sni, sni_regexp } = policy.matcher.as_ref()?;
    let is_more =
        local_ip.is_some() || not.is_some() || remote_ip.is_some() || sni_regexp.is_some();
    sni.as_ref().filter(|_| !is_more)
}

/// Whether two policies are for names only and say the same.
fn differ_in_names_only(ours: &ConnectionPolicy, theirs: &ConnectionPolicy) -> bool {
    let ConnectionPolicy {
        matcher: _,
        certificate_selection,
        cipher_suites,
        curves,
        alpn,
        protocol_min,
        protocol_max,
        drop,
        client_authentication,
        default_sni,
        fallback_sni,
        insecure_secrets_log,
        handshake_context,
    } = theirs;
    names(ours).is_some()
        && names(theirs).is_some()
        && ours.certificate_selection == *certificate_selection
        && ours.cipher_suites == *cipher_suites
        && ours.curves == *curves
        && ours.alpn == *alpn
        && ours.protocol_min == *protocol_min
        && ours.protocol_max == *protocol_max
        && ours.drop == *drop
        && ours.client_authentication == *client_authentication
        && ours.default_sni == *default_sni
        && ours.fallback_sni == *fallback_sni
        && ours.insecure_secrets_log == *insecure_secrets_log
        && ours.handshake_context == *handshake_context
}

/// Merges two policies for the same handshakes: each setting may be in one of them, or the
/// same in both.
fn merge(
    ours: &ConnectionPolicy,
    theirs: &ConnectionPolicy,
) -> std::result::Result<ConnectionPolicy, String> {
    let conflict = |what: &str, a: String, b: String| {
        format!("two policies with same match criteria have conflicting {what}: {a} vs. {b}")
    };
    let list = |what: &str, a: &[String], b: &[String]| {
        if !a.is_empty() && !b.is_empty() && a != b {
            let show = |list: &[String]| format!("[{}]", list.join(" "));
            return Err(conflict(what, show(a), show(b)));
        }
        Ok(if a.is_empty() { b } else { a }.to_vec())
    };
    let text = |what: &str, a: &str, b: &str| {
        if !a.is_empty() && !b.is_empty() && a != b {
            return Err(conflict(what, a.to_owned(), b.to_owned()));
        }
        Ok(if a.is_empty() { b } else { a }.to_owned())
    };
    let alpn = list("ALPN", &ours.alpn, &theirs.alpn)?;
    let cipher_suites = list("cipher suites", &ours.cipher_suites, &theirs.cipher_suites)?;
    let (own_auth, other_auth) = (&ours.client_authentication, &theirs.client_authentication);
    if let (Some(a), Some(b)) = (own_auth, other_auth)
        && a != b
    {
        let show = |auth| serde_json::to_string(auth).unwrap_or_default();
        return Err(conflict("client auth configuration", show(a), show(b)));
    }
    let curves = list("curves", &ours.curves, &theirs.curves)?;
    let default_sni = text("default SNI", &ours.default_sni, &theirs.default_sni)?;
    let fallback_sni = text("fallback SNI", &ours.fallback_sni, &theirs.fallback_sni)?;
    let protocol_min = text("min protocol", &ours.protocol_min, &theirs.protocol_min)?;
    let protocol_max = text("max protocol", &ours.protocol_max, &theirs.protocol_max)?;
    let mut selection = ours.certificate_selection.clone();
    match (&mut selection, &theirs.certificate_selection) {
        (Some(ours), Some(theirs)) => {
            for tag in &theirs.any_tag {
                if !ours.any_tag.contains(tag) {
                    ours.any_tag.push(tag.clone());
                }
            }
        }
        (none @ None, theirs) => none.clone_from(theirs),
        (Some(_), None) => {}
    }
    Ok(ConnectionPolicy {
        alpn,
        cipher_suites,
        client_authentication: own_auth.clone().or_else(|| other_auth.clone()),
        curves,
        default_sni,
        fallback_sni,
        protocol_min,
        protocol_max,
        certificate_selection: selection,
        ..ours.clone()
    })
}
