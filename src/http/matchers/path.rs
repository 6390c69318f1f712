//! `path /a* *.php`: the request's path, in any case, cleaned.
//!
//! A `*` at the end is a prefix match, at the start a suffix match, at both a substring
//! match; others stay within a segment. A pattern with `%` is compared with the escapes
//! of the request: `%2F` matches that escape only, `%*` a segment with its escapes.

use crate::http::exchange::Exchange;
use crate::http::glob;
use crate::http::placeholder::{Template, Unknown};
use crate::http::uri::{self, Target};

/// The compiled matcher.
#[derive(Debug)]
pub(crate) struct Path(Vec<Template>);

impl Path {
    /// Compiles patterns.
    pub(crate) fn new(patterns: &[String]) -> Self {
        let compile = |p: &String| {
            // The name of a placeholder keeps its case.
            let text = if p.contains('{') { p.clone() } else { p.to_lowercase() };
            Template::new(&text, Unknown::Vanishes)
        };
        Self(patterns.iter().map(compile).collect())
    }

    /// Whether the request's path matches one of them.
    pub(crate) fn matches(&self, ex: &Exchange<'_>) -> bool {
        self.0.iter().any(|template| match template.literal() {
            Some(pattern) => matches_target(pattern, &ex.target),
            None => matches_target(&template.fill(ex).to_ascii_lowercase(), &ex.target),
        })
    }
}

fn matches_target(pattern: &[u8], target: &Target) -> bool {
    if pattern == b"*" {
        return true;
    }
    let merge = !pattern.windows(2).any(|w| w == b"//");
    if pattern.contains(&b'%') {
        let path = target.escaped_path();
        return matches_escaped(pattern, &uri::clean_request_path(&path, merge));
    }
    let path = uri::clean_request_path(&target.path, merge);
    let stars = pattern.iter().filter(|b| **b == b'*').count();
    match pattern {
        [b'*', middle @ .., b'*'] if stars == 2 => {
            middle.is_empty() || path.windows(middle.len()).any(|w| w.eq_ignore_ascii_case(middle))
        }
        [b'*', tail @ ..] if stars == 1 => {
            path.len() >= tail.len() && path[path.len() - tail.len()..].eq_ignore_ascii_case(tail)
        }
        [head @ .., b'*'] if stars == 1 => {
            path.len() >= head.len() && path[..head.len()].eq_ignore_ascii_case(head)
        }
        _ if !glob::has_meta(pattern) => path.eq_ignore_ascii_case(pattern),
        _ => glob::matches(pattern, &path.to_ascii_lowercase()),
    }
}

/// Matches a pattern with `%` against an escaped path.
fn matches_escaped(pattern: &[u8], path: &[u8]) -> bool {
    // The next character of the path, without its escape, and how long it is there.
    let next = |path: &[u8]| -> Option<(u8, usize)> {
        let first = *path.first()?;
        let escaped = path.get(..3).filter(|_| first == b'%').and_then(uri::unescape);
        Some(escaped.map_or((first, 1), |c| (c[0], 3)))
    };
    match pattern {
        [] => path.is_empty(),
        [b'%', b'*', rest @ ..] => {
            let span = path.iter().position(|b| *b == b'/').unwrap_or(path.len());
            (0..=span).any(|len| matches_escaped(rest, &path[len..]))
        }
        [b'%', high, low, rest @ ..] => {
            let escape = [b'%', *high, *low];
            path.get(..3).is_some_and(|p| p.eq_ignore_ascii_case(&escape))
                && matches_escaped(rest, &path[3..])
        }
        [b'*', rest @ ..] => {
            let mut path = path;
            loop {
                if matches_escaped(rest, path) {
                    return true;
                }
                match next(path) {
                    Some((c, len)) if c != b'/' => path = &path[len..],
                    _ => return false,
                }
            }
        }
        [literal, rest @ ..] => next(path).is_some_and(|(c, len)| {
            c.eq_ignore_ascii_case(literal) && matches_escaped(rest, &path[len..])
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, uri: &str, expected: bool) {
        let target = Target::parse(uri.as_bytes()).expect("well-formed");
        assert_eq!(matches_target(pattern.as_bytes(), &target), expected, "{pattern} {uri}");
    }

    #[test]
    fn a_path_matches_in_any_case_and_cleaned() {
        check("/admin/*", "/%61dmin/x", true);
        check("/admin/*", "//ADMIN/x", true);
        check("/admin/*", "/x/../admin/y", true);
        check("/admin/*", "/admin%2Fz", true);
        check("/admin/*", "/admin", false);
        check("/admin/*", "/admin/../other", false);
        check("//dbl/*", "//dbl/a", true);
        check("//dbl/*", "/dbl/a", false);
        check("*.php", "/a/B.PHP", true);
        check("*.php/*", "/a.php/x", true);
        check("*/x/*", "/a/x/b", true);
        check("/a/*/c", "/a/b/c", true);
        check("/exact", "/exact/", false);
    }

    #[test]
    fn a_pattern_with_escapes_is_compared_with_escapes() {
        check("/enc%2fx/*", "/enc%2Fx/y", true);
        check("/enc%2fx/*", "/enc%2Fx/y/z", false);
        check("/enc%2fx/*", "/enc/x/y", false);
        check("/bands/%*/end", "/bands/a%2Fb/end", true);
        check("/bands/%*/end", "/bands/a/b/end", false);
    }
}
