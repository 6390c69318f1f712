//! Dates and durations.

use super::Plain;
use super::args::{Args, to_string};
use crate::layout;
use crate::{Error, Object, Result, Value};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};
use std::rc::Rc;

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("now", |_| Ok(time(Zoned::now()))),
    ("date", |a| format(&a.text(0)?, a.get(1)?, None)),
    ("dateInZone", |a| format(&a.text(0)?, a.get(1)?, Some(&a.text(2)?))),
    ("date_in_zone", |a| format(&a.text(0)?, a.get(1)?, Some(&a.text(2)?))),
    ("htmlDate", |a| format("2006-01-02", a.get(0)?, None)),
    ("htmlDateInZone", |a| format("2006-01-02", a.get(0)?, Some(&a.text(1)?))),
    ("dateModify", |a| Ok(modify(a).unwrap_or_else(|_| a.0[1].clone()))),
    ("date_modify", |a| Ok(modify(a).unwrap_or_else(|_| a.0[1].clone()))),
    ("mustDateModify", modify),
    ("must_date_modify", modify),
    ("toDate", |a| Ok(parse(a).unwrap_or_else(|_| time(zero())))),
    ("mustToDate", parse),
    ("unixEpoch", |a| Ok(moment(a.get(0)?).timestamp().as_second().to_string().into())),
    ("ago", |a| {
        let since = Timestamp::now().duration_since(moment(a.get(0)?).timestamp());
        let seconds = i64::try_from((since.as_nanos() + 500_000_000).div_euclid(1_000_000_000));
        Ok(layout::duration(seconds.unwrap_or(i64::MAX).saturating_mul(SECOND)).into())
    }),
    ("duration", |a| {
        let seconds = match a.get(0)? {
            Value::Str(text) => text.parse().unwrap_or(0),
            Value::Int(seconds) => *seconds,
            _ => 0,
        };
        Ok(layout::duration(seconds.saturating_mul(SECOND)).into())
    }),
    ("durationRound", |a| Ok(rounded(nanoseconds(a.get(0)?)).into())),
];

const SECOND: i64 = 1_000_000_000;

/// A point in time, as a Go `time.Time`.
#[derive(Debug)]
pub struct Time(pub Zoned);

/// A length of time in nanoseconds, as a Go `time.Duration`.
#[derive(Debug)]
pub struct Duration(pub i64);

/// A point in time as a value.
pub fn time(at: Zoned) -> Value {
    Value::Object(Rc::new(Time(at)))
}

/// A time of the system's as a value, in this machine's zone.
///
/// # Errors
/// When it is too far away.
pub fn time_of(at: std::time::SystemTime) -> Result<Value> {
    let at = Timestamp::try_from(at).map_err(|e| Error::new(e.to_string()))?;
    Ok(time(at.to_zoned(TimeZone::system())))
}

fn duration(ns: i64) -> Value {
    Value::Object(Rc::new(Duration(ns)))
}

/// Go's zero time.
fn zero() -> Zoned {
    let date = jiff::civil::date(1, 1, 1).to_zoned(TimeZone::UTC);
    date.unwrap_or_else(|_| Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC))
}

/// The point in time that a value stands for: one, or seconds since 1970; else now.
fn moment(value: &Value) -> Zoned {
    let of_seconds = |seconds: i64| {
        Timestamp::from_second(seconds).map(|at| at.to_zoned(TimeZone::system())).ok()
    };
    let found = match value {
        Value::Object(object) => object.as_any().downcast_ref::<Time>().map(|time| time.0.clone()),
        Value::Int(seconds) => of_seconds(*seconds),
        _ => None,
    };
    found.unwrap_or_else(Zoned::now)
}

fn format(form: &str, at: &Value, zone: Option<&str>) -> Result<Value> {
    let zone = match zone {
        None | Some("Local") => TimeZone::system(),
        // As in Sprig: an unknown zone is taken for UTC.
        Some(name) => TimeZone::get(name).unwrap_or(TimeZone::UTC),
    };
    Ok(layout::format(form, &moment(at).with_time_zone(zone)).into())
}

fn modify(a: &Args<'_>) -> Result<Value> {
    let by = layout::parse_duration(&a.text(0)?)?;
    shifted(&moment(a.get(1)?), by.nanoseconds())
}

fn shifted(at: &Zoned, by: Span) -> Result<Value> {
    at.checked_add(by).map(time).map_err(|e| Error::new(e.to_string()))
}

fn parse(a: &Args<'_>) -> Result<Value> {
    layout::parse(&a.text(0)?, &a.text(1)?).map(time)
}

/// A length of time: one, a text such as `2h`, or one up to now.
fn nanoseconds(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        Value::Str(text) => layout::parse_duration(text).unwrap_or(0),
        Value::Object(object) => match object.number() {
            Some(n) => n,
            None => {
                let since = Timestamp::now().duration_since(moment(value).timestamp());
                i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
            }
        },
        _ => 0,
    }
}

/// A length of time by its largest unit.
fn rounded(ns: i64) -> String {
    const UNITS: [(i64, &str); 6] = [
        (365 * 24 * 3600, "y"),
        (30 * 24 * 3600, "mo"),
        (24 * 3600, "d"),
        (3600, "h"),
        (60, "m"),
        (1, "s"),
    ];
    let ns = i128::from(ns).abs();
    let found = UNITS.iter().find(|(unit, _)| ns > i128::from(unit * SECOND));
    let shown = found.map(|(unit, name)| format!("{}{name}", ns / i128::from(unit * SECOND)));
    shown.unwrap_or_else(|| "0s".to_owned())
}

impl Object for Time {
    fn type_name(&self) -> &str {
        "time.Time"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let at = &self.0;
        let number = |n: i64| Ok(Value::Int(n));
        let other = || {
            let first = args.first().map_or(Value::Nil, Clone::clone);
            moment(&first).timestamp()
        };
        let arg = |i: usize| args.get(i).map_or(0, super::args::to_int);
        Some(match name {
            "Format" => {
                Ok(layout::format(&args.first().map(to_string).unwrap_or_default(), at).into())
            }
            "Unix" => number(at.timestamp().as_second()),
            "UnixMilli" => number(at.timestamp().as_millisecond()),
            "UnixMicro" => number(at.timestamp().as_microsecond()),
            "UnixNano" => number(i64::try_from(at.timestamp().as_nanosecond()).unwrap_or(0)),
            "Year" => number(at.year().into()),
            "Month" => Ok(named("time.Month", at.month().into(), layout::format("January", at))),
            "Day" => number(at.day().into()),
            "Hour" => number(at.hour().into()),
            "Minute" => number(at.minute().into()),
            "Second" => number(at.second().into()),
            "Nanosecond" => number(at.subsec_nanosecond().into()),
            "YearDay" => number(at.day_of_year().into()),
            "Weekday" => {
                let day = at.weekday().to_sunday_zero_offset().into();
                Ok(named("time.Weekday", day, layout::format("Monday", at)))
            }
            "Location" => Ok(at.time_zone().iana_name().unwrap_or("Local").into()),
            "UTC" => Ok(time(at.with_time_zone(TimeZone::UTC))),
            "Local" => Ok(time(at.with_time_zone(TimeZone::system()))),
            "Add" => shifted(at, args.first().map_or(0, nanoseconds).nanoseconds()),
            "AddDate" => Span::new()
                .try_years(arg(0))
                .and_then(|span| span.try_months(arg(1)))
                .and_then(|span| span.try_days(arg(2)))
                .map_err(|e| Error::new(e.to_string()))
                .and_then(|span| shifted(at, span)),
            "Sub" => {
                let since = at.timestamp().duration_since(other());
                Ok(duration(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)))
            }
            "Before" => Ok((at.timestamp() < other()).into()),
            "After" => Ok((at.timestamp() > other()).into()),
            "Equal" => Ok((at.timestamp() == other()).into()),
            "IsZero" => Ok((at.timestamp() == zero().timestamp()).into()),
            "String" => Ok(self.print().into()),
            _ => return None,
        })
    }

    fn print(&self) -> String {
        layout::format("2006-01-02 15:04:05.999999999 -0700 MST", &self.0)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A month or a day of the week: a number with a name.
struct Named {
    kind: &'static str,
    number: i64,
    name: String,
}

fn named(kind: &'static str, number: i64, name: String) -> Value {
    Value::Object(Rc::new(Named { kind, number, name }))
}

impl Object for Named {
    fn type_name(&self) -> &str {
        self.kind
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<Result<Value>> {
        (name == "String").then(|| Ok(self.name.as_str().into()))
    }

    fn print(&self) -> String {
        self.name.clone()
    }

    fn number(&self) -> Option<i64> {
        Some(self.number)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl Object for Duration {
    fn type_name(&self) -> &str {
        "time.Duration"
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<Result<Value>> {
        let per =
            |unit: i64| Ok(Value::Float(super::args::widened(self.0) / super::args::widened(unit)));
        Some(match name {
            "Hours" => per(3600 * SECOND),
            "Minutes" => per(60 * SECOND),
            "Seconds" => per(SECOND),
            "Milliseconds" => Ok(Value::Int(self.0 / 1_000_000)),
            "Microseconds" => Ok(Value::Int(self.0 / 1000)),
            "Nanoseconds" => Ok(Value::Int(self.0)),
            "String" => Ok(self.print().into()),
            _ => return None,
        })
    }

    fn print(&self) -> String {
        layout::duration(self.0)
    }

    fn number(&self) -> Option<i64> {
        Some(self.0)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
