//! An expression's tokens.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A name, or a word of the language.
    Identifier,
    /// A number.
    Number,
    /// A text or bytes, with its quotes.
    Text,
    /// A sign.
    Operator,
    /// A character that no token begins with, or a text that does not end.
    Unknown,
    /// The end.
    End,
}

/// A token, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) sort: Sort,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The tokens of a text; the last is its end.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (sort, length) = match first {
            ' ' | '\t' | '\r' | '\n' | '\u{c}' => {
                at += 1;
                continue;
            }
            '/' if rest.starts_with("//") => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '0'..='9' => (Sort::Number, number_length(rest)),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                (Sort::Number, number_length(rest))
            }
            '"' | '\'' => text_length(rest, 0),
            'r' | 'R' | 'b' | 'B' if prefix_length(rest).is_some() => {
                text_length(rest, prefix_length(rest).unwrap_or(0))
            }
            '_' | 'a'..='z' | 'A'..='Z' => (Sort::Identifier, word_length(rest)),
            _ => operator(rest),
        };
        found.push(Token { sort, start: at, end: at + length });
        at += length;
    }
    found.push(Token { sort: Sort::End, start: source.len(), end: source.len() });
    found
}

fn operator(rest: &str) -> (Sort, usize) {
    const LONG: [&str; 6] = ["&&", "||", "==", "!=", "<=", ">="];
    if LONG.iter().any(|operator| rest.starts_with(operator)) {
        return (Sort::Operator, 2);
    }
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let is_known = rest.starts_with([
        '(', ')', '[', ']', '{', '}', '.', ',', '?', ':', '!', '<', '>', '+', '-', '*', '/', '%',
    ]);
    (if is_known { Sort::Operator } else { Sort::Unknown }, first)
}

fn word_length(rest: &str) -> usize {
    rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len())
}

/// `12`, `0x1f`, `1.5e-3`, each whole one perhaps with a `u`. A point without a digit behind
/// it is no part of a number.
fn number_length(rest: &str) -> usize {
    let digits = |text: &str, is: fn(&char) -> bool| text.chars().take_while(is).count();
    let decimal = |text: &str| digits(text, |c| c.is_ascii_digit());
    let unsigned = |end: usize| end + usize::from(rest[end..].starts_with(['u', 'U']));
    if let Some(hex) = rest.strip_prefix("0x") {
        let hex = digits(hex, |c| c.is_ascii_hexdigit());
        if hex > 0 {
            return unsigned(2 + hex);
        }
    }
    let whole = decimal(rest);
    let mut end = whole;
    let fraction = rest[end..].strip_prefix('.').map_or(0, decimal);
    if fraction > 0 {
        end += 1 + fraction;
    }
    let exponent = rest[end..].strip_prefix(['e', 'E']).map_or(0, |after| {
        let sign = usize::from(after.starts_with(['+', '-']));
        let length = decimal(&after[sign..]);
        if length > 0 { 1 + sign + length } else { 0 }
    });
    end += exponent;
    if end == whole { unsigned(end) } else { end }
}

/// How long the letters before a text's quote are: `r`, `b`, `rb`, `br`.
fn prefix_length(rest: &str) -> Option<usize> {
    let end = rest.find(['"', '\''])?;
    let letters = rest[..end].to_ascii_lowercase();
    matches!(letters.as_str(), "r" | "b" | "rb" | "br").then_some(end)
}

fn text_length(rest: &str, prefix: usize) -> (Sort, usize) {
    let is_raw = rest[..prefix].contains(['r', 'R']);
    let body = &rest[prefix..];
    let quote = quote(body);
    let mut at = quote.len();
    while let Some(c) = body[at..].chars().next() {
        if body[at..].starts_with(quote) {
            return (Sort::Text, prefix + at + quote.len());
        }
        if c == '\n' && quote.len() == 1 {
            break;
        }
        at += c.len_utf8();
        if c == '\\' && !is_raw {
            at += body[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    (Sort::Unknown, prefix + at)
}

/// The quote that a text begins with.
pub(crate) fn quote(body: &str) -> &str {
    if body.starts_with("\"\"\"") || body.starts_with("'''") { &body[..3] } else { &body[..1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let all = tokens(source);
        let texts: Vec<&str> = all.iter().map(|t| &source[t.start..t.end]).collect();
        assert_eq!(texts.join(" "), format!("{expected} "), "{source}");
    }

    #[test]
    fn numbers_end_where_they_must() {
        check("1.all", "1 . all");
        check("1.5e-3u", "1.5e-3 u");
        check("0x1fu .5 1e 2u", "0x1fu .5 1 e 2u");
        check("1+2", "1 + 2");
    }

    #[test]
    fn texts_know_their_quotes() {
        check(r#"r'\' b"x\"" '''a'b''' "e"#, r#"r'\' b"x\"" '''a'b''' "e"#);
        check("a<=b // c", "a <= b");
    }
}
