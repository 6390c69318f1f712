//! Defaults, conditions and types.

use super::Plain;
use super::args::Args;
use crate::{Error, Result, Value};

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("default", |a| {
        let given = a.from(1).first().filter(|given| given.is_true());
        given.map_or_else(|| a.get(0).cloned(), |given| Ok(given.clone()))
    }),
    ("empty", |a| Ok((!a.get(0)?.is_true()).into())),
    ("coalesce", |a| {
        Ok(a.from(0).iter().find(|value| value.is_true()).cloned().unwrap_or(Value::Nil))
    }),
    ("all", |a| Ok(a.from(0).iter().all(Value::is_true).into())),
    ("any", |a| Ok(a.from(0).iter().any(Value::is_true).into())),
    ("ternary", |a| Ok(a.get(usize::from(!a.get(2)?.is_true()))?.clone())),
    ("typeOf", |a| Ok(a.get(0)?.type_name().into())),
    ("typeIs", |a| Ok((a.get(1)?.type_name() == a.text(0)?).into())),
    ("typeIsLike", |a| {
        let (wanted, name) = (a.text(0)?, a.get(1)?.type_name().to_owned());
        Ok((wanted == name || format!("*{wanted}") == name).into())
    }),
    ("kindOf", |a| Ok(a.get(0)?.kind().into())),
    ("kindIs", |a| Ok((a.get(1)?.kind() == a.text(0)?).into())),
    ("deepEqual", |a| Ok((a.get(0)? == a.get(1)?).into())),
    ("fail", fail),
];

fn fail(a: &Args<'_>) -> Result<Value> {
    Err(Error::new(a.text(0)?))
}
