//! `hide`: what is there and does not show.

use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};
use crate::http::{glob, uri};
use std::borrow::Cow;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

/// The patterns of a handler.
#[derive(Debug)]
pub(super) struct Hide {
    patterns: Vec<Template>,
    /// Where paths that are not absolute begin.
    cwd: Arc<[u8]>,
}

/// The patterns for one request.
pub(super) struct Hidden {
    patterns: Vec<Vec<u8>>,
    cwd: Arc<[u8]>,
}

impl Hide {
    pub(super) fn new(patterns: &[String]) -> Self {
        let cwd = std::env::current_dir().unwrap_or_default().into_os_string().into_vec();
        let patterns = patterns.iter().map(|pattern| Template::new(pattern, Unknown::Vanishes));
        Self { patterns: patterns.collect(), cwd: cwd.into() }
    }

    /// What they hide from this request.
    pub(super) fn fill(&self, ex: &Exchange<'_>) -> Hidden {
        let patterns = self.patterns.iter().map(|pattern| {
            let pattern = pattern.fill(ex);
            // One with a slash is a path; it is compared with whole paths.
            let is_path = pattern.contains(&b'/');
            if is_path { absolute(&pattern, &self.cwd).into_owned() } else { pattern.into_owned() }
        });
        Hidden { patterns: patterns.collect(), cwd: Arc::clone(&self.cwd) }
    }
}

impl Hidden {
    /// Whether a file is hidden.
    pub(super) fn hides(&self, name: &[u8]) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let name = absolute(name, &self.cwd);
        self.patterns.iter().any(|pattern| is_hidden(&name, pattern))
    }
}

fn absolute<'p>(path: &'p [u8], cwd: &[u8]) -> Cow<'p, [u8]> {
    if path.starts_with(b"/") {
        return uri::clean(path);
    }
    let joined = [cwd, b"/", path].concat();
    Cow::Owned(uri::clean(&joined).into_owned())
}

/// Whether a pattern hides a file: one with a slash hides that path and what is below it
/// (or matches whole paths), one without hides every part of that name.
fn is_hidden(name: &[u8], pattern: &[u8]) -> bool {
    if !pattern.contains(&b'/') {
        return name.split(|b| *b == b'/').any(|part| glob::matches(pattern, part));
    }
    let below = |prefix: &[u8]| {
        name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    below(pattern) || glob::matches(pattern, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        let pattern = pattern.as_bytes();
        let pattern =
            if pattern.contains(&b'/') { absolute(pattern, b"/srv") } else { pattern.into() };
        let hidden = Hidden { patterns: vec![pattern.into_owned()], cwd: (*b"/srv").into() };
        assert_eq!(hidden.hides(name.as_bytes()), expected, "{name}");
    }

    #[test]
    fn names_and_paths_are_hidden() {
        check(".hidden", "/srv/.hidden", true);
        check("*.php", "/srv/a.php", true);
        check("*.php", "/srv/A.PHP", false);
        check("sub", "/srv/sub/index.html", true);
        check("/srv/a", "/srv/a/style.css", true);
        check("/srv/a/", "/srv/a/style.css", true);
        check("/srv/a", "/srv/ab", false);
        check("/srv/*.txt", "/srv/x.txt", true);
    }

    #[test]
    fn paths_that_are_not_absolute_begin_where_the_server_runs() {
        check("./Caddyfile", "Caddyfile", true);
        check("./Caddyfile", "/srv/Caddyfile", true);
        check("./Caddyfile", "/srv/sub/Caddyfile", false);
        check("../etc", "../etc/passwd", true);
    }
}
