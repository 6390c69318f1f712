//! Durations as Go writes and reads them: `1h2m3.5s`, and Caddy's `d` for days.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A span of time in nanoseconds, as Go's `time.Duration`.
///
/// JSON holds the number of nanoseconds, or text that [`Duration::parse`] reads.
/// It is shown as Go shows it: `2s`, `1m30s`, `500ms`, `0s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

/// Text that is no duration; shown in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DurationError(String);

/// Longer texts are refused, as Caddy does.
const TEXT_MAX: usize = 1024;

/// The units and their nanoseconds. Two characters are in use for micro.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Duration {
    /// The span as the standard library has it; a negative one is zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Reads a duration of Caddy's: one of Go's that may also count days, as `1d12h`.
    ///
    /// # Errors
    ///
    /// When the text is none, with Go's error text.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        if text.len() > TEXT_MAX {
            return Err(DurationError("parsing duration: input string too long".to_owned()));
        }
        replace_days(text)?.parse()
    }
}

/// Replaces days by hours, which Go knows.
fn replace_days(text: &str) -> Result<String, DurationError> {
    let mut out = String::with_capacity(text.len());
    let mut number_start = 0;
    let mut in_number = false;
    for ch in text.chars() {
        if ch == 'd' {
            let days = &out[number_start..];
            let Ok(count) = days.parse::<f64>() else {
                let message = format!("strconv.ParseFloat: parsing {days:?}: invalid syntax");
                return Err(DurationError(message));
            };
            out.replace_range(number_start.., &format!("{}h", count * 24.0));
            in_number = false;
            continue;
        }
        if !in_number {
            number_start = out.len();
        }
        in_number = ch.is_ascii_digit() || matches!(ch, '.' | '-' | '+');
        out.push(ch);
    }
    Ok(out)
}

impl FromStr for Duration {
    type Err = DurationError;

    /// Reads a duration of Go's, as `time.ParseDuration` does.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let invalid = || DurationError(format!("time: invalid duration {}", quote(text)));
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let limit = 1_u64 << 63;
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (value, after) = part(rest, text)?.ok_or_else(invalid)?;
            rest = after;
            total = total.checked_add(value).filter(|t| *t <= limit).ok_or_else(invalid)?;
        }
        if negative {
            return Ok(Self(0_i64.wrapping_sub_unsigned(total)));
        }
        i64::try_from(total).map(Self).map_err(|_| invalid())
    }
}

/// Reads one number with its unit; `None` when there is none.
fn part<'a>(rest: &'a str, whole: &str) -> Result<Option<(u64, &'a str)>, DurationError> {
    let (int, after_int) = split_digits(rest);
    let (fraction, after) = match after_int.strip_prefix('.') {
        Some(after_dot) => split_digits(after_dot),
        None => ("", after_int),
    };
    if int.is_empty() && fraction.is_empty() {
        return Ok(None);
    }
    let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
    let (unit, after) = after.split_at(end);
    if unit.is_empty() {
        return Err(DurationError(format!("time: missing unit in duration {}", quote(whole))));
    }
    let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let (unit, whole) = (quote(unit), quote(whole));
        return Err(DurationError(format!("time: unknown unit {unit} in duration {whole}")));
    };
    let int = if int.is_empty() { Some(0) } else { int.parse::<u64>().ok() };
    let Some(value) = int.and_then(|int| int.checked_mul(*nanos)) else {
        return Ok(None);
    };
    Ok(value.checked_add(fraction_of(fraction, *nanos)).map(|value| (value, after)))
}

/// The nanoseconds of a fraction of a unit, cut off rather than rounded.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let mut nanos = 0_u128;
    let mut scale = 1_u128;
    // More digits than these are below a nanosecond.
    for digit in digits.bytes().take(18) {
        nanos = nanos * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    u64::try_from(nanos * u128::from(unit) / scale).expect("a fraction is less than its unit")
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Quotes as Go's `time` does: what is not printable ASCII is shown byte by byte.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for ch in text.chars() {
        if ch == '"' || ch == '\\' {
            out.push('\\');
            out.push(ch);
        } else if ch < ' ' || !ch.is_ascii() {
            let mut bytes = [0; 4];
            for byte in ch.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("\\x{byte:02x}"));
            }
        } else {
            out.push(ch);
        }
    }
    out.push('"');
    out
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}µs", decimal(nanos, 1_000)),
            1_000_000..1_000_000_000 => write!(f, "{}ms", decimal(nanos, 1_000_000)),
            _ => {
                let minutes = nanos / 60_000_000_000;
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", decimal(nanos % 60_000_000_000, 1_000_000_000))
            }
        }
    }
}

/// A number of units without trailing zeros, as `1.5`.
fn decimal(nanos: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let text = format!("{}.{:0width$}", nanos / unit, nanos % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of nanoseconds or a duration such as \"1m30s\"")
            }

            fn visit_i64<E: serde::de::Error>(self, nanos: i64) -> Result<Duration, E> {
                Ok(Duration(nanos))
            }

            fn visit_u64<E: serde::de::Error>(self, nanos: u64) -> Result<Duration, E> {
                i64::try_from(nanos)
                    .map(Duration)
                    .map_err(|_| E::custom("the duration is too long"))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
                Duration::parse(text).map_err(E::custom)
            }
        }

        d.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, nanos: i64, shown: &str) {
        assert_eq!(Duration::parse(text), Ok(Duration(nanos)), "{text}");
        assert_eq!(Duration(nanos).to_string(), shown, "{text}");
    }

    #[track_caller]
    fn check_error(text: &str, error: &str) {
        let got = Duration::parse(text).expect_err("the case is wrong");
        assert_eq!(got.to_string(), error);
    }

    #[test]
    fn durations_are_read_and_shown_as_go_does() {
        check("0", 0, "0s");
        check("30s", 30_000_000_000, "30s");
        check("1m30s", 90_000_000_000, "1m30s");
        check("1h2m3.5s", 3_723_500_000_000, "1h2m3.5s");
        check("1h", 3_600_000_000_000, "1h0m0s");
        check("250ms", 250_000_000, "250ms");
        check("1.5ms", 1_500_000, "1.5ms");
        check("10us", 10_000, "10µs");
        check("10µs", 10_000, "10µs");
        check("100ns", 100, "100ns");
        check("-2s", -2_000_000_000, "-2s");
        check("+.5s", 500_000_000, "500ms");
        check("1.050s", 1_050_000_000, "1.05s");
        check("2562047h47m16.854775807s", i64::MAX, "2562047h47m16.854775807s");
        check("-2562047h47m16.854775808s", i64::MIN, "-2562047h47m16.854775808s");
    }

    #[test]
    fn days_are_hours() {
        check("2d", 172_800_000_000_000, "48h0m0s");
        check("1d12h", 129_600_000_000_000, "36h0m0s");
        check("0.5d", 43_200_000_000_000, "12h0m0s");
    }

    #[test]
    fn what_is_no_duration_is_refused_in_gos_words() {
        check_error("", r#"time: invalid duration """#);
        check_error("10", r#"time: missing unit in duration "10""#);
        check_error("soon", r#"time: invalid duration "soon""#);
        check_error("5minutes", r#"time: unknown unit "minutes" in duration "5minutes""#);
        check_error(".s", r#"time: invalid duration ".s""#);
        check_error("3000000h", r#"time: invalid duration "3000000h""#);
        check_error("xd", r#"strconv.ParseFloat: parsing "x": invalid syntax"#);
    }

    #[test]
    fn json_may_hold_either_form() {
        let both: [Duration; 2] =
            serde_json::from_str(r#"[1500000000,"1.5s"]"#).expect("both are durations");
        assert_eq!(both[0], both[1]);
    }
}
