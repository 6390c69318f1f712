//! Header fields whose names others mistake for one another.
//!
//! CGI, FastCGI and PHP hand `X-User`, `X_User` and `X.User` to a script as one variable. A
//! proxy in front that sets or removes the first does not know of the others, so whoever
//! sends these is believed (GHSA-f59h-q822-g45g, GHSA-49wc-4hcv-v58q). They are dropped
//! unless the configuration expects them, and then the one with hyphens is.

use crate::config::http::Server as Config;
use http::HeaderMap;

/// Which of them are let through.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    underscore: Expected,
    dot: Expected,
    /// A dotted name passes when no other field is the same variable: FrankenPHP, whose
    /// place a configuration with PHP takes, hands it to scripts.
    dots_alone: bool,
}

/// Expected names with one separator, in small letters.
#[derive(Debug, Default)]
struct Expected {
    names: Vec<String>,
    prefixes: Vec<String>,
}

impl Expected {
    fn new(entries: &[String]) -> Self {
        let mut expected = Self::default();
        for entry in entries {
            let entry = entry.to_ascii_lowercase();
            match entry.strip_suffix('*') {
                Some(prefix) => expected.prefixes.push(prefix.to_owned()),
                None => expected.names.push(entry),
            }
        }
        expected
    }

    fn names(&self, name: &str) -> bool {
        self.names.iter().any(|expected| expected == name)
    }

    fn allows(&self, name: &str) -> bool {
        self.names(name) || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    /// Whether it is an expected name with hyphens in the place of its separators.
    fn has_twin(&self, name: &str, separator: char) -> bool {
        let hyphens = |text: &String| text.replace(separator, "-");
        self.names.iter().any(|expected| hyphens(expected) == name)
            || self.prefixes.iter().any(|prefix| name.starts_with(&hyphens(prefix)))
    }

    const fn is_empty(&self) -> bool {
        self.names.is_empty() && self.prefixes.is_empty()
    }
}

impl Aliases {
    /// What a server's configuration expects.
    pub(super) fn new(config: &Config, with_php: bool) -> Self {
        Self {
            underscore: Expected::new(&config.expected_underscore_headers),
            dot: Expected::new(&config.expected_dot_headers),
            dots_alone: with_php && config.expected_dot_headers.is_empty(),
        }
    }

    /// The names that are not let through.
    pub(super) fn refused<'h>(&self, headers: &'h HeaderMap) -> Vec<&'h str> {
        let expects = !self.underscore.is_empty() || !self.dot.is_empty();
        let is_odd = |name: &str| expects || name.bytes().any(|b| matches!(b, b'_' | b'.'));
        let odd = headers.keys().map(http::HeaderName::as_str).filter(|name| is_odd(name));
        odd.filter(|name| !self.allows(name, headers)).collect()
    }

    fn allows(&self, name: &str, headers: &HeaderMap) -> bool {
        let expected = match (name.contains('_'), name.contains('.')) {
            (false, false) => {
                return !self.underscore.has_twin(name, '_') && !self.dot.has_twin(name, '.');
            }
            (false, true) if self.dots_alone => {
                let twin = |other: &str| other != name && same_variable(other, name);
                return !headers.keys().any(|other| twin(other.as_str()));
            }
            // What a prefix lets through may hold the other separator.
            (true, true) => self.underscore.names(name) || self.dot.names(name),
            (true, false) => self.underscore.allows(name),
            (false, true) => self.dot.allows(name),
        };
        expected && headers.get_all(name).iter().nth(1).is_none()
    }
}

fn same_variable(one: &str, other: &str) -> bool {
    let fold = |b: u8| if matches!(b, b'-' | b'.') { b'_' } else { b };
    one.bytes().map(fold).eq(other.bytes().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[track_caller]
    fn check(config: &str, with_php: bool, names: &[&str], refused: &[&str]) {
        let config = serde_json::from_str(config).expect("a server");
        let mut headers = HeaderMap::new();
        for name in names {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_static("x"));
        }
        assert_eq!(Aliases::new(&config, with_php).refused(&headers), refused, "{names:?}");
    }

    #[test]
    fn only_hyphens_are_let_through_when_nothing_is_expected() {
        let names = ["X-User", "X_User", "X.User", "X_.y"];
        check("{}", false, &names, &["x_user", "x.user", "x_.y"]);
    }

    #[test]
    fn what_is_expected_is_let_through_once_and_its_twin_is_not() {
        let config = r#"{"expected_underscore_headers":["X_User","hook_*"]}"#;
        check(config, false, &["x_user", "x-user", "x-other"], &["x-user"]);
        check(config, false, &["x_user", "x_user"], &["x_user"]);
        check(config, false, &["hook_a", "hook-a", "x.user"], &["hook-a", "x.user"]);
        check(config, false, &["hook_a.b"], &["hook_a.b"]);
        let config = r#"{"expected_dot_headers":["a.b","a_b.c","p.*"]}"#;
        check(config, false, &["a.b", "a-b", "a_b", "a_b.c"], &["a-b", "a_b"]);
        check(config, true, &["p.x", "p.x_y", "q.x"], &["p.x_y", "q.x"]);
    }

    #[test]
    fn a_dotted_name_reaches_php_where_it_is_the_only_one() {
        check("{}", true, &["x.dot", "y.dot", "y-dot", "z_dot"], &["y.dot", "z_dot"]);
        check("{}", true, &["a.b", "a_b"], &["a.b", "a_b"]);
    }
}
