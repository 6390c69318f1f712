//! Prints values as Go's `fmt` does.

use crate::Value;
use std::fmt::Write;

/// The widest that a value is padded to, and the most digits behind a point.
const WIDTH_MAX: usize = 1000;

/// From this exponent on the shortest text of a fraction has one.
const SHORTEST_LIMIT: i32 = 6;

/// `%v` of a value.
pub fn sprint(value: &Value) -> String {
    let mut out = String::new();
    print_into(value, &mut out);
    out
}

fn print_into(value: &Value, out: &mut String) {
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::Float(n) => out.push_str(&float(*n)),
        Value::Str(s) => out.push_str(s),
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                print_into(item, out);
            }
            out.push(']');
        }
        Value::Map(fields) => {
            out.push_str("map[");
            for (i, (key, value)) in fields.borrow().iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                print_into(value, out);
            }
            out.push(']');
        }
        Value::Object(object) => out.push_str(&object.print()),
        Value::Func(_) => out.push_str("<func>"),
    }
}

/// `%v` of a fraction: the shortest text that reads back, with an exponent below 1e-4 and
/// from a million on.
pub fn float(n: f64) -> String {
    general(n, None, false)
}

fn special(n: f64) -> Option<&'static str> {
    match n {
        _ if n.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// `%e`: at least two digits of exponent.
fn exponential(n: f64, precision: Option<usize>, upper: bool) -> String {
    let text = match precision {
        Some(p) => format!("{n:.p$e}"),
        None => format!("{n:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    let e = if upper { 'E' } else { 'e' };
    format!("{digits}{e}{sign}{exponent:0>2}")
}

/// `%g`, with an exponent when that is below -4 or at least the precision.
fn general(n: f64, precision: Option<usize>, upper: bool) -> String {
    if let Some(text) = special(n) {
        return text.to_owned();
    }
    let text = match precision {
        Some(p) => format!("{n:.*e}", p.max(1) - 1),
        None => format!("{n:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let limit = precision.map_or(SHORTEST_LIMIT, |p| i32::try_from(p.max(1)).unwrap_or(i32::MAX));
    let significant = digits.bytes().filter(u8::is_ascii_digit).count();
    if exponent < -4 || exponent >= limit {
        let digits = trim_zeros(digits, precision.is_some());
        let places = digits.split_once('.').map_or(0, |(_, places)| places.len());
        return exponential(n, Some(places), upper);
    }
    let whole = i32::try_from(significant).unwrap_or(i32::MAX) - 1;
    let places = usize::try_from(whole - exponent).unwrap_or(0);
    let text = format!("{n:.places$}");
    trim_zeros(&text, precision.is_some()).to_owned()
}

fn trim_zeros(text: &str, trims: bool) -> &str {
    if trims && text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// A text in Go's double quotes.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What stands between `%` and the verb.
#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// `printf`.
pub fn sprintf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut used = 0;
    let mut reordered = false;
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (spec, verb, behind) = spec(after, args, &mut used, &mut reordered);
        rest = behind;
        match verb {
            None => {
                out.push_str("%!(NOVERB)");
                return out;
            }
            Some('%') => out.push('%'),
            Some(verb) => {
                match args.get(used) {
                    Some(arg) => verb_into(&spec, verb, arg, &mut out),
                    None => out.push_str(&format!("%!{verb}(MISSING)")),
                }
                used += 1;
            }
        }
    }
    out.push_str(rest);
    if !reordered && used < args.len() {
        let extra: Vec<String> = args[used..]
            .iter()
            .map(|arg| match arg {
                Value::Nil => "<nil>".to_owned(),
                arg => format!("{}={}", arg.type_name(), sprint(arg)),
            })
            .collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

/// Reads flags, width and precision; the verb, and what is behind it.
fn spec<'f>(
    text: &'f str,
    args: &[Value],
    used: &mut usize,
    reordered: &mut bool,
) -> (Spec, Option<char>, &'f str) {
    let mut spec = Spec::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '-' => spec.minus = true,
            '+' => spec.plus = true,
            '#' => spec.sharp = true,
            ' ' => spec.space = true,
            '0' => spec.zero = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    rest = index(rest, used, reordered);
    (spec.width, rest) = size(rest, args, used);
    if let Some(behind) = rest.strip_prefix('.') {
        let (precision, behind) = size(behind, args, used);
        spec.precision = Some(precision.unwrap_or(0));
        rest = behind;
    }
    rest = index(rest, used, reordered);
    let verb = rest.chars().next();
    (spec, verb, &rest[verb.map_or(0, char::len_utf8)..])
}

/// `[n]`, which says which argument comes next.
fn index<'f>(text: &'f str, used: &mut usize, reordered: &mut bool) -> &'f str {
    let inside = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let Some((number, rest)) = inside else { return text };
    *reordered = true;
    *used = number.parse::<usize>().map_or(usize::MAX, |n| n.wrapping_sub(1));
    rest
}

/// A number, or `*` for one among the arguments.
fn size<'f>(text: &'f str, args: &[Value], used: &mut usize) -> (Option<usize>, &'f str) {
    if let Some(rest) = text.strip_prefix('*') {
        let given = args.get(*used);
        *used += 1;
        let size = match given {
            Some(Value::Int(n)) => usize::try_from(*n).ok(),
            _ => None,
        };
        return (size.map(|size| size.min(WIDTH_MAX)), rest);
    }
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let size = text[..len].parse::<usize>().ok();
    (size.map(|size| size.min(WIDTH_MAX)), &text[len..])
}

fn verb_into(spec: &Spec, verb: char, arg: &Value, out: &mut String) {
    let text = match (verb, arg) {
        ('v', Value::Str(s)) if spec.sharp => quote(s),
        ('v', _) => sprint(arg),
        ('T', _) => arg.type_name().to_owned(),
        ('t', Value::Bool(b)) => b.to_string(),
        ('d', Value::Int(n)) => n.to_string(),
        ('b', Value::Int(n)) => radix(*n, |n| format!("{n:b}"), if spec.sharp { "0b" } else { "" }),
        ('o', Value::Int(n)) => radix(*n, |n| format!("{n:o}"), if spec.sharp { "0" } else { "" }),
        ('O', Value::Int(n)) => radix(*n, |n| format!("{n:o}"), "0o"),
        ('x', Value::Int(n)) => radix(*n, |n| format!("{n:x}"), if spec.sharp { "0x" } else { "" }),
        ('X', Value::Int(n)) => radix(*n, |n| format!("{n:X}"), if spec.sharp { "0X" } else { "" }),
        ('c', Value::Int(n)) => character(*n).to_string(),
        ('q', Value::Int(n)) => format!("'{}'", character(*n)),
        ('U', Value::Int(n)) => format!("U+{n:04X}"),
        ('s', Value::Str(s)) => cut(s, spec.precision),
        ('q', Value::Str(s)) => quote(&cut(s, spec.precision)),
        ('x', Value::Str(s)) => bytes(s, spec, |b| format!("{b:02x}")),
        ('X', Value::Str(s)) => bytes(s, spec, |b| format!("{b:02X}")),
        ('f' | 'F', Value::Float(n)) => match special(*n) {
            Some(text) => text.to_owned(),
            None => format!("{n:.*}", spec.precision.unwrap_or(6)),
        },
        ('e' | 'E', Value::Float(n)) => match special(*n) {
            Some(text) => text.to_owned(),
            None => exponential(*n, Some(spec.precision.unwrap_or(6)), verb == 'E'),
        },
        ('g' | 'G', Value::Float(n)) => general(*n, spec.precision, verb == 'G'),
        (_, Value::List(items)) => {
            let mut list = String::from("[");
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    list.push(' ');
                }
                verb_into(spec, verb, item, &mut list);
            }
            out.push_str(&(list + "]"));
            return;
        }
        ('s', Value::Object(_)) => sprint(arg),
        ('b' | 'c' | 'd' | 'o' | 'O' | 'q' | 'U' | 'x' | 'X', Value::Object(object))
            if object.number().is_some() =>
        {
            let number = Value::Int(object.number().unwrap_or(0));
            return verb_into(spec, verb, &number, out);
        }
        (_, Value::Nil) => format!("%!{verb}(<nil>)"),
        _ => format!("%!{verb}({}={})", arg.type_name(), sprint(arg)),
    };
    pad_into(spec, &signed(spec, arg, text), matches!(arg, Value::Int(_) | Value::Float(_)), out);
}

/// The bytes of a text, with blanks between them if that is asked for.
fn bytes(text: &str, spec: &Spec, write: impl Fn(u8) -> String) -> String {
    text.bytes().map(write).collect::<Vec<_>>().join(if spec.space { " " } else { "" })
}

/// Puts the sign before a number where it is asked for.
fn signed(spec: &Spec, arg: &Value, text: String) -> String {
    let is_number = matches!(arg, Value::Int(_) | Value::Float(_));
    if !is_number || text.starts_with(['-', '+', '%', '\'', 'U']) {
        return text;
    }
    match (spec.plus, spec.space) {
        (true, _) => format!("+{text}"),
        (false, true) => format!(" {text}"),
        (false, false) => text,
    }
}

fn pad_into(spec: &Spec, text: &str, is_number: bool, out: &mut String) {
    let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    if spec.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if spec.zero && is_number {
        let at = usize::from(text.starts_with(['-', '+', ' ']));
        out.push_str(&text[..at]);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(&text[at..]);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
}

fn radix(n: i64, digits: impl Fn(u64) -> String, prefix: &str) -> String {
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{prefix}{}", digits(n.unsigned_abs()))
}

fn character(n: i64) -> char {
    u32::try_from(n).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn cut(text: &str, precision: Option<usize>) -> String {
    match precision {
        Some(len) => text.chars().take(len).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, args: &[Value], expected: &str) {
        assert_eq!(sprintf(format, args), expected);
    }

    #[test]
    fn verbs_print_as_in_go() {
        check("%d %5d|%-5d|%05d %+d", &[1, 2, 3, -4, 5].map(Value::Int), "1     2|3    |-0004 +5");
        check(
            "%x %X %#x %o %b %c %U",
            &[255, 255, 255, 8, 5, 65, 9731].map(Value::Int),
            "ff FF 0xff 10 101 A U+2603",
        );
        check(
            "%s %q %.2s %5s|%x",
            &["a", "b\"\n", "cde", "f", "hi"].map(Value::str),
            "a \"b\\\"\\n\" cd     f|6869",
        );
        check(
            "%f %.2f %e %g %v",
            &[1.5, 2.345, 1234.5, 0.1, 1e21].map(Value::Float),
            "1.500000 2.35 1.234500e+03 0.1 1e+21",
        );
        check("%t %v %T", &[Value::Bool(true), Value::Nil, Value::Int(1)], "true <nil> int");
        check("%[2]s %[1]s", &["a", "b"].map(Value::str), "b a");
        check("%*d", &[Value::Int(4), Value::Int(7)], "   7");
    }

    #[test]
    fn what_does_not_fit_is_told_in_the_text() {
        check("%d", &[Value::str("x")], "%!d(string=x)");
        check("%d", &[], "%!d(MISSING)");
        check("a", &[Value::Int(1)], "a%!(EXTRA int=1)");
        check("100%", &[], "100%!(NOVERB)");
    }

    #[test]
    fn fractions_print_as_the_shortest_text_that_reads_back() {
        for (n, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (100_000.0, "100000"),
            (1_234_567.0, "1.234567e+06"),
            (100_000_000.0, "1e+08"),
            (123_456_789.0, "1.23456789e+08"),
            (1e20, "1e+20"),
            (0.000_01, "1e-05"),
            (0.000_1, "0.0001"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(float(n), expected, "{n}");
        }
    }

    #[test]
    fn collections_print_their_items() {
        let map = Value::from_pairs([("b", Value::Int(1)), ("a", Value::list([Value::Nil]))]);
        assert_eq!(sprint(&map), "map[a:[<nil>] b:1]");
    }
}
