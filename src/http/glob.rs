//! `*`, `?` and `[…]` in one segment: Go's `path.Match`.

/// Whether all of `text` matches. `*` and `?` stop at a slash, `\` takes the next
/// character's meaning; a malformed pattern matches nothing.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let mut pattern = pattern;
    let mut text = text;
    // Where to go on when the text after the last `*` does not fit.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some(rest) = pattern.strip_prefix(b"*") {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        if pattern.is_empty() && text.is_empty() {
            return true;
        }
        if let Some((next_pattern, next_text)) = one(pattern, text) {
            (pattern, text) = (next_pattern, next_text);
            continue;
        }
        match retry {
            Some((after_star, [skipped, rest @ ..])) if *skipped != b'/' => {
                retry = Some((after_star, rest));
                (pattern, text) = (after_star, rest);
            }
            _ => return false,
        }
    }
}

/// Matches one character; what is left of both.
fn one<'p, 't>(pattern: &'p [u8], text: &'t [u8]) -> Option<(&'p [u8], &'t [u8])> {
    let (first, rest) = text.split_first()?;
    match pattern {
        [b'?', tail @ ..] => (*first != b'/').then_some((tail, rest)),
        [b'\\', literal, tail @ ..] => (literal == first).then_some((tail, rest)),
        [b'[', class @ ..] => in_class(class, *first).map(|tail| (tail, rest)),
        [literal, tail @ ..] => (literal == first).then_some((tail, rest)),
        [] => None,
    }
}

/// What follows a class that holds `c`.
fn in_class(class: &[u8], c: u8) -> Option<&[u8]> {
    let (negated, mut rest) = match class {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    let mut first = true;
    while first || rest.first() != Some(&b']') {
        first = false;
        let (low, tail) = class_char(rest)?;
        let (high, tail) = match tail {
            [b'-', tail @ ..] => class_char(tail)?,
            _ => (low, tail),
        };
        found |= (low..=high).contains(&c);
        rest = tail;
    }
    (found != negated).then(|| &rest[1..])
}

fn class_char(class: &[u8]) -> Option<(u8, &[u8])> {
    match class {
        [b'\\', c, tail @ ..] => Some((*c, tail)),
        [] | [b'-' | b']' | b'\\', ..] => None,
        [c, tail @ ..] => Some((*c, tail)),
    }
}

/// Whether a text has characters that a pattern gives a meaning.
pub(crate) fn has_meta(text: &[u8]) -> bool {
    text.iter().any(|b| b"*?[\\".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
    }

    #[test]
    fn a_pattern_matches_within_a_segment() {
        check("/a/*/c", "/a/b/c", true);
        check("/a/*/c", "/a/b/b/c", false);
        check("*.php", "x.php", true);
        check("*.php", "a/x.php", false);
        check("a*b*c", "aXbYbZc", true);
        check("a?c", "abc", true);
        check("a?c", "a/c", false);
        check("[a-c]x", "bx", true);
        check("[^a-c]x", "bx", false);
        check("[", "a", false);
        check("[]a]", "]", false);
        check("\\*", "*", true);
        check("", "", true);
        check("a", "", false);
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        check(&"*a".repeat(30), &"a".repeat(2000), true);
        check(&format!("{}b", "*a".repeat(30)), &"a".repeat(2000), false);
    }
}
