//! The modules that a configuration can name; each is read, with every field that it has.

/// A line per object of a module: its ID first.
const MODULES: &str = include_str!("modules.txt");

/// The modules' IDs, in no order.
pub fn module_names() -> impl Iterator<Item = &'static str> {
    let lines = MODULES.lines().filter(|line| !line.starts_with(['#', '-']));
    let mut last = "";
    let ids = lines.filter_map(|line| line.split(' ').next());
    // A module's lines follow one another.
    ids.filter(move |id| std::mem::replace(&mut last, id) != *id)
}

#[cfg(test)]
mod tests;
