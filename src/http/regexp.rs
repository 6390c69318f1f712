//! Regular expressions of matchers: how they are compiled, and what they captured.

use super::server::ProvisionError;
use crate::config::matchers::Regexp as Config;
use crate::go;
use regex::bytes::Regex;
use std::sync::Arc;

/// A compiled expression and the name that its captures have.
#[derive(Clone, Debug)]
pub(crate) struct Regexp(Arc<Named>);

#[derive(Debug)]
struct Named {
    name: String,
    regex: Regex,
}

/// What an expression found in a request: `{http.regexp.NAME.GROUP}`.
#[derive(Debug)]
pub(crate) struct Captured {
    regexp: Regexp,
    /// By the groups' numbers; a group that took no part is empty.
    groups: Vec<Vec<u8>>,
}

impl Regexp {
    /// Compiles an expression.
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let Config { name, pattern } = config;
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let text = format!("invalid regexp name (must contain only word characters): {name}");
            return Err(ProvisionError::Invalid(text));
        }
        let regex = go::regexp::compile_bytes(pattern).map_err(|why| {
            ProvisionError::Invalid(format!("compiling matcher regexp {pattern}: {why}"))
        })?;
        Ok(Self(Arc::new(Named { name: name.clone(), regex })))
    }

    /// What it finds first.
    pub(super) fn find(&self, text: &[u8]) -> Option<Captured> {
        let found = self.0.regex.captures(text)?;
        let group = |group: Option<regex::bytes::Match<'_>>| {
            group.map(|group| group.as_bytes().to_vec()).unwrap_or_default()
        };
        Some(Captured { regexp: self.clone(), groups: found.iter().map(group).collect() })
    }
}

impl Captured {
    /// The group that `key` names: its number or its name, behind the expression's name
    /// and a dot or alone.
    pub(super) fn group(&self, key: &str) -> Option<&[u8]> {
        let Named { name, regex } = &*self.regexp.0;
        let own = key.strip_prefix(name.as_str()).and_then(|key| key.strip_prefix('.'));
        let own = own.filter(|_| !name.is_empty());
        own.into_iter().chain([key]).find_map(|group| {
            let is_number = group.bytes().all(|b| b.is_ascii_digit());
            let index = match group.parse() {
                // `01` is no number of a group.
                Ok(index) if is_number && (group == "0" || !group.starts_with('0')) => index,
                _ => regex.capture_names().position(|name| name == Some(group))?,
            };
            self.groups.get::<usize>(index).map(Vec::as_slice)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, pattern: &str) -> Result<Regexp, String> {
        let config = Config { name: name.to_owned(), pattern: pattern.to_owned() };
        Regexp::provision(&config).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check(key: &str, expected: Option<&str>) {
        let regexp = new("x", "(?P<letter>[a-z])(\\d)(z)?").expect("the case is an expression");
        let captured = regexp.find(b"..a1..").expect("it finds something");
        let group = captured.group(key).map(String::from_utf8_lossy);
        assert_eq!(group.as_deref(), expected, "{key}");
    }

    #[test]
    fn groups_have_numbers_and_names() {
        check("x.0", Some("a1"));
        check("1", Some("a"));
        check("x.letter", Some("a"));
        check("letter", Some("a"));
        check("x.3", Some(""));
        check("x.4", None);
        check("y.1", None);
        check("x.01", None);
    }

    #[track_caller]
    fn check_error(pattern: &str, why: &str) {
        let error = new("", pattern).expect_err("the case is wrong");
        assert_eq!(
            error,
            format!("compiling matcher regexp {pattern}: error parsing regexp: {why}")
        );
    }

    #[test]
    fn wrong_expressions_are_refused_in_gos_words() {
        check_error("([a-z", "missing closing ]: `[a-z`");
        check_error("(a", "missing closing ): `(a`");
        check_error("a)", "unexpected ): `a)`");
        check_error("*", "missing argument to repetition operator: `*`");
        check_error("[z-a]", "invalid character class range: `z-a`");
        check_error("a\\", "trailing backslash at end of expression: ``");
        check_error("(?=a)", "invalid or unsupported Perl syntax: `(?=`");
        check_error("a(?z)", "invalid or unsupported Perl syntax: `(?z`");
        check_error("a{3,1}", "invalid repeat count: `{3,1}`");
        check_error("\\1", "invalid escape sequence: `\\1`");
    }

    #[test]
    fn a_name_is_a_word() {
        assert_eq!(
            new("a b", "x").expect_err("it has a space"),
            "invalid regexp name (must contain only word characters): a b"
        );
    }
}
