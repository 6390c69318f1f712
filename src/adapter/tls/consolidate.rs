//! Drops automation policies that say nothing, and merges those that say the same.

use super::subjects::{covers, is_public};
use crate::adapter::stable_sort::stable_sort;
use crate::config::tls::AutomationPolicy;
use crate::config::tls::issuers::{Internal, Issuer};

/// A policy as the rules below see it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) policy: AutomationPolicy,
    /// Whether its issuer is our own authority because its names have no other choice.
    pub(super) is_forced_internal: bool,
}

/// The fewest policies that do the same: the most specific first.
pub(super) fn consolidate(mut policies: Vec<Candidate>) -> Vec<AutomationPolicy> {
    stable_sort(&mut policies, |a, b| {
        if is_subset(a, b) {
            true
        } else if is_subset(b, a) {
            false
        } else {
            a.policy.subjects.len() > b.policy.subjects.len()
        }
    });
    if policies.iter().all(|one| one.is_empty(false)) {
        return Vec::new();
    }
    // What says nothing is needed only where it hides something that says more.
    let mut index = 0;
    while index < policies.len() {
        let hides = hidden_by(index, &policies);
        let is_last = index + 1 == policies.len();
        let is_useless = is_last || hides.is_some_and(|other| policies[other].is_empty(true));
        if policies[index].is_empty(false) && is_useless {
            policies.remove(index);
        } else {
            index += 1;
        }
    }
    let mut index = 0;
    while index < policies.len() {
        index += usize::from(!merge_into(index, &mut policies));
    }
    policies.into_iter().map(|one| one.policy).collect()
}

impl Candidate {
    /// Whether it says nothing about its names; or, unless that counts, nothing but who has
    /// their certificates ready.
    fn is_empty(&self, managers_do_not_count: bool) -> bool {
        let managers = if managers_do_not_count { &self.policy.get_certificate[..] } else { &[] };
        let nothing = AutomationPolicy {
            subjects: self.policy.subjects.clone(),
            get_certificate: managers.to_vec(),
            ..AutomationPolicy::default()
        };
        self.policy == nothing
    }

    /// Whether certificates come from our own authority, and nobody has said so.
    fn is_implicitly_internal(&self) -> bool {
        match self.policy.issuers.as_slice() {
            [] => self.implicit_issuer() == Implicit::OurOwn,
            [Issuer::Internal(internal)] => {
                self.is_forced_internal && *internal == Internal::default()
            }
            _ => false,
        }
    }

    fn implicit_issuer(&self) -> Implicit {
        let AutomationPolicy { subjects, on_demand, .. } = &self.policy;
        let public = subjects.iter().filter(|name| is_public(name, *on_demand)).count();
        match (subjects.len(), public) {
            (0, _) => Implicit::Anyone,
            (_, 0) => Implicit::OurOwn,
            (all, public) if all == public => Implicit::PublicAuthorities,
            _ => Implicit::Both,
        }
    }

    /// Whether two policies do the same for their names. OCSP is not looked at: the options
    /// alone say something about it.
    fn does_the_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.policy, &other.policy);
        self.has_same_issuers(other)
            && a.get_certificate == b.get_certificate
            && a.storage == b.storage
            && a.must_staple == b.must_staple
            && a.key_type == b.key_type
            && a.on_demand == b.on_demand
            && a.reuse_private_keys == b.reuse_private_keys
            && a.renewal_window_ratio == b.renewal_window_ratio
    }

    fn has_same_issuers(&self, other: &Self) -> bool {
        if self.policy.issuers != other.policy.issuers {
            return self.is_implicitly_internal() && other.is_implicitly_internal();
        }
        let (own, others) = (self.implicit_issuer(), other.implicit_issuer());
        !self.policy.issuers.is_empty()
            || own == others
            || own == Implicit::Anyone
            || others == Implicit::Anyone
    }
}

/// Who signs when nothing says so.
#[derive(PartialEq)]
enum Implicit {
    Anyone,
    PublicAuthorities,
    OurOwn,
    Both,
}

/// Merges the policies behind the one at `index` that say the same into it. True when one
/// for all names has taken its place instead.
fn merge_into(index: usize, policies: &mut Vec<Candidate>) -> bool {
    let mut other = index + 1;
    while other < policies.len() {
        if policies[index] == policies[other] {
            policies.remove(other);
            other = index + 1;
        } else if !policies[index].does_the_same(&policies[other]) {
            other += 1;
        } else if policies[other].policy.subjects.is_empty()
            && !policies[index].policy.subjects.is_empty()
        {
            // Unless another one between them is for the names, too.
            if hidden_by(index, policies).is_some_and(|hidden| hidden >= other) {
                policies.remove(index);
                return true;
            }
            other += 1;
        } else {
            let merged = policies.remove(other);
            let subjects = &mut policies[index].policy.subjects;
            for name in merged.policy.subjects {
                if !subjects.contains(&name) {
                    subjects.push(name);
                }
            }
        }
    }
    false
}

/// The first policy behind the one at `index` that is for all of its names.
fn hidden_by(index: usize, policies: &[Candidate]) -> Option<usize> {
    (index + 1..policies.len()).find(|other| is_subset(&policies[index], &policies[*other]))
}

/// Whether each name of `a` is covered by a name of `b`.
fn is_subset(a: &Candidate, b: &Candidate) -> bool {
    let (a, b) = (&a.policy.subjects, &b.policy.subjects);
    if b.is_empty() {
        return true;
    }
    !a.is_empty() && a.iter().all(|name| b.iter().any(|other| covers(other, name)))
}
