//! Numbers.

use super::Plain;
use super::args::{Args, to_float, to_int, truncated, widened};
use super::crypto::random_below;
use crate::{Error, Result, Value};
use rust_decimal::{Decimal, RoundingStrategy};

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("add1", |a| Ok(a.int(0)?.wrapping_add(1).into())),
    ("add", |a| Ok(ints(a).fold(0, i64::wrapping_add).into())),
    ("sub", |a| Ok(a.int(0)?.wrapping_sub(a.int(1)?).into())),
    ("div", |a| divided(a, i64::checked_div)),
    ("mod", |a| divided(a, i64::checked_rem)),
    ("mul", |a| Ok(ints(a).fold(1, i64::wrapping_mul).into())),
    ("randInt", |a| {
        let (min, max) = (a.int(0)?, a.int(1)?);
        let width = usize::try_from(max.saturating_sub(min)).ok().filter(|width| *width > 0);
        let width = width.ok_or_else(|| Error::new("randInt: the first number must be smaller"))?;
        Ok(min.saturating_add(i64::try_from(random_below(width)?).unwrap_or(0)).into())
    }),
    ("add1f", |a| Ok(decimal(a.float(0)?, 1.0, Decimal::checked_add, |x, y| x + y).into())),
    ("addf", |a| fold(a, |x, y| decimal(x, y, Decimal::checked_add, |x, y| x + y))),
    ("subf", |a| fold(a, |x, y| decimal(x, y, Decimal::checked_sub, |x, y| x - y))),
    ("divf", |a| {
        if a.from(1).iter().any(|by| to_float(by) == 0.0) {
            return Err(Error::new("decimal division by 0"));
        }
        fold(a, |x, y| decimal(x, y, quotient, |x, y| x / y))
    }),
    ("mulf", |a| fold(a, |x, y| decimal(x, y, Decimal::checked_mul, |x, y| x * y))),
    ("max", |a| Ok(ints(a).max().unwrap_or(0).into())),
    ("biggest", |a| Ok(ints(a).max().unwrap_or(0).into())),
    ("min", |a| Ok(ints(a).min().unwrap_or(0).into())),
    ("maxf", |a| fold(a, f64::max)),
    ("minf", |a| fold(a, f64::min)),
    ("ceil", |a| Ok(a.float(0)?.ceil().into())),
    ("floor", |a| Ok(a.float(0)?.floor().into())),
    ("round", round),
    ("int", |a| Ok(a.int(0)?.into())),
    ("int64", |a| Ok(a.int(0)?.into())),
    ("float64", |a| Ok(a.float(0)?.into())),
    ("atoi", |a| Ok(a.text(0)?.parse().unwrap_or(0_i64).into())),
    ("toDecimal", |a| Ok(i64::from_str_radix(&a.text(0)?, 8).unwrap_or(0).into())),
];

fn ints<'a>(a: &'a Args<'_>) -> impl Iterator<Item = i64> + 'a {
    a.from(0).iter().map(to_int)
}

fn divided(a: &Args<'_>, by: fn(i64, i64) -> Option<i64>) -> Result<Value> {
    by(a.int(0)?, a.int(1)?).map(Value::Int).ok_or_else(|| Error::new("integer divide by zero"))
}

fn fold(a: &Args<'_>, with: fn(f64, f64) -> f64) -> Result<Value> {
    let rest = a.from(1).iter().map(to_float);
    Ok(rest.fold(a.float(0)?, with).into())
}

/// Arithmetic of decimals, without the dust of binary fractions; of what is too large for
/// that, `else_with`.
fn decimal(
    x: f64,
    y: f64,
    with: fn(Decimal, Decimal) -> Option<Decimal>,
    else_with: fn(f64, f64) -> f64,
) -> f64 {
    let exactly = |n: f64| Decimal::from_str_exact(&n.to_string()).ok();
    let result = exactly(x).zip(exactly(y)).and_then(|(x, y)| with(x, y));
    result.and_then(|n| n.to_string().parse().ok()).unwrap_or_else(|| else_with(x, y))
}

/// A quotient with as many places as Sprig's has.
fn quotient(x: Decimal, y: Decimal) -> Option<Decimal> {
    x.checked_div(y).map(|n| n.round_dp_with_strategy(16, RoundingStrategy::MidpointAwayFromZero))
}

/// `round NUMBER PLACES [UP_FROM]`.
fn round(a: &Args<'_>) -> Result<Value> {
    let (n, places) = (a.float(0)?, a.int(1)?.clamp(-300, 300));
    let up_from = if a.len() > 2 { a.float(2)? } else { 0.5 };
    let scale = 10_f64.powi(i32::try_from(places).unwrap_or(0));
    let scaled = n * scale;
    let whole = widened(truncated(scaled));
    if (scaled - whole).abs() >= up_from {
        return Ok(((whole + scaled.signum()) / scale).into());
    }
    Ok((whole / scale).into())
}
