//! Who imports whom.

use std::collections::{HashMap, HashSet};

/// Files, and snippets as `FILE:SNIPPET`, with what they import.
#[derive(Default)]
pub(super) struct ImportGraph {
    imports: HashMap<String, HashSet<String>>,
}

impl ImportGraph {
    /// Notes that `from` imports `to`.
    ///
    /// # Errors
    ///
    /// When `to` imports `from`, directly or through others.
    pub(super) fn add(&mut self, from: &str, to: &str) -> Result<(), String> {
        if self.reaches(to, from) {
            return Err(format!("a cycle of imports exists between {from} and {to}"));
        }
        self.imports.entry(from.to_owned()).or_default().insert(to.to_owned());
        Ok(())
    }

    fn reaches(&self, from: &str, to: &str) -> bool {
        let mut seen = HashSet::from([from]);
        let mut left = vec![from];
        while let Some(node) = left.pop() {
            if node == to {
                return true;
            }
            let imported = self.imports.get(node).into_iter().flatten();
            left.extend(imported.map(String::as_str).filter(|node| seen.insert(node)));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::ImportGraph;

    #[track_caller]
    fn check(edges: &[(&str, &str)], expected: Result<(), &str>) {
        let mut graph = ImportGraph::default();
        let result = edges.iter().try_for_each(|(from, to)| graph.add(from, to));
        assert_eq!(result, expected.map_err(str::to_owned));
    }

    #[test]
    fn importing_twice_is_no_cycle() {
        check(&[("a", "b"), ("a", "b"), ("a", "c"), ("c", "b")], Ok(()));
    }

    #[test]
    fn a_cycle_is_refused_at_the_import_that_closes_it() {
        check(&[("a", "a")], Err("a cycle of imports exists between a and a"));
        check(
            &[("a", "b"), ("b", "c"), ("c", "a")],
            Err("a cycle of imports exists between c and a"),
        );
    }
}
