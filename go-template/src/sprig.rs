//! Sprig's functions, a file per family, each with a table of names.
//!
//! `env` is not here: who runs templates says what they may see of that. [`keys`] and
//! [`certificates`] make what they say, [`ciphers`] hides texts.

mod args;
mod certificates;
mod ciphers;
mod convert;
mod crypto;
pub mod dates;
mod dicts;
mod flow;
mod json;
mod keys;
mod lists;
mod names;
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
    let tables: [&[(&'static str, Plain)]; 14] = [
        certificates::TABLE,
        ciphers::TABLE,
        convert::TABLE,
        crypto::TABLE,
        dates::TABLE,
        dicts::TABLE,
        flow::TABLE,
        keys::TABLE,
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
