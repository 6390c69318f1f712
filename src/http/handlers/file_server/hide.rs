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
    fixed: Arc<Fixed>,
    /// Those that differ from request to request.
    filled: Vec<Template>,
}

/// What is the same for all requests.
#[derive(Debug)]
struct Fixed {
    patterns: Vec<Pattern>,
    /// Where paths that are not absolute begin.
    cwd: Vec<u8>,
}

/// The patterns for one request.
pub(super) struct Hidden {
    fixed: Arc<Fixed>,
    filled: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    text: Vec<u8>,
    /// It has a slash: it is compared with whole paths.
    is_path: bool,
    has_meta: bool,
}

impl Hide {
    pub(super) fn new(patterns: &[String]) -> Self {
        let cwd = std::env::current_dir().unwrap_or_default().into_os_string().into_vec();
        let (mut fixed, mut filled) = (Vec::new(), Vec::new());
        for pattern in patterns {
            let template = Template::new(pattern, Unknown::Vanishes);
            match template.literal() {
                Some(text) => fixed.push(Pattern::new(text, &cwd)),
                None => filled.push(template),
            }
        }
        Self { fixed: Arc::new(Fixed { patterns: fixed, cwd }), filled }
    }

    /// What they hide from this request.
    pub(super) fn fill(&self, ex: &Exchange<'_>) -> Hidden {
        let filled = self.filled.iter().map(|t| Pattern::new(&t.fill(ex), &self.fixed.cwd));
        Hidden { filled: filled.collect(), fixed: Arc::clone(&self.fixed) }
    }
}

impl Hidden {
    /// Whether a file is hidden.
    pub(super) fn hides(&self, name: &[u8]) -> bool {
        let Fixed { patterns, cwd } = &*self.fixed;
        if patterns.is_empty() && self.filled.is_empty() {
            return false;
        }
        let name = absolute(name, cwd);
        patterns.iter().chain(&self.filled).any(|pattern| pattern.hides(&name))
    }
}

impl Pattern {
    fn new(text: &[u8], cwd: &[u8]) -> Self {
        let is_path = text.contains(&b'/');
        let text = if is_path { absolute(text, cwd) } else { Cow::Borrowed(text) };
        Self { has_meta: glob::has_meta(&text), text: text.into_owned(), is_path }
    }

    /// Whether it hides a file: a path hides itself and what is below it (or matches whole
    /// paths), a name without a slash hides every part of that name.
    fn hides(&self, name: &[u8]) -> bool {
        let text = &*self.text;
        let is_it =
            |part: &[u8]| if self.has_meta { glob::matches(text, part) } else { part == text };
        if !self.is_path {
            return name.split(|b| *b == b'/').any(is_it);
        }
        let below =
            name.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        below || is_it(name)
    }
}

fn absolute<'p>(path: &'p [u8], cwd: &[u8]) -> Cow<'p, [u8]> {
    if path.starts_with(b"/") {
        return uri::clean(path);
    }
    let joined = [cwd, b"/", path].concat();
    match uri::clean(&joined) {
        Cow::Owned(clean) => Cow::Owned(clean),
        Cow::Borrowed(_) => Cow::Owned(joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        let cwd = b"/srv".to_vec();
        let patterns = vec![Pattern::new(pattern.as_bytes(), &cwd)];
        let fixed = Arc::new(Fixed { patterns, cwd });
        let hidden = Hidden { fixed, filled: Vec::new() };
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
