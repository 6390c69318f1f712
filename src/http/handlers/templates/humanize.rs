//! Sizes and times for people.

use go_template::{Error, Result, layout};
use jiff::Zoned;

/// The layout of a time when none is given: RFC 1123 with a numeric zone.
const RFC1123Z: &str = "Mon, 02 Jan 2006 15:04:05 -0700";

/// `humanize "size" N` or `humanize "time:LAYOUT" TIME`.
pub(super) fn humanize(format: &str, data: &str) -> Result<String> {
    let (kind, form) = format.split_once(':').unwrap_or((format, RFC1123Z));
    match kind {
        "size" => {
            let n: u64 = data.parse().map_err(|_| {
                let text = "humanize: size cannot be parsed: strconv.ParseUint: parsing";
                Error::new(format!("{text} {data:?}: invalid syntax"))
            })?;
            Ok(size(n))
        }
        "time" => {
            let at = layout::parse(form, data)
                .map_err(|e| Error::new(format!("humanize: time cannot be parsed: {e}")))?;
            let seconds = at.timestamp().as_second() - Zoned::now().timestamp().as_second();
            Ok(relative(seconds))
        }
        _ => Err(Error::new("no know function was given")),
    }
}

/// A number of bytes in thousands, with one digit behind the point below ten.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut scale = 1_u64;
    while bytes / scale >= 1000 && unit + 1 < UNITS.len() {
        unit += 1;
        scale *= 1000;
    }
    let tenths = (u128::from(bytes) * 10 + u128::from(scale) / 2) / u128::from(scale);
    if tenths < 100 && unit > 0 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", (tenths + if unit > 0 { 5 } else { 0 }) / 10, UNITS[unit])
    }
}

/// How far a moment is away, in its largest unit.
fn relative(seconds: i64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    const WEEK: u64 = 7 * DAY;
    const MONTH: u64 = 30 * DAY;
    const YEAR: u64 = 12 * MONTH;
    let label = if seconds > 0 { "from now" } else { "ago" };
    let n = seconds.unsigned_abs();
    let many = |unit: u64, name: &str| format!("{} {name} {label}", n / unit);
    match n {
        0 => "now".to_owned(),
        1 => format!("1 second {label}"),
        2..MINUTE => many(1, "seconds"),
        MINUTE..120 => format!("1 minute {label}"),
        120..HOUR => many(MINUTE, "minutes"),
        HOUR..7200 => format!("1 hour {label}"),
        7200..DAY => many(HOUR, "hours"),
        DAY..172_800 => format!("1 day {label}"),
        172_800..WEEK => many(DAY, "days"),
        WEEK..1_209_600 => format!("1 week {label}"),
        1_209_600..MONTH => many(WEEK, "weeks"),
        MONTH..5_184_000 => format!("1 month {label}"),
        5_184_000..YEAR => many(MONTH, "months"),
        YEAR..46_656_000 => format!("1 year {label}"),
        46_656_000..62_208_000 => format!("2 years {label}"),
        _ if n < 37 * YEAR => many(YEAR, "years"),
        _ => format!("a long while {label}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_for_people() {
        for (bytes, expected) in [
            (5, "5 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (2_345_678, "2.3 MB"),
            (82_854_982, "83 MB"),
        ] {
            assert_eq!(humanize("size", &bytes.to_string()).as_deref(), Ok(expected));
        }
        assert!(humanize("size", "x").is_err() && humanize("y", "1").is_err());
    }

    #[test]
    fn times_are_told_by_their_largest_unit() {
        for (seconds, expected) in [
            (0, "now"),
            (-1, "1 second ago"),
            (90, "1 minute from now"),
            (-7200, "2 hours ago"),
            (-1_209_600, "2 weeks ago"),
        ] {
            assert_eq!(relative(seconds), expected);
        }
        let text = humanize("time:2006", "1000").expect("a time");
        assert_eq!(text, "a long while ago");
    }
}
