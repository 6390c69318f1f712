//! `vars_regexp`: requests for which regular expressions find something in variables or
//! placeholders.

use super::{Definition, expect_no_block, parse_field_regexp};
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Reads `vars_regexp [NAME] VARIABLE EXPRESSION`; of several for one variable, the last
/// one stays. Without a name, the expression is named as the matcher is.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut vars = BTreeMap::new();
    while d.next() {
        let (variable, regexp) = parse_field_regexp(d, into.name)?;
        vars.insert(variable, regexp);
        expect_no_block(d, "vars_regexp")?;
    }
    into.set.vars_regexp = Some(vars);
    Ok(())
}
