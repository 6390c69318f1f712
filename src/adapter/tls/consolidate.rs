//! Drops automation policies that say nothing, and merges those that say the same.

use super::subjects::{covers, is_public, patterns};
use crate::adapter::stable_sort::stable_sort;
use crate::config::tls::AutomationPolicy;
use crate::config::tls::issuers::{Internal, Issuer};
use std::collections::{HashMap, HashSet};

/// A policy as the rules below see it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    policy: AutomationPolicy,
    /// Whether its issuer is our own authority because its names have no other choice.
    is_forced_internal: bool,
    /// How many of its names a public authority may sign for.
    public: usize,
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
    let mut all = Policies::new(policies);
    all.drop_useless();
    all.merge();
    all.places.into_iter().flatten().map(|one| one.policy).collect()
}

impl Candidate {
    /// `is_forced_internal` where our own authority signs because the names have no other
    /// choice.
    pub(super) fn new(policy: AutomationPolicy, is_forced_internal: bool) -> Self {
        let is_public = |name: &&String| is_public(name, policy.on_demand);
        let public = policy.subjects.iter().filter(is_public).count();
        Self { policy, is_forced_internal, public }
    }

    /// Whether it says nothing about its names; or, unless that counts, nothing but who has
    /// their certificates ready.
    fn is_empty(&self, managers_do_not_count: bool) -> bool {
        let AutomationPolicy {
            subjects: _,
            issuers,
            get_certificate,
            must_staple,
            renewal_window_ratio,
            key_type,
            storage,
            on_demand,
            reuse_private_keys,
            disable_ocsp_stapling,
            ocsp_overrides,
        } = &self.policy;
        let is_set = *must_staple || *on_demand || *reuse_private_keys || *disable_ocsp_stapling;
        issuers.is_empty()
            && (managers_do_not_count || get_certificate.is_empty())
            && !is_set
            && *renewal_window_ratio == 0.0
            && key_type.is_empty()
            && storage.is_none()
            && ocsp_overrides.is_empty()
    }

    /// Whether certificates come from our own authority, and nobody has said so.
    fn is_implicitly_internal(&self) -> bool {
        if self.policy.issuers.is_empty() {
            return self.implicit_issuer() == Implicit::OurOwn;
        }
        self.is_forced_internal && self.is_internal()
    }

    /// Whether its only issuer is our own authority as it is.
    fn is_internal(&self) -> bool {
        matches!(self.policy.issuers.as_slice(),
            [Issuer::Internal(internal)] if *internal == Internal::default())
    }

    fn implicit_issuer(&self) -> Implicit {
        match (self.policy.subjects.len(), self.public) {
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

    /// Two policies with different keys never do the same.
    fn key(&self) -> String {
        let issuers = if self.is_internal() { &[] } else { self.policy.issuers.as_slice() };
        let AutomationPolicy { get_certificate, key_type, renewal_window_ratio, .. } = &self.policy;
        format!("{issuers:?} {get_certificate:?} {key_type:?} {renewal_window_ratio}")
    }

    /// Takes over the names of a policy that does the same; `known` are its own.
    fn absorb(&mut self, other: Self, known: &mut HashSet<String>) {
        if known.is_empty() {
            known.extend(self.policy.subjects.iter().cloned());
        }
        for name in other.policy.subjects {
            if known.insert(name.clone()) {
                self.public += usize::from(is_public(&name, self.policy.on_demand));
                self.policy.subjects.push(name);
            }
        }
    }
}

/// The policies in their order; one that is dropped leaves its place empty.
struct Policies {
    places: Vec<Option<Candidate>>,
    /// Where each name stands, in lower case; and, for the empty name, which policies are
    /// for all names. Each list in order.
    of_names: HashMap<String, Vec<usize>>,
}

impl Policies {
    fn new(policies: Vec<Candidate>) -> Self {
        let mut of_names: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, one) in policies.iter().enumerate() {
            if one.policy.subjects.is_empty() {
                of_names.entry(String::new()).or_default().push(place);
            }
            for name in &one.policy.subjects {
                of_names.entry(name.to_lowercase()).or_default().push(place);
            }
        }
        Self { places: policies.into_iter().map(Some).collect(), of_names }
    }

    /// Drops those that say nothing: they are needed only where they hide one that does.
    fn drop_useless(&mut self) {
        for place in 0..self.places.len() {
            let Some(one) = self.places[place].as_ref().filter(|one| one.is_empty(false)) else {
                continue;
            };
            let hidden = self.hidden_by(place, one).and_then(|other| self.places[other].as_ref());
            let is_last = place + 1 == self.places.len();
            if is_last || hidden.is_some_and(|other| other.is_empty(true)) {
                self.places[place] = None;
            }
        }
    }

    /// Merges those that do the same into the first of them; or, where a later one is for all
    /// names, drops the first.
    fn merge(&mut self) {
        let mut alike: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, one) in self.places.iter().enumerate() {
            if let Some(one) = one {
                alike.entry(one.key()).or_default().push(place);
            }
        }
        for place in 0..self.places.len() {
            let Some(mut one) = self.places[place].take() else { continue };
            let later = alike.get(&one.key()).map_or(&[][..], Vec::as_slice);
            let later = &later[later.partition_point(|other| *other <= place)..];
            if !self.merge_into(place, &mut one, later) {
                self.places[place] = Some(one);
            }
        }
    }

    /// Merges `later` ones into `one`. True when one of them takes its place instead.
    fn merge_into(&mut self, place: usize, one: &mut Candidate, later: &[usize]) -> bool {
        let mut known = HashSet::new();
        let mut index = 0;
        while let Some(&other) = later.get(index) {
            index += 1;
            let Some(theirs) = self.places[other].as_ref() else { continue };
            if one == theirs {
                self.places[other] = None;
                // Those that were passed over may do the same as what it is now.
                index = 0;
            } else if !one.does_the_same(theirs) {
                continue;
            } else if theirs.policy.subjects.is_empty() && !one.policy.subjects.is_empty() {
                // Unless another one between them is for the names, too.
                if self.hidden_by(place, one).is_some_and(|hidden| hidden >= other) {
                    return true;
                }
            } else if let Some(theirs) = self.places[other].take() {
                one.absorb(theirs, &mut known);
            }
        }
        false
    }

    /// The first policy behind `place` that is for all names of `one`, which stands there.
    fn hidden_by(&self, place: usize, one: &Candidate) -> Option<usize> {
        let behind = |name: &str| {
            let places = self.of_names.get(name).map_or(&[][..], Vec::as_slice);
            let behind = &places[places.partition_point(|other| *other <= place)..];
            behind.iter().copied().find(|other| {
                self.places[*other].as_ref().is_some_and(|other| is_subset(one, other))
            })
        };
        // Whatever covers all of its names covers the first.
        let first = one.policy.subjects.first().map(|name| patterns(name)).unwrap_or_default();
        first.iter().map(String::as_str).chain([""]).filter_map(behind).min()
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

/// Whether each name of `a` is covered by a name of `b`.
fn is_subset(a: &Candidate, b: &Candidate) -> bool {
    let (a, b) = (&a.policy.subjects, &b.policy.subjects);
    if b.is_empty() {
        return true;
    }
    !a.is_empty() && a.iter().all(|name| b.iter().any(|other| covers(other, name)))
}
