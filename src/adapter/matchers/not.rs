//! `not`: requests that none of some matcher sets match.

use super::{Definition, parse_nested};
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;

/// Reads `not MATCHER …` or `not { MATCHER … }`; within one use all must match.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut sets = Vec::new();
    while d.next() {
        sets.push(parse_nested(d, into.nesting + 1)?);
    }
    into.set.not = Some(sets);
    Ok(())
}
