//! Drops automation policies that say nothing, and merges those that say the same.

use super::subjects::{folded, is_public, patterns_for};
use crate::adapter::stable_sort::stable_sort;
use crate::config::tls::AutomationPolicy;
use crate::config::tls::issuers::{Internal, Issuer};
use std::collections::{HashMap, HashSet};

/// A policy as the rules below see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Candidate {
    pub(super) policy: AutomationPolicy,
    /// Whether its issuer is our own authority because its names have no other choice.
    pub(super) is_forced_internal: bool,
}

/// The fewest policies that do the same: the most specific first.
pub(super) fn consolidate(policies: Vec<Candidate>) -> Vec<AutomationPolicy> {
    let mut entries: Vec<Entry> = policies.into_iter().map(Entry::new).collect();
    stable_sort(&mut entries, |a, b| {
        if a.is_subset_of(b) {
            true
        } else if b.is_subset_of(a) {
            false
        } else {
            a.subjects().len() > b.subjects().len()
        }
    });
    if entries.iter().all(|one| one.candidate.is_empty(false)) {
        return Vec::new();
    }
    let mut list = List::new(entries);
    list.drop_useless();
    list.merge_all();
    let left = list.entries.into_iter().filter(|one| !one.is_gone);
    left.map(|one| one.candidate.policy).collect()
}

/// A policy with what is asked about its names over and over.
struct Entry {
    candidate: Candidate,
    /// The names as they are compared.
    names: HashSet<String>,
    /// For each name all names that stand for it.
    patterns: Vec<Vec<String>>,
    /// How many of the names are public ones.
    public: usize,
    /// Whether it has been dropped or merged into another.
    is_gone: bool,
}

impl Entry {
    fn new(candidate: Candidate) -> Self {
        let AutomationPolicy { subjects, on_demand, .. } = &candidate.policy;
        let names = subjects.iter().map(|name| folded(name)).collect();
        let patterns = subjects.iter().map(|name| patterns_for(name)).collect();
        let public = subjects.iter().filter(|name| is_public(name, *on_demand)).count();
        Self { candidate, names, patterns, public, is_gone: false }
    }

    fn subjects(&self) -> &[String] {
        &self.candidate.policy.subjects
    }

    /// Whether each name is covered by a name of `other`.
    fn is_subset_of(&self, other: &Self) -> bool {
        if other.names.is_empty() {
            return true;
        }
        let is_covered = |patterns: &Vec<String>| patterns.iter().any(|p| other.names.contains(p));
        !self.patterns.is_empty() && self.patterns.iter().all(is_covered)
    }

    /// Takes over the names of another; those that are there already stay once.
    fn take_names(&mut self, other: Self) {
        let AutomationPolicy { subjects, on_demand, .. } = &mut self.candidate.policy;
        for name in other.candidate.policy.subjects {
            // Only one whose letters differ in case needs to be looked for.
            let is_new = self.names.insert(folded(&name));
            if is_new || !subjects.contains(&name) {
                self.public += usize::from(is_public(&name, *on_demand));
                self.patterns.push(patterns_for(&name));
                subjects.push(name);
            }
        }
    }

    fn implicit_issuer(&self) -> Implicit {
        match (self.subjects().len(), self.public) {
            (0, _) => Implicit::Anyone,
            (_, 0) => Implicit::OurOwn,
            (all, public) if all == public => Implicit::PublicAuthorities,
            _ => Implicit::Both,
        }
    }

    /// Whether certificates come from our own authority, and nobody has said so.
    fn is_implicitly_internal(&self) -> bool {
        match self.candidate.policy.issuers.as_slice() {
            [] => self.implicit_issuer() == Implicit::OurOwn,
            [Issuer::Internal(internal)] => {
                self.candidate.is_forced_internal && *internal == Internal::default()
            }
            _ => false,
        }
    }

    /// Whether two policies do the same for their names. OCSP is not looked at: the options
    /// alone say something about it.
    fn does_the_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.candidate.policy, &other.candidate.policy);
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
        let (a, b) = (&self.candidate.policy.issuers, &other.candidate.policy.issuers);
        if a != b {
            return self.is_implicitly_internal() && other.is_implicitly_internal();
        }
        let (own, others) = (self.implicit_issuer(), other.implicit_issuer());
        !a.is_empty() || own == others || own == Implicit::Anyone || others == Implicit::Anyone
    }

    /// What is equal for all policies that may do the same.
    fn group(&self) -> String {
        let policy = &self.candidate.policy;
        let is_default = |issuer: &Issuer| *issuer == Issuer::Internal(Internal::default());
        let settings = AutomationPolicy {
            issuers: match policy.issuers.as_slice() {
                [issuer] if is_default(issuer) => Vec::new(),
                issuers => issuers.to_vec(),
            },
            get_certificate: policy.get_certificate.clone(),
            storage: policy.storage.clone(),
            must_staple: policy.must_staple,
            key_type: policy.key_type.clone(),
            on_demand: policy.on_demand,
            reuse_private_keys: policy.reuse_private_keys,
            renewal_window_ratio: policy.renewal_window_ratio,
            ..AutomationPolicy::default()
        };
        serde_json::to_string(&settings).expect("a policy has text keys and no other numbers")
    }
}

/// The policies in their order. They are found by their names, as there may be thousands.
struct List {
    entries: Vec<Entry>,
    /// The places of each name, in order. They are not changed by merging: that takes names
    /// to the front only, and what is asked is who is behind.
    places: HashMap<String, Vec<usize>>,
    /// The places of policies for all names.
    for_all: Vec<usize>,
}

impl List {
    fn new(entries: Vec<Entry>) -> Self {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        let mut for_all = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            if entry.names.is_empty() {
                for_all.push(place);
            }
            for name in &entry.names {
                places.entry(name.clone()).or_default().push(place);
            }
        }
        Self { entries, places, for_all }
    }

    /// Drops what says nothing, unless it hides something that says more.
    fn drop_useless(&mut self) {
        for place in 0..self.entries.len() {
            let is_last = place + 1 == self.entries.len();
            let says_nothing = self.entries[place].candidate.is_empty(false);
            let hides = || self.hidden_by(place);
            if says_nothing
                && (is_last
                    || hides().is_some_and(|other| self.entries[other].candidate.is_empty(true)))
            {
                self.entries[place].is_gone = true;
            }
        }
    }

    fn merge_all(&mut self) {
        let groups: Vec<String> = self.entries.iter().map(Entry::group).collect();
        let mut members: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, group) in groups.iter().enumerate() {
            members.entry(group).or_default().push(place);
        }
        for (place, group) in groups.iter().enumerate() {
            if !self.entries[place].is_gone {
                self.merge_into(place, &members[group.as_str()]);
            }
        }
    }

    /// Merges those of its group that stand behind a policy and say the same into it; unless
    /// one for all names takes its place instead.
    fn merge_into(&mut self, place: usize, group: &[usize]) {
        let start = group.partition_point(|other| *other <= place);
        for &other in &group[start..] {
            let [one, two] = [&self.entries[place], &self.entries[other]];
            if two.is_gone || (one.candidate != two.candidate && !one.does_the_same(two)) {
                continue;
            }
            let is_equal = one.candidate == two.candidate;
            if is_equal || !two.subjects().is_empty() || one.subjects().is_empty() {
                let empty = Entry { is_gone: true, ..Entry::new(Candidate::default()) };
                let merged = std::mem::replace(&mut self.entries[other], empty);
                if !is_equal {
                    self.entries[place].take_names(merged);
                }
            } else if self.hidden_by(place).is_some_and(|hidden| hidden >= other) {
                // No other one between them is for the names, too.
                self.entries[place].is_gone = true;
                return;
            }
        }
    }

    /// The first policy behind the one at `place` that is for all of its names.
    fn hidden_by(&self, place: usize) -> Option<usize> {
        let one = &self.entries[place];
        let is_behind = |other: &&usize| **other > place && !self.entries[**other].is_gone;
        let for_all = self.for_all.iter().find(is_behind);
        let named = one.patterns.first().into_iter().flatten().filter_map(|pattern| {
            let places = self.places.get(pattern)?;
            let mut behind = places.iter().filter(is_behind);
            behind.find(|other| one.is_subset_of(&self.entries[**other]))
        });
        for_all.into_iter().chain(named).min().copied()
    }
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
}

/// Who signs when nothing says so.
#[derive(PartialEq)]
enum Implicit {
    Anyone,
    PublicAuthorities,
    OurOwn,
    Both,
}
