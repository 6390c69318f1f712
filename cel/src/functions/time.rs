//! Moments and spans of time.

use super::{Function, none};
use crate::value::Value;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "getFullYear" => |a| part(a, |at| at.year().into()),
        "getMonth" => |a| part(a, |at| i64::from(at.month()) - 1),
        "getDate" => |a| part(a, |at| at.day().into()),
        "getDayOfMonth" => |a| part(a, |at| i64::from(at.day()) - 1),
        "getDayOfWeek" => |a| part(a, |at| at.weekday().to_sunday_zero_offset().into()),
        "getDayOfYear" => |a| part(a, |at| i64::from(at.day_of_year()) - 1),
        "getHours" => |a| match a {
            [Value::Duration(span)] => Ok(Value::Int(span.as_hours())),
            _ => part(a, |at| at.hour().into()),
        },
        "getMinutes" => |a| match a {
            [Value::Duration(span)] => Ok(Value::Int(span.as_mins())),
            _ => part(a, |at| at.minute().into()),
        },
        "getSeconds" => |a| match a {
            [Value::Duration(span)] => Ok(Value::Int(span.as_secs())),
            _ => part(a, |at| at.second().into()),
        },
        "getMilliseconds" => |a| match a {
            [Value::Duration(span)] => i64::try_from(span.as_millis())
                .map(Value::Int)
                .map_err(|_| "integer overflow".to_owned()),
            _ => part(a, |at| at.millisecond().into()),
        },
        _ => return None,
    })
}

/// A part of a moment, in a time zone if one is given.
fn part(a: &[Value], part: fn(&Zoned) -> i64) -> Result<Value, String> {
    let (at, zone) = match a {
        [Value::Timestamp(at)] => (at, TimeZone::UTC),
        [Value::Timestamp(at), Value::Text(name)] => (at, zone(name)?),
        _ => return none(),
    };
    Ok(Value::Int(part(&at.to_zoned(zone))))
}

/// A time zone by its name, or by hours and minutes.
fn zone(name: &str) -> Result<TimeZone, String> {
    let Some((hours, minutes)) = name.split_once(':') else {
        return TimeZone::get(name).map_err(|_| format!("unknown time zone {name}"));
    };
    let wrong = || format!("invalid time zone {name:?}");
    let is_west = hours.starts_with('-');
    let number = |digits: &str| digits.parse::<i32>().ok().filter(|n| (0..60).contains(n));
    let hours = number(hours.trim_start_matches(['+', '-'])).ok_or_else(wrong)?;
    let seconds = hours * 3600 + number(minutes).ok_or_else(wrong)? * 60;
    let offset = Offset::from_seconds(if is_west { -seconds } else { seconds });
    offset.map(TimeZone::fixed).map_err(|_| wrong())
}

/// A moment moved by a span.
pub(super) fn shifted(at: Timestamp, by: SignedDuration) -> Result<Value, String> {
    let moved = at.checked_add(by).ok().filter(is_in_range);
    moved.map(Value::Timestamp).ok_or_else(|| "timestamp overflow".to_owned())
}

/// A span that Go can hold: 64 bits of nanoseconds.
pub(super) fn span(span: Option<SignedDuration>) -> Result<Value, String> {
    span.filter(|span| i64::try_from(span.as_nanos()).is_ok())
        .map(Value::Duration)
        .ok_or_else(|| "duration overflow".to_owned())
}

/// Whether a moment is one of the years from 1 on; the last is bounded by the type.
pub(super) fn is_in_range(at: &Timestamp) -> bool {
    at.as_second() >= -62_135_596_800
}

/// Reads a span as Go writes it: `1h30m`, `-1.5s`.
pub fn parse_duration(text: &str) -> Option<SignedDuration> {
    let is_negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut nanoseconds: i128 = 0;
    while !rest.is_empty() || nanoseconds == 0 {
        let end = rest.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        let (whole, fraction) = rest[..end].split_once('.').unwrap_or((&rest[..end], ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let after = &rest[end..];
        let length = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let unit: i128 = match &after[..length] {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60 * 1_000_000_000,
            "h" => 3600 * 1_000_000_000,
            _ => return None,
        };
        let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u64>().ok() };
        nanoseconds += i128::from(digits(whole)?) * unit;
        // Nine digits are nanoseconds of a second; more have no meaning.
        let fraction = &fraction[..fraction.len().min(15)];
        let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        nanoseconds += i128::from(digits(fraction)?) * unit / scale;
        rest = &after[length..];
        if rest.is_empty() {
            break;
        }
    }
    let nanoseconds = if is_negative { -nanoseconds } else { nanoseconds };
    i64::try_from(nanoseconds).ok().map(SignedDuration::from_nanos)
}

/// A span in seconds, as `5400s`.
pub fn duration_text(span: SignedDuration) -> String {
    let sign = if span.is_negative() { "-" } else { "" };
    let span = span.unsigned_abs();
    let fraction = format!("{:09}", span.subsec_nanos());
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}s", span.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(parse_duration(text).map(duration_text).as_deref(), expected, "{text}");
    }

    #[test]
    fn spans_are_read_and_written_as_go_does() {
        check("1h30m", Some("5400s"));
        check("-1.5s", Some("-1.5s"));
        check("1.000000001s", Some("1.000000001s"));
        check("0", Some("0s"));
        check("0s", Some("0s"));
        check(".5m1ms", Some("30.001s"));
        for wrong in ["", "1", "s", "1x", ".s", "-", "1h2", "99999999999h"] {
            check(wrong, None);
        }
    }
}
