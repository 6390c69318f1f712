//! Values that many directives read: numbers, sizes, durations, scalars, with Go's error
//! texts.

use super::error::{Error, Result};
use crate::config::NO_PLUGINS;
use crate::config::duration::Duration;
use caddyfile_parser::{Dispenser, Token};
use serde_json::Value;

/// Numbers that Go keeps as floating point above this size when JSON passes through it.
const EXACT_MAX: u64 = 1 << 53;

/// Names of sizes in bytes, with and without their final `b`.
const SIZES: [(&str, f64); 13] = [
    ("", 1.0),
    ("ki", 1024.0),
    ("k", 1e3),
    ("mi", 1_048_576.0),
    ("m", 1e6),
    ("gi", 1_073_741_824.0),
    ("g", 1e9),
    ("ti", 1_099_511_627_776.0),
    ("t", 1e12),
    ("pi", 1_125_899_906_842_624.0),
    ("p", 1e15),
    ("ei", 1_152_921_504_606_846_976.0),
    ("e", 1e18),
];

/// What the word `private_ranges` stands for.
pub(super) const PRIVATE_RANGES: [&str; 6] =
    ["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.1/8", "fd00::/8", "::1"];

/// The argument that must follow on this line.
pub(super) fn expect_arg(d: &mut Dispenser) -> Result<String> {
    if !d.next_arg() {
        return Err(d.arg_err().into());
    }
    Ok(d.val().to_owned())
}

/// The only argument that must follow on this line.
pub(super) fn expect_only_arg(d: &mut Dispenser) -> Result<String> {
    let Some([arg]) = d.all_args() else {
        return Err(d.arg_err().into());
    };
    Ok(arg)
}

/// The arguments that must follow on this line: at least one.
pub(super) fn expect_args(d: &mut Dispenser) -> Result<Vec<String>> {
    let args = d.remaining_args();
    if args.is_empty() { Err(d.arg_err().into()) } else { Ok(args) }
}

/// Fails when something follows on this line.
pub(super) fn expect_no_arg(d: &mut Dispenser) -> Result<()> {
    if d.next_arg() { Err(d.arg_err().into()) } else { Ok(()) }
}

/// Reads an integer as Go's `strconv.Atoi`.
pub(super) fn integer(text: &str) -> std::result::Result<i64, String> {
    signed("Atoi", text, 64)
}

/// Reads an integer of so many bits as Go's `strconv.ParseInt`.
pub(super) fn integer_of(text: &str, bits: u32) -> std::result::Result<i64, String> {
    signed("ParseInt", text, bits)
}

/// Reads an integer of 32 bits without a sign as Go's `strconv.ParseUint`.
pub(super) fn unsigned(text: &str) -> std::result::Result<u32, String> {
    let number = unsigned_of(text, 10, 32)?;
    Ok(u32::try_from(number).expect("32 bits were asked for"))
}

/// Reads an integer of so many bits without a sign as Go's `strconv.ParseUint`.
pub(super) fn unsigned_of(text: &str, base: u32, bits: u32) -> std::result::Result<u64, String> {
    digits(text, base, u64::MAX >> (64 - bits))
        .map_err(|reason| number_error("ParseUint", text, reason))
}

/// Reads a size in bytes, as `16KB` or `1.5 MiB`.
pub(super) fn size(text: &str) -> std::result::Result<u64, String> {
    let end = text.find(|c: char| !c.is_numeric() && c != '.' && c != ',').unwrap_or(text.len());
    let (number, name) = text.split_at(end);
    let number = number.replace(',', "");
    let Ok(value) = number.parse::<f64>() else {
        return Err(format!("strconv.ParseFloat: parsing {number:?}: invalid syntax"));
    };
    let name = name.trim().to_lowercase();
    let short = name.strip_suffix('b').unwrap_or(&name);
    let Some((_, factor)) = SIZES.iter().find(|(size, _)| *size == short) else {
        return Err(format!("unhandled size name: {name}"));
    };
    let bytes = value * factor;
    if bytes >= 18_446_744_073_709_551_615.0 {
        return Err(format!("too large: {text}"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is neither negative nor too large, and fractions of a byte are cut off"
    )]
    Ok(bytes as u64)
}

/// Reads the size in the only argument that must follow; `what` goes in front of an error.
pub(super) fn expect_size(d: &mut Dispenser, what: &str) -> Result<i64> {
    let text = expect_only_arg(d)?;
    // Go wraps what is too large for a signed number.
    let bytes = size(&text).map_err(|error| d.err(format!("{what}: {error}")))?;
    Ok(bytes.cast_signed())
}

/// Reads a duration in the argument that must follow; `what` goes in front of an error.
pub(super) fn expect_duration(d: &mut Dispenser, what: &str) -> Result<Duration> {
    let text = expect_arg(d)?;
    Duration::parse(&text).map_err(|error| d.err(format!("{what}: {error}")).into())
}

/// A token as JSON: numbers and booleans are such unless they are quoted.
pub(super) fn scalar(token: &Token) -> Value {
    let text = token.text.as_str();
    if token.quoted() {
        return Value::from(text);
    }
    if let Ok(number) = text.parse::<i64>()
        && number.unsigned_abs() <= EXACT_MAX
    {
        return Value::from(number);
    }
    if let Some(number) = float(text).and_then(serde_json::Number::from_f64) {
        return Value::Number(number);
    }
    match text {
        "t" | "T" | "true" | "True" | "TRUE" => Value::Bool(true),
        "f" | "F" | "false" | "False" | "FALSE" => Value::Bool(false),
        _ => Value::from(text),
    }
}

/// The part of a certificate's lifetime that is left when it is renewed.
pub(super) fn parse_ratio(d: &Dispenser, text: &str) -> Result<f64> {
    let wrong = |why: &str| {
        let why = format!("strconv.ParseFloat: parsing {text:?}: {why}");
        d.err(format!("parsing renewal_window_ratio: {why}"))
    };
    let ratio = float(text).ok_or_else(|| wrong("invalid syntax"))?;
    if ratio.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) {
        return Err(wrong("value out of range").into());
    }
    if ratio <= 0.0 || ratio >= 1.0 {
        let text = "renewal_window_ratio must be between 0 and 1 (exclusive)";
        return Err(d.err(text).into());
    }
    Ok(ratio)
}

/// Reads a floating point number as Go's `strconv.ParseFloat`: `_` may stand between
/// digits, and `0x1.8p1` is one, too.
fn float(text: &str) -> Option<f64> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"));
    let bytes = unsigned.as_bytes();
    let is_digit = |at: Option<usize>| {
        let digit = at.and_then(|at| bytes.get(at));
        digit.is_some_and(|b| b.is_ascii_digit() || hexadecimal.is_some() && b.is_ascii_hexdigit())
    };
    let after_prefix = |at: usize| hexadecimal.is_some() && at == 2;
    let stands_between =
        |at: usize| is_digit(Some(at + 1)) && (is_digit(at.checked_sub(1)) || after_prefix(at));
    if !unsigned.match_indices('_').all(|(at, _)| stands_between(at)) {
        return None;
    }
    let number = match hexadecimal {
        Some(digits) => hexadecimal_float(&digits.replace('_', ""))?,
        None => unsigned.replace('_', "").parse::<f64>().ok()?,
    };
    Some(sign * number)
}

/// `1.8p1` is 1.5 times two.
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut number = 0.0;
    for ch in whole.chars().chain(fraction.chars()) {
        number = number * 16.0 + f64::from(ch.to_digit(16)?);
    }
    let places = i32::try_from(fraction.len()).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    Some(number * 2_f64.powi(exponent.checked_sub(places.checked_mul(4)?)?))
}

/// A subdirective that is not known; `message` as the directive words it.
pub(super) fn unknown(d: &Dispenser, message: String, known: &[&str]) -> Error {
    Error::from(d.err(message)).suggest(known.iter().copied())
}

/// A module that is not known; `known` are the names of those in its namespace.
pub(super) fn not_registered(d: &Dispenser, namespace: &str, name: &str, known: &[&str]) -> Error {
    let id = format!("{namespace}.{name}");
    let text = format!("getting module named '{id}': module not registered: {id}");
    unknown(d, text, known).or_hint(NO_PLUGINS)
}

/// A header field's name as Go writes it: `x-my-field` is `X-My-Field`.
pub(super) fn canonical_field(name: &str) -> String {
    let in_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !name.bytes().all(in_token) {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len());
    let mut start_of_word = true;
    for ch in name.chars() {
        out.push(if start_of_word { ch.to_ascii_uppercase() } else { ch.to_ascii_lowercase() });
        start_of_word = ch == '-';
    }
    out
}

fn signed(function: &str, text: &str, bits: u32) -> std::result::Result<i64, String> {
    let most = u64::MAX >> (65 - bits);
    let number = match text.strip_prefix('-') {
        Some(rest) => digits(rest, 10, most + 1).map(|number| 0_i64.wrapping_sub_unsigned(number)),
        None => digits(text.strip_prefix('+').unwrap_or(text), 10, most).map(u64::cast_signed),
    };
    number.map_err(|reason| number_error(function, text, reason))
}

/// Reads digits up to the first thing that is wrong, in Go's words.
fn digits(text: &str, base: u32, most: u64) -> std::result::Result<u64, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    if text.is_empty() {
        return Err(SYNTAX);
    }
    let mut number = 0_u64;
    for ch in text.chars() {
        let digit = ch.to_digit(base).ok_or(SYNTAX)?;
        let next = number.checked_mul(base.into()).and_then(|next| next.checked_add(digit.into()));
        number = next.filter(|next| *next <= most).ok_or("value out of range")?;
    }
    Ok(number)
}

fn number_error(function: &str, text: &str, reason: &str) -> String {
    format!("strconv.{function}: parsing {text:?}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_size(text: &str, bytes: std::result::Result<u64, &str>) {
        assert_eq!(size(text), bytes.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        check_size("16384", Ok(16384));
        check_size("16KB", Ok(16000));
        check_size("1.5 MiB", Ok(1_572_864));
        check_size("1,000k", Ok(1_000_000));
        check_size("big", Err("strconv.ParseFloat: parsing \"\": invalid syntax"));
        check_size("1 pear", Err("unhandled size name: pear"));
    }

    #[track_caller]
    fn check_scalar(text: &str, json: &str) {
        let token = Token::new(text, "Caddyfile".into(), 1);
        assert_eq!(scalar(&token).to_string(), json);
    }

    #[test]
    fn bare_words_may_be_numbers_and_booleans() {
        check_scalar("12", "12");
        check_scalar("1.5", "1.5");
        check_scalar("True", "true");
        check_scalar("T1", "\"T1\"");
        check_scalar("1_000.5", "1000.5");
        check_scalar("0x1.8p1", "3.0");
        check_scalar("0x_1p4", "16.0");
        check_scalar("1__0", "\"1__0\"");
        check_scalar("0x10", "\"0x10\"");
        check_scalar("nan", "\"nan\"");
    }

    #[test]
    fn field_names_are_canonical() {
        assert_eq!(canonical_field("x-my-field"), "X-My-Field");
        assert_eq!(canonical_field("with space"), "with space");
    }

    #[test]
    fn numbers_fail_in_gos_words() {
        let error = |text: &str| integer(text).expect_err("the case is no number");
        assert_eq!(error("x"), "strconv.Atoi: parsing \"x\": invalid syntax");
        assert_eq!(
            error("99999999999999999999"),
            "strconv.Atoi: parsing \"99999999999999999999\": value out of range"
        );
        assert!(unsigned("-1").is_err());
        assert_eq!(integer("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(integer_of("2147483647", 32), Ok(2_147_483_647));
        assert_eq!(
            integer_of("2147483648", 32),
            Err("strconv.ParseInt: parsing \"2147483648\": value out of range".to_owned())
        );
        assert_eq!(unsigned_of("0755", 8, 32), Ok(0o755));
        assert_eq!(
            unsigned_of("009x", 8, 32),
            Err("strconv.ParseUint: parsing \"009x\": invalid syntax".to_owned())
        );
    }
}
