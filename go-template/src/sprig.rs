//! Sprig's functions, a file per family, each with a table of names.
//!
//! `env`, `expandenv` and the functions that make keys and certificates are not here.

mod args;
mod convert;
mod crypto;
pub mod dates;
mod dicts;
mod flow;
mod lists;
mod network;
mod numbers;
mod patterns;
mod strings;
mod versions;

use crate::{Functions, Result, Value};
use args::Args;
pub(crate) use args::truncated;
use std::rc::Rc;

/// A function of the table.
type Plain = fn(&Args<'_>) -> Result<Value>;

/// The most items or bytes that a function makes of a number alone.
const MADE_MAX: i64 = 10_000_000;

/// All of them, by name.
pub fn functions() -> Functions {
    let tables: [&[(&'static str, Plain)]; 11] = [
        convert::TABLE,
        crypto::TABLE,
        dates::TABLE,
        dicts::TABLE,
        flow::TABLE,
        lists::TABLE,
        network::TABLE,
        numbers::TABLE,
        patterns::TABLE,
        strings::TABLE,
        versions::TABLE,
    ];
    let entries = tables.into_iter().flatten();
    entries
        .map(|(name, f)| (*name, Rc::new(|args: &[Value]| f(&Args(args))) as crate::Func))
        .collect()
}

#[cfg(test)]
mod tests;
