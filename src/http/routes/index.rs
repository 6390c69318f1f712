//! Finds the routes that may match without asking each: a thousand sites cost a request
//! about what one costs.
//!
//! A route is found by the hosts or paths that its matchers name, where those are plain
//! names; one that may match anything else is always asked. The matchers have the last
//! word: what is left out here could not match.

use super::Route;
use crate::http::exchange::Exchange;
use crate::http::matchers::Key;
use crate::http::uri;
use smallvec::SmallVec;
use std::collections::HashMap;

/// Fewer routes than these are asked one after the other.
const ROUTES_MIN: usize = 8;

/// Places of routes, in their order.
type Places = Vec<usize>;

/// Where each name leads.
#[derive(Debug, Default)]
pub(super) struct Index {
    hosts: HashMap<Box<[u8]>, Places>,
    paths: HashMap<Box<[u8]>, Places>,
    /// By the first part of a path, with both of its slashes.
    folders: HashMap<Box<[u8]>, Places>,
    /// Those that may match whatever is asked for.
    others: Places,
}

/// The routes that may match a request as it is now.
#[derive(Debug)]
pub(super) struct Candidates<'i>([&'i [usize]; 4]);

impl Index {
    /// An index of these routes, if it is worth one.
    pub(super) fn new(routes: &[Route]) -> Option<Self> {
        if routes.len() < ROUTES_MIN {
            return None;
        }
        let mut this = Self::default();
        for (place, route) in routes.iter().enumerate() {
            match keys(route) {
                Some(keys) => keys.into_iter().for_each(|key| this.add(key, place)),
                None => this.others.push(place),
            }
        }
        (this.others.len() < routes.len()).then_some(this)
    }

    fn add(&mut self, key: Key<'_>, place: usize) {
        let (names, name) = match key {
            Key::Host(name) => (&mut self.hosts, name),
            Key::Path(name) => (&mut self.paths, name),
            Key::Folder(name) => (&mut self.folders, name),
        };
        let places = names.entry(name.into()).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }

    /// What may match the request as it is now.
    pub(super) fn candidates(&self, ex: &Exchange<'_>) -> Candidates<'_> {
        let mut lists = [&*self.others, &[], &[], &[]];
        if !self.hosts.is_empty() {
            lists[1] = look_up(&self.hosts, uri::split_host(&ex.host).0);
        }
        if !self.paths.is_empty() || !self.folders.is_empty() {
            let path = uri::clean_request_path(&ex.target.path, true);
            lists[2] = look_up(&self.paths, &path);
            lists[3] = first_folder(&path).map_or(&[], |name| look_up(&self.folders, name));
        }
        Candidates(lists)
    }
}

impl Candidates<'_> {
    /// The first of them that does not stand before `from`.
    pub(super) fn next(&mut self, from: usize) -> Option<usize> {
        let heads = self.0.iter_mut().filter_map(|list| {
            while let Some((first, rest)) = list.split_first() {
                if *first >= from {
                    return Some(*first);
                }
                *list = rest;
            }
            None
        });
        heads.min()
    }
}

/// What the route is found by; none when any of its sets may match without such a name.
fn keys(route: &Route) -> Option<Vec<Key<'_>>> {
    let sets: Option<Vec<_>> = route.sets.iter().map(|set| set.keys()).collect();
    sets.filter(|sets| !sets.is_empty()).map(|sets| sets.concat())
}

/// The places of a name, in any case.
fn look_up<'i>(names: &'i HashMap<Box<[u8]>, Places>, name: &[u8]) -> &'i [usize] {
    let mut lower = SmallVec::<[u8; 128]>::from_slice(name);
    lower.make_ascii_lowercase();
    names.get(&*lower).map(Vec::as_slice).unwrap_or_default()
}

/// `/a/` of `/a/b`.
pub(in crate::http) fn first_folder(path: &[u8]) -> Option<&[u8]> {
    let end = path.strip_prefix(b"/")?.iter().position(|b| *b == b'/')?;
    Some(&path[..end + 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_come_in_the_order_of_the_routes_and_once_each() {
        let mut candidates = Candidates([&[1, 4], &[0, 4, 5], &[], &[2]]);
        let mut got = Vec::new();
        while let Some(place) = candidates.next(got.last().map_or(0, |last| last + 1)) {
            got.push(place);
        }
        assert_eq!(got, [0, 1, 2, 4, 5]);
    }

    #[test]
    fn the_first_folder_is_a_whole_part_of_a_path() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(first_folder(path.as_bytes()), expected.map(str::as_bytes), "{path}");
        };
        check("/a/b/c", Some("/a/"));
        check("/a/", Some("/a/"));
        check("/a", None);
        check("//", Some("//"));
        check("a/b", None);
    }
}
