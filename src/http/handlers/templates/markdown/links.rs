//! Addresses that stand in a text as such.

use regex::Regex;
use std::sync::LazyLock;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    /// An address, and what its link has before it.
    Link {
        scheme: &'static str,
        text: &'t str,
    },
}

/// URLs with a scheme, or with `www.` instead.
static URL: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"^(?:(?:https?|ftp)://|www\.)[-a-zA-Z0-9@:%._+~#=]{1,256}\.[a-z]+(?::\d+)?(?:[/#?][-a-zA-Z0-9@:%_+.~#$!?&/=();,'">^{}\[\]`]*)?"#;
    Regex::new(pattern).expect("the pattern is right")
});

/// An e-mail address up to where its domain ends.
static MAIL: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"^[a-zA-Z0-9!#$%&'*+./=?^_`{|}~-]+@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+";
    Regex::new(pattern).expect("the pattern is right")
});

/// Whether an address may stand behind this byte, or at the beginning.
const fn may_follow(before: Option<u8>) -> bool {
    matches!(before, None | Some(b' ' | b'\n' | b'*' | b'_' | b'~' | b'('))
}

/// The addresses in a text, and what is between them. `before` is what stands before it.
pub(super) fn pieces(text: &str, mut before: Option<u8>) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        if may_follow(before)
            && let Some((scheme, len)) = address(&text[at..])
        {
            if start < at {
                pieces.push(Piece::Text(&text[start..at]));
            }
            pieces.push(Piece::Link { scheme, text: &text[at..at + len] });
            at += len;
            (start, before) = (at, Some(b'a'));
            continue;
        }
        let c = text[at..].chars().next().map_or(1, char::len_utf8);
        before = Some(text.as_bytes()[at]);
        at += c;
    }
    if start < text.len() {
        pieces.push(Piece::Text(&text[start..]));
    }
    pieces
}

/// The length of the address that a text begins with, and what its link has before it.
fn address(text: &str) -> Option<(&'static str, usize)> {
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    if let Some(found) = URL.find(text) {
        let scheme = if text.starts_with("www.") { "http://" } else { "" };
        return Some((scheme, trimmed(found.as_str()).len()));
    }
    let found = MAIL.find(text)?.as_str();
    let next = text[found.len()..].chars().next();
    let is_cut = found.ends_with('-') || matches!(next, Some('-' | '_'));
    (!is_cut).then_some(("mailto:", found.len()))
}

/// An address without the signs that belong to the sentence around it.
fn trimmed(url: &str) -> &str {
    let url = url.trim_end_matches(['?', '!', '.', ',', ':', '*', '_', '~']);
    if url.ends_with(')') {
        let count = |sign: char| url.matches(sign).count();
        let extra = count(')').saturating_sub(count('('));
        return &url[..url.len() - extra.min(url.len() - 1)];
    }
    if let Some(rest) = url.strip_suffix(';') {
        let name = rest.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
        if name.len() < rest.len() && name.ends_with('&') {
            return &name[..name.len() - 1];
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = pieces(text, None);
        let links = found.iter().filter_map(|piece| match piece {
            Piece::Link { scheme, text } => Some(format!("{scheme}{text}")),
            Piece::Text(_) => None,
        });
        assert_eq!(links.collect::<Vec<_>>(), expected, "{text}");
        let whole = found.iter().map(|piece| match piece {
            Piece::Text(text) | Piece::Link { text, .. } => *text,
        });
        assert_eq!(whole.collect::<String>(), text);
    }

    #[test]
    fn addresses_end_where_their_sentence_goes_on() {
        check(
            "see http://a.b/c?d=e&f, or (https://x.y/z(1)).",
            &["http://a.b/c?d=e&f", "https://x.y/z(1)"],
        );
        check("www.a.org! me@b.org. x@y", &["http://www.a.org", "mailto:me@b.org"]);
        check("http://a.b/?x&lt;", &["http://a.b/?x"]);
        check("\"http://a.b\" ahttp://a.b a@b.c_d é http://local", &[]);
    }
}
