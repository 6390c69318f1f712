//! Text quoted as Go's `%q` quotes it, which is how the texts of errors name things.

use std::fmt::Write;

/// `text` in double quotes, with Go's escapes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            _ => escape(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// A character that is no printable ASCII: itself when it can be seen, else its number.
fn escape(out: &mut String, c: char) {
    let n = u32::from(c);
    // Rust shows what it takes for printable as one character, as Go does.
    let written = if n >= 0x80 && c.escape_debug().count() == 1 {
        out.push(c);
        Ok(())
    } else if n < 0x80 {
        write!(out, "\\x{n:02x}")
    } else if n < 0x1_0000 {
        write!(out, "\\u{n:04x}")
    } else {
        write!(out, "\\U{n:08x}")
    };
    written.expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_as_go_does() {
        for (text, expected) in [
            ("cpu", r#""cpu""#),
            ("nul\0x", r#""nul\x00x""#),
            ("tab\t\"\\", r#""tab\t\"\\""#),
            ("\u{7f}\u{1b}", r#""\x7f\x1b""#),
            ("é日😀", "\"é日😀\""),
            ("\u{200b}\u{e000}\u{f0000}", "\"\\u200b\\ue000\\U000f0000\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
