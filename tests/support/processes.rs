//! A look at the processes under a server, through `/proc`.

use std::collections::HashMap;
use std::fs;

/// All processes below one, as they were at one moment.
pub(crate) struct Processes(Vec<Process>);

/// One process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) pid: i32,
    /// What `ps` shows.
    pub(crate) title: String,
}

impl Processes {
    /// Everything below `root`, and `root` itself.
    pub(crate) fn under(root: i32) -> Self {
        let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
        for pid in all() {
            if let Some((_, parent)) = state_and_parent(pid) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut found = vec![root];
        let mut at = 0;
        while at < found.len() {
            found.extend(children.get(&found[at]).into_iter().flatten());
            at += 1;
        }
        Self(found.into_iter().map(|pid| Process { pid, title: title(pid) }).collect())
    }

    /// Those whose title holds `part`.
    pub(crate) fn titled(&self, part: &str) -> Vec<Process> {
        self.0.iter().filter(|p| p.title.contains(part)).cloned().collect()
    }

    /// Which of them still live. Taken before a kill and asked after it, this finds orphans.
    pub(crate) fn alive(&self) -> Vec<Process> {
        self.0.iter().filter(|p| lives(p.pid)).cloned().collect()
    }
}

/// Whether a process runs; one that only waits to be reaped does not.
pub(crate) fn lives(pid: i32) -> bool {
    state_and_parent(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

fn all() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

fn state_and_parent(pid: i32) -> Option<(char, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, parentheses too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn title(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned()
}
