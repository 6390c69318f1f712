//! Environment variables in the text of a Caddyfile.

use crate::loader::Loader;

/// Replaces each `{$NAME}` and `{$NAME:default}` by the variable's value.
///
/// This happens before there are tokens, so a value may hold several words,
/// quotes and braces. It is not looked into again. The default is for a
/// variable that is not set; one that is set to nothing is replaced by nothing.
/// `{$}` stays as it is.
pub(crate) fn substitute(input: &[u8], loader: &dyn Loader) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some(begin) = find(rest, b"{$") {
        let Some(length) = find(&rest[begin + 2..], b"}") else { break };
        let inside = &rest[begin + 2..][..length];
        let after = &rest[begin + 2 + length + 1..];
        if inside.is_empty() {
            output.extend_from_slice(&rest[..begin + b"{$}".len()]);
        } else {
            output.extend_from_slice(&rest[..begin]);
            output.extend_from_slice(&value(inside, loader));
        }
        rest = after;
    }
    output.extend_from_slice(rest);
    output
}

/// The value for `NAME` or `NAME:default`.
fn value(inside: &[u8], loader: &dyn Loader) -> Vec<u8> {
    let (name, default) = match find(inside, b":") {
        Some(colon) => (&inside[..colon], &inside[colon + 1..]),
        None => (inside, &[][..]),
    };
    str::from_utf8(name).ok().and_then(|name| loader.env(name)).unwrap_or_else(|| default.to_vec())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::substitute;
    use crate::loader::tests::Memory;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        let loader = Memory::default()
            .with_env("HOST", "example.com")
            .with_env("EMPTY", "")
            .with_env("NESTED", "{$HOST}")
            .with_env("WORDS", "a b {");
        let output = substitute(input.as_bytes(), &loader);
        assert_eq!(String::from_utf8_lossy(&output), expected);
    }

    #[test]
    fn a_variable_gives_its_value() {
        check("{$HOST} {", "example.com {");
        check("a{$HOST}b{$WORDS}", "aexample.comba b {");
    }

    #[test]
    fn the_default_is_for_a_variable_that_is_not_set() {
        check("{$NO:localhost:80}", "localhost:80");
        check("{$EMPTY:localhost}|", "|");
        check("{$NO}|{$NO:}|", "||");
    }

    #[test]
    fn a_value_is_not_looked_into() {
        check("{$NESTED}", "{$HOST}");
    }

    #[test]
    fn what_is_no_variable_stays() {
        check("{$} {env.HOST} {$HOST", "{$} {env.HOST} {$HOST");
        check("{$:x}", "x");
        check("{$}HOST} {$HOST}", "{$}HOST} example.com");
    }
}
