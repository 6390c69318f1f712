//! `path /a* *.php`: the request's path, in any case, cleaned.
//!
//! A `*` at the end is a prefix match, at the start a suffix match, at both a substring
//! match; others stay within a segment. A pattern with `%` is compared with the escapes
//! of the request: `%2F` matches that escape only, `%*` a segment with its escapes.

use super::Key;
use crate::http::exchange::Exchange;
use crate::http::glob;
use crate::http::placeholder::{Template, Unknown};
use crate::http::routes::first_folder;
use crate::http::uri::{self, Target};
use std::borrow::Cow;

/// The compiled matcher.
#[derive(Debug)]
pub(crate) struct Path(Vec<Pattern>);

#[derive(Debug)]
enum Pattern {
    /// The same for every request.
    Known(Form),
    /// With placeholders.
    Filled(Template),
}

/// A pattern by how it is compared.
#[derive(Debug)]
struct Form {
    kind: Kind,
    /// What is compared, in lower case; without the stars that `kind` stands for.
    text: Vec<u8>,
    /// Whether several slashes of a path are one.
    merge: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Everything,
    Whole,
    Start,
    End,
    Within,
    Glob,
    /// With `%`: compared with escapes.
    Escaped,
}

impl Path {
    /// Compiles patterns.
    pub(crate) fn new(patterns: &[String]) -> Self {
        let compile = |p: &String| {
            // The name of a placeholder keeps its case.
            let text = if p.contains('{') { p.clone() } else { p.to_lowercase() };
            let template = Template::new(&text, Unknown::Vanishes);
            match template.literal() {
                Some(literal) => Pattern::Known(Form::new(literal.to_vec())),
                None => Pattern::Filled(template),
            }
        };
        Self(patterns.iter().map(compile).collect())
    }

    /// Names of which a path must have one, if all patterns have one.
    pub(super) fn keys(&self) -> Option<Vec<Key<'_>>> {
        self.0.iter().map(Pattern::key).collect()
    }

    /// Whether the request's path matches one of them.
    pub(crate) fn matches(&self, ex: &Exchange<'_>) -> bool {
        let clean = uri::clean_request_path(&ex.target.path, true);
        self.0.iter().any(|pattern| match pattern {
            Pattern::Known(form) => form.matches(&ex.target, &clean),
            Pattern::Filled(template) => {
                Form::new(template.fill(ex).to_ascii_lowercase()).matches(&ex.target, &clean)
            }
        })
    }
}

impl Pattern {
    fn key(&self) -> Option<Key<'_>> {
        match self {
            Self::Known(Form { kind: Kind::Whole, text, merge: true }) => Some(Key::Path(text)),
            Self::Known(Form { kind: Kind::Start, text, merge: true }) => {
                first_folder(text).map(Key::Folder)
            }
            _ => None,
        }
    }
}

impl Form {
    fn new(mut text: Vec<u8>) -> Self {
        let stars = text.iter().filter(|b| **b == b'*').count();
        let merge = !text.windows(2).any(|w| w == b"//");
        let (kind, from, to) = match &*text {
            b"*" => (Kind::Everything, 0, 0),
            text if text.contains(&b'%') => (Kind::Escaped, 0, 0),
            [b'*', .., b'*'] if stars == 2 => (Kind::Within, 1, 1),
            [b'*', ..] if stars == 1 => (Kind::End, 1, 0),
            [.., b'*'] if stars == 1 => (Kind::Start, 0, 1),
            text if glob::has_meta(text) => (Kind::Glob, 0, 0),
            _ => (Kind::Whole, 0, 0),
        };
        text.truncate(text.len() - to);
        text.drain(..from);
        Self { kind, text, merge }
    }

    /// Compares with a path; `clean` is the same path, clean and its slashes merged.
    fn matches(&self, target: &Target, clean: &[u8]) -> bool {
        let text = &*self.text;
        let path = match self.kind {
            Kind::Everything => return true,
            Kind::Escaped => {
                let path = target.escaped_path();
                return matches_escaped(text, &uri::clean_request_path(&path, self.merge));
            }
            _ if self.merge => Cow::Borrowed(clean),
            _ => uri::clean_request_path(&target.path, false),
        };
        let ends = |part: Option<&[u8]>| part.is_some_and(|part| part.eq_ignore_ascii_case(text));
        match self.kind {
            Kind::Within if text.is_empty() => true,
            Kind::Within => path.windows(text.len()).any(|w| w.eq_ignore_ascii_case(text)),
            Kind::End => ends(path.len().checked_sub(text.len()).map(|at| &path[at..])),
            Kind::Start => ends(path.get(..text.len())),
            Kind::Whole => ends(Some(&path)),
            _ => glob::matches(text, &path.to_ascii_lowercase()),
        }
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
        let clean = uri::clean_request_path(&target.path, true);
        let got = Form::new(pattern.as_bytes().to_vec()).matches(&target, &clean);
        assert_eq!(got, expected, "{pattern} {uri}");
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
    fn a_path_is_found_by_its_name_or_its_first_folder() {
        let check = |patterns: &[&str], expected: Option<&[Key<'_>]>| {
            let path = Path::new(&patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
            assert_eq!(path.keys().as_deref(), expected, "{patterns:?}");
        };
        check(&["/A", "/b/*"], Some(&[Key::Path(b"/a"), Key::Folder(b"/b/")]));
        check(&["/b/c*"], Some(&[Key::Folder(b"/b/")]));
        check(&["/b*"], None);
        check(&["/a", "*.php"], None);
        check(&["/{path.0}"], None);
        check(&["/a//b"], None);
        check(&["/a?"], None);
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
