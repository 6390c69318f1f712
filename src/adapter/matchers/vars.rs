//! `vars`: requests for which a variable or a placeholder has one of some values.

use super::{Definition, expect_no_block};
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Reads `vars NAME VALUE…`; the name may be a placeholder.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut vars: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while d.next() {
        if !d.next_arg() {
            return Err(d.err("malformed vars matcher: expected field name").into());
        }
        let name = d.val().to_owned();
        let values = d.remaining_args();
        if values.is_empty() {
            let text = "malformed vars matcher: expected at least one value to match against";
            return Err(d.err(text).into());
        }
        vars.entry(name).or_default().extend(values);
        expect_no_block(d, "vars")?;
    }
    into.set.vars = Some(vars);
    Ok(())
}
