//! Names of several words: `snakecase`, `kebabcase`, `camelcase`.

use std::iter::Peekable;
use std::str::Chars;

/// What a part of a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A capital with the small letters behind it, or several capitals.
    Capitals,
    /// Letters that begin small.
    Letters,
    Digits,
    /// `-`, `_` and blanks.
    Connectors,
    Punctuation,
    Other,
}

fn is_connector(c: char) -> bool {
    matches!(c, '-' | '_') || c.is_whitespace()
}

fn kind(c: char) -> Kind {
    match c {
        c if is_connector(c) => Kind::Connectors,
        c if c.is_uppercase() => Kind::Capitals,
        c if c.is_alphabetic() => Kind::Letters,
        c if c.is_numeric() => Kind::Digits,
        c if c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c) => Kind::Punctuation,
        _ => Kind::Other,
    }
}

/// The parts of a name.
fn parts(name: &str) -> Vec<(Kind, String)> {
    let mut chars = name.chars().peekable();
    let mut parts: Vec<(Kind, String)> = Vec::new();
    while let Some(first) = chars.next() {
        let kind_here = kind(first);
        let mut part = String::from(first);
        if kind_here == Kind::Capitals {
            take(&mut chars, Kind::Capitals, &mut part);
            let follows = chars.peek().is_some_and(|next| kind(*next) == Kind::Letters);
            if follows && let Some(last) = part.pop().filter(|_| !part.is_empty()) {
                // The last of several capitals begins the next word.
                parts.push((kind_here, std::mem::replace(&mut part, last.into())));
            } else if follows {
                part.push(first);
            }
            take(&mut chars, Kind::Letters, &mut part);
        } else {
            take(&mut chars, kind_here, &mut part);
        }
        parts.push((kind_here, part));
    }
    parts
}

fn take(chars: &mut Peekable<Chars<'_>>, wanted: Kind, part: &mut String) {
    while let Some(c) = chars.next_if(|c| kind(*c) == wanted) {
        part.push(c);
    }
}

/// A name in small letters, its words parted by this sign. Digits belong to the word before
/// them, unless small letters follow: then a word begins with them.
pub(super) fn joined(name: &str, connector: char) -> String {
    let parts = parts(name);
    let kind_at = |at: usize| parts.get(at).map(|(kind, _)| *kind);
    let is_word = |at| !matches!(kind_at(at), None | Some(Kind::Connectors | Kind::Punctuation));
    let mut out = String::with_capacity(name.len() + 4);
    let mut at = 0;
    while let Some((kind, part)) = parts.get(at) {
        match kind {
            Kind::Connectors => out.extend(part.chars().map(|_| connector)),
            _ => out.extend(part.chars().flat_map(char::to_lowercase)),
        }
        at += 1;
        let mut begins_with_digits = *kind == Kind::Digits;
        match kind {
            Kind::Connectors | Kind::Punctuation => continue,
            Kind::Digits => {}
            _ if kind_at(at) == Some(Kind::Digits) => {
                begins_with_digits = kind_at(at + 1) == Some(Kind::Letters);
                if begins_with_digits {
                    out.push(connector);
                }
                out.push_str(&parts[at].1);
                at += 1;
            }
            _ => {}
        }
        while begins_with_digits && matches!(kind_at(at), Some(Kind::Letters | Kind::Digits)) {
            out.push_str(&parts[at].1);
            at += 1;
        }
        if is_word(at) {
            out.push(connector);
        }
    }
    out
}

/// A name whose words begin with capitals. Signs at its ends stay, and all but one of those
/// between words.
pub(super) fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut signs = String::new();
    let mut is_first = true;
    // Whether the word began with a capital, and had nothing else so far.
    let mut lowers = false;
    for c in name.chars() {
        if is_connector(c) {
            signs.push(c);
            continue;
        }
        if is_first || !signs.is_empty() {
            if !is_first {
                signs.pop();
            }
            out.push_str(&signs);
            out.extend(c.to_uppercase());
            lowers = c.is_uppercase();
            is_first = false;
            signs.clear();
            continue;
        }
        lowers &= c.is_uppercase();
        if lowers {
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out + &signs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_as_sprig_finds_them() {
        for (name, expected) in [
            ("FirstName", "first_name"),
            ("HTTPServer", "http_server"),
            ("NoHTTPS", "no_https"),
            ("GO PATH-x", "go_path_x"),
            ("a1b2C3", "a_1b2_c3"),
            ("_X_y", "_x_y"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Duration2m3s", "duration_2m3s"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
            ("a.b", "a.b"),
        ] {
            assert_eq!(joined(name, '_'), expected, "{name}");
        }
    }

    #[test]
    fn words_begin_with_capitals() {
        for (name, expected) in [
            ("http_server", "HttpServer"),
            ("_complex__case_", "_Complex_Case_"),
            ("GOLANG_IS_GREAT", "GolangIsGreat"),
            ("x-y z", "XYZ"),
            ("__", "__"),
            ("", ""),
        ] {
            assert_eq!(camel(name), expected, "{name}");
        }
    }
}
