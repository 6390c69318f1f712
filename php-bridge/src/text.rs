//! Texts as Go prints them, for messages that callers compare.

use std::fmt::Write;

/// A duration in seconds, as Go's `time.Duration` shows it: `1.5s`, `50ms`, `2m0s`.
pub(crate) fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a float saturates at the ends")]
    let ns = (seconds * 1e9) as i64;
    let (unit, name) = match ns.unsigned_abs() {
        0 => return "0s".into(),
        n if n < 1_000 => (1, "ns"),
        n if n < 1_000_000 => (1_000, "µs"),
        n if n < 1_000_000_000 => (1_000_000, "ms"),
        _ => return long_duration(ns),
    };
    fraction(ns, unit) + name
}

fn long_duration(ns: i64) -> String {
    let seconds = ns / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let rest = fraction(ns % 60_000_000_000, 1_000_000_000) + "s";
    match (hours, minutes) {
        (0, 0) => rest,
        (0, m) => format!("{m}m{rest}"),
        (h, m) => format!("{h}h{m}m{rest}"),
    }
}

/// `ns` counted in `unit`, without trailing zeros.
fn fraction(ns: i64, unit: i64) -> String {
    let whole = ns / unit;
    let digits = usize::try_from(unit.ilog10()).unwrap_or(0);
    let part = format!("{:0digits$}", ns % unit);
    match part.trim_end_matches('0') {
        "" => whole.to_string(),
        part => format!("{whole}.{part}"),
    }
}

/// A name in double quotes, as Go's `%q` shows it.
pub(crate) fn quote(name: &[u8]) -> String {
    let mut text = String::from("\"");
    for chunk in name.utf8_chunks() {
        chunk.valid().chars().for_each(|c| quote_char(c, &mut text));
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text.push('"');
    text
}

fn quote_char(c: char, text: &mut String) {
    let escaped = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        ' ' => " ",
        _ => "",
    };
    let code = u32::from(c);
    let _ = match c {
        _ if !escaped.is_empty() => text.write_str(escaped),
        _ if code < 0x20 || code == 0x7f => write!(text, "\\x{code:02x}"),
        _ if c.is_control() || c.is_whitespace() => write!(text, "\\u{code:04x}"),
        _ => text.write_char(c),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_duration(seconds: f64, expected: &str) {
        assert_eq!(duration(seconds), expected);
    }

    #[test]
    fn durations_read_as_in_go() {
        check_duration(0.0, "0s");
        check_duration(1e-7, "100ns");
        check_duration(2.5e-6, "2.5µs");
        check_duration(0.05, "50ms");
        check_duration(0.1234, "123.4ms");
        check_duration(1.0, "1s");
        check_duration(1.05, "1.05s");
        check_duration(120.0, "2m0s");
        check_duration(3661.5, "1h1m1.5s");
    }

    #[test]
    fn names_are_quoted_as_in_go() {
        assert_eq!(quote(b"nope"), r#""nope""#);
        assert_eq!(quote(b"a\"b"), r#""a\"b""#);
        assert_eq!(quote(b"tab\t"), r#""tab\t""#);
        assert_eq!(quote("é".as_bytes()), "\"é\"");
        assert_eq!(quote(b"nul\0x"), r#""nul\x00x""#);
        assert_eq!(quote(b"\xff"), r#""\xff""#);
    }
}
