//! Go's layouts of dates, `Mon Jan 2 15:04:05 MST 2006`, and its texts of durations.

use crate::{Error, Result};
use jiff::Zoned;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// A part of a layout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    Pm,
    LowPm,
    ZoneName,
    /// An offset: whether `Z` stands for none, how many fields, whether by colons.
    Offset(bool, u8, bool),
    /// A fraction of a second: how many digits, and whether zeros at its end are kept.
    Fraction(usize, bool),
}

/// What layouts are made of, longer texts before those that begin them.
const PARTS: [(&str, Part); 36] = [
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::ZoneName),
    ("2006", Part::LongYear),
    ("__2", Part::UnderYearDay),
    ("_2", Part::UnderDay),
    ("002", Part::ZeroYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumMonth),
    ("2", Part::Day),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::Pm),
    ("pm", Part::LowPm),
    ("-07:00:00", Part::Offset(false, 3, true)),
    ("-070000", Part::Offset(false, 3, false)),
    ("-07:00", Part::Offset(false, 2, true)),
    ("-0700", Part::Offset(false, 2, false)),
    ("-07", Part::Offset(false, 1, false)),
    ("Z07:00:00", Part::Offset(true, 3, true)),
    ("Z070000", Part::Offset(true, 3, false)),
    ("Z07:00", Part::Offset(true, 2, true)),
    ("Z0700", Part::Offset(true, 2, false)),
    ("Z07", Part::Offset(true, 1, false)),
    ("_2006", Part::LongYear),
    (".", Part::Fraction(0, true)),
    (",", Part::Fraction(0, true)),
];

/// The first part of a layout: the text before it, the part, and what is behind.
fn next_part(layout: &str) -> Option<(&str, Part, &str)> {
    for (at, _) in layout.char_indices() {
        let rest = &layout[at..];
        for (text, part) in PARTS {
            let Some(behind) = rest.strip_prefix(text) else { continue };
            match part {
                // `_2006` is a blank sign before a year.
                Part::UnderDay if rest.starts_with("_2006") => {
                    return Some((&layout[..=at], Part::LongYear, &rest[5..]));
                }
                Part::LongYear if text.starts_with('_') => continue,
                Part::Month if behind.starts_with(|c: char| c.is_ascii_lowercase()) => continue,
                Part::Fraction(..) => {
                    if let Some((part, behind)) = fraction(behind) {
                        return Some((&layout[..at], part, behind));
                    }
                }
                _ => return Some((&layout[..at], part, behind)),
            }
        }
    }
    None
}

/// The digits of a fraction, all `0` or all `9`, that no other digit follows.
fn fraction(text: &str) -> Option<(Part, &str)> {
    let first = text.bytes().next().filter(|b| matches!(b, b'0' | b'9'))?;
    let len = text.bytes().take_while(|b| *b == first).count();
    let behind = &text[len..];
    let is_number = behind.starts_with(|c: char| c.is_ascii_digit());
    (!is_number).then_some((Part::Fraction(len, first == b'0'), behind))
}

/// A date in a layout.
pub fn format(layout: &str, at: &Zoned) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while let Some((before, part, behind)) = next_part(rest) {
        out.push_str(before);
        out.push_str(&written(part, at));
        rest = behind;
    }
    out + rest
}

fn written(part: Part, at: &Zoned) -> String {
    let hour12 = match at.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match part {
        Part::LongMonth => at.strftime("%B").to_string(),
        Part::Month => at.strftime("%b").to_string(),
        Part::NumMonth => at.month().to_string(),
        Part::ZeroMonth => format!("{:02}", at.month()),
        Part::LongWeekday => at.strftime("%A").to_string(),
        Part::Weekday => at.strftime("%a").to_string(),
        Part::Day => at.day().to_string(),
        Part::UnderDay => format!("{:2}", at.day()),
        Part::ZeroDay => format!("{:02}", at.day()),
        Part::UnderYearDay => format!("{:3}", at.day_of_year()),
        Part::ZeroYearDay => format!("{:03}", at.day_of_year()),
        Part::Hour => format!("{:02}", at.hour()),
        Part::Hour12 => hour12.to_string(),
        Part::ZeroHour12 => format!("{hour12:02}"),
        Part::Minute => at.minute().to_string(),
        Part::ZeroMinute => format!("{:02}", at.minute()),
        Part::Second => at.second().to_string(),
        Part::ZeroSecond => format!("{:02}", at.second()),
        Part::LongYear => format!("{:04}", at.year()),
        Part::Year => format!("{:02}", at.year().rem_euclid(100)),
        Part::Pm => if at.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        Part::LowPm => if at.hour() < 12 { "am" } else { "pm" }.to_owned(),
        Part::ZoneName => zone_name(at),
        Part::Offset(z, fields, colons) => offset(at.offset().seconds(), z, fields, colons),
        Part::Fraction(digits, keeps_zeros) => {
            let all = format!("{:09}", at.subsec_nanosecond());
            let cut = &all[..digits.min(9)];
            if keeps_zeros {
                return format!(".{cut}");
            }
            let cut = cut.trim_end_matches('0');
            if cut.is_empty() { String::new() } else { format!(".{cut}") }
        }
    }
}

/// The zone's short name; where it has none, its offset.
fn zone_name(at: &Zoned) -> String {
    let name = at.strftime("%Z").to_string();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return name;
    }
    let seconds = at.offset().seconds();
    if seconds % 3600 == 0 {
        offset(seconds, false, 1, false)
    } else {
        offset(seconds, false, 2, false)
    }
}

fn offset(seconds: i32, z: bool, fields: u8, colons: bool) -> String {
    if z && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let total = seconds.unsigned_abs();
    let colon = if colons { ":" } else { "" };
    let mut out = format!("{sign}{:02}", total / 3600);
    if fields > 1 {
        out.push_str(&format!("{colon}{:02}", total / 60 % 60));
    }
    if fields > 2 {
        out.push_str(&format!("{colon}{:02}", total % 60));
    }
    out
}

/// What a text said.
struct Read {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    pm: Option<bool>,
    offset: Option<i32>,
}

/// Reads a date that is written in a layout; in this machine's zone when it names none.
///
/// # Errors
/// When the text is none of the layout's.
pub fn parse(layout: &str, text: &str) -> Result<Zoned> {
    let bad = || Error::new(format!("parsing time {text:?} as {layout:?}: cannot parse {text:?}"));
    let mut read = Read {
        year: 0,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        pm: None,
        offset: None,
    };
    let (mut form, mut rest) = (layout, text);
    while let Some((before, part, behind)) = next_part(form) {
        rest = rest.strip_prefix(before).ok_or_else(bad)?;
        rest = take(part, rest, &mut read).ok_or_else(bad)?;
        form = behind;
    }
    if rest != form {
        return Err(bad());
    }
    let hour = match (read.pm, read.hour) {
        (Some(true), hour) if hour < 12 => hour + 12,
        (Some(false), 12) => 0,
        (_, hour) => hour,
    };
    let Read { year, month, day, minute, second, nanosecond, offset, .. } = read;
    let at = DateTime::new(year, month, day, hour, minute, second, nanosecond);
    let zone = match offset {
        Some(0) => TimeZone::UTC,
        Some(seconds) => Offset::from_seconds(seconds).map_err(|_| bad())?.to_time_zone(),
        None => TimeZone::system(),
    };
    at.and_then(|at| at.to_zoned(zone)).map_err(|_| bad())
}

/// Reads what a part of a layout stands for; what is behind it.
fn take<'t>(part: Part, text: &'t str, read: &mut Read) -> Option<&'t str> {
    let (number, rest) = match part {
        Part::LongYear => digits(text, 4, 4)?,
        Part::Year | Part::ZeroMonth | Part::ZeroDay | Part::Hour | Part::ZeroHour12 => {
            digits(text, 2, 2)?
        }
        Part::ZeroMinute | Part::ZeroSecond => digits(text, 2, 2)?,
        Part::NumMonth | Part::Day | Part::Hour12 | Part::Minute | Part::Second => {
            digits(text, 1, 2)?
        }
        Part::UnderDay => digits(text.trim_start_matches(' '), 1, 2)?,
        Part::UnderYearDay | Part::ZeroYearDay => digits(text.trim_start_matches(' '), 1, 3)?,
        _ => (0, text),
    };
    let small = i8::try_from(number).ok();
    match part {
        Part::LongYear => read.year = number,
        Part::Year => read.year = number + if number >= 69 { 1900 } else { 2000 },
        Part::NumMonth | Part::ZeroMonth => read.month = small?,
        Part::Day | Part::UnderDay | Part::ZeroDay => read.day = small?,
        Part::Hour | Part::Hour12 | Part::ZeroHour12 => read.hour = small?,
        Part::Minute | Part::ZeroMinute => read.minute = small?,
        Part::Second | Part::ZeroSecond => {
            read.second = small?;
            return Some(take_fraction(rest, read).unwrap_or(rest));
        }
        Part::UnderYearDay | Part::ZeroYearDay => {}
        Part::LongMonth | Part::Month => {
            let (at, rest) = name(text, &MONTHS, part == Part::Month)?;
            read.month = i8::try_from(at).ok()? + 1;
            return Some(rest);
        }
        Part::LongWeekday | Part::Weekday => {
            return name(text, &WEEKDAYS, part == Part::Weekday).map(|(_, rest)| rest);
        }
        Part::Pm | Part::LowPm => {
            let half = text.get(..2)?.to_ascii_uppercase();
            read.pm = Some(half == "PM");
            return (half == "PM" || half == "AM").then(|| &text[2..]);
        }
        Part::ZoneName => {
            let len = text.bytes().take_while(u8::is_ascii_uppercase).count();
            read.offset = matches!(&text[..len], "UTC" | "GMT").then_some(0).or(read.offset);
            return (len >= 3).then(|| &text[len..]);
        }
        Part::Offset(z, fields, colons) => return take_offset(text, (z, fields, colons), read),
        Part::Fraction(..) => return Some(take_fraction(text, read).unwrap_or(text)),
    }
    Some(rest)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Which of the names a text begins with, and what is behind it.
fn name<'t>(text: &'t str, names: &[&str], is_short: bool) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(at, name)| {
        let name = if is_short { &name[..3] } else { name };
        let start = text.get(..name.len())?;
        start.eq_ignore_ascii_case(name).then(|| (at, &text[name.len()..]))
    })
}

/// A number of at least and at most so many digits.
fn digits(text: &str, min: usize, max: usize) -> Option<(i16, &str)> {
    let len = text.bytes().take(max).take_while(u8::is_ascii_digit).count();
    (len >= min).then(|| text[..len].parse().ok().map(|number| (number, &text[len..])))?
}

fn take_fraction<'t>(text: &'t str, read: &mut Read) -> Option<&'t str> {
    let after = text.strip_prefix(['.', ','])?;
    let len = after.bytes().take_while(u8::is_ascii_digit).count();
    if len == 0 {
        return None;
    }
    let nine: String = after[..len].chars().chain(std::iter::repeat('0')).take(9).collect();
    read.nanosecond = nine.parse().ok()?;
    Some(&after[len..])
}

fn take_offset<'t>(
    text: &'t str,
    (z, fields, colons): (bool, u8, bool),
    read: &mut Read,
) -> Option<&'t str> {
    if z && let Some(rest) = text.strip_prefix('Z') {
        read.offset = Some(0);
        return Some(rest);
    }
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut rest = &text[1..];
    let mut seconds = 0;
    for (i, unit) in [3600, 60, 1].into_iter().take(fields.into()).enumerate() {
        if i > 0 && colons {
            rest = rest.strip_prefix(':')?;
        }
        let (number, behind) = digits(rest, 2, 2)?;
        seconds += i32::from(number) * unit;
        rest = behind;
    }
    read.offset = Some(sign * seconds);
    Some(rest)
}

/// A number of nanoseconds as Go prints a duration: `1h2m3.5s`.
pub fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let n = ns.unsigned_abs();
    let part = |n: u64, unit: u64| {
        let places = unit.ilog10() as usize;
        let fraction = format!("{:0places$}", n % unit);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{}{dot}{fraction}", n / unit)
    };
    match n {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{n}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", part(n, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", part(n, 1_000_000)),
        _ => {
            let minutes = n / 60_000_000_000;
            let seconds = part(n % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// Reads a duration such as `-1.5h` or `1h2m`; its nanoseconds.
///
/// # Errors
/// When the text is none.
pub fn parse_duration(text: &str) -> Result<i64> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("μs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 6e10),
        ("h", 3.6e12),
    ];
    let bad = || Error::new(format!("time: invalid duration {text:?}"));
    let (sign, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(bad());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..len].parse().map_err(|_| bad())?;
        let after = &rest[len..];
        let unit = UNITS.iter().find(|(unit, _)| {
            let behind = after.strip_prefix(unit);
            behind.is_some_and(|b| {
                b.is_empty() || b.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            })
        });
        let (unit, scale) = unit.ok_or_else(bad)?;
        total += number * scale;
        rest = &after[unit.len()..];
    }
    Ok(crate::sprig::truncated((sign * total).round()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment() -> Zoned {
        let at = jiff::civil::date(2009, 2, 5).at(17, 4, 6, 12_300_000);
        at.to_zoned(Offset::constant(-7).to_time_zone()).expect("a date")
    }

    #[track_caller]
    fn check(layout: &str, expected: &str) {
        assert_eq!(format(layout, &moment()), expected, "{layout}");
    }

    #[test]
    fn layouts_are_gos() {
        check("Mon Jan _2 15:04:05 2006", "Thu Feb  5 17:04:06 2009");
        check("Monday, 02-Jan-06 15:04:05 -0700", "Thursday, 05-Feb-09 17:04:06 -0700");
        check("2006-01-02T15:04:05.000Z07:00", "2009-02-05T17:04:06.012-07:00");
        check("3:4:5PM pm 03 .999 002 __2", "5:4:6PM pm 05 .012 036  36");
        check("January 2, 2006 in words", "February 5, 2009 in words");
        check("20060102 1_2006", "20090205 2_2009");
    }

    #[test]
    fn dates_are_read_back() {
        for layout in
            ["2006-01-02T15:04:05.999999999Z07:00", "Mon, 02 Jan 2006 15:04:05.0000 -0700"]
        {
            let text = format(layout, &moment());
            let read = parse(layout, &text).expect("a date");
            assert_eq!(read.timestamp(), moment().timestamp(), "{text}");
        }
        let read = parse("2006-01-02 3:04PM MST", "2020-05-06 1:07AM UTC").expect("a date");
        assert_eq!(format("2006-01-02 15:04", &read), "2020-05-06 01:07");
        for (layout, text) in [("2006", "x"), ("2006-01-02", "2020-13-02"), ("15:04", "15:04 ")] {
            assert!(parse(layout, text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_printed_and_read() {
        for (ns, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (2_000_000, "2ms"),
            (61_000_000_000, "1m1s"),
            (-3_600_500_000_000, "-1h0m0.5s"),
        ] {
            assert_eq!(duration(ns), text);
            assert_eq!(parse_duration(text), Ok(ns));
        }
        for bad in ["", "1", "x", "1d", "-"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
