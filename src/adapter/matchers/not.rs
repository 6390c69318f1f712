//! `not`: requests that none of some matcher sets match.

use super::parse_nested;
use crate::adapter::error::Result;
use crate::config::matchers::MatcherSet;
use caddyfile_parser::Dispenser;

/// Reads `not MATCHER …` or `not { MATCHER … }`; within one use all must match.
pub(super) fn parse(d: &mut Dispenser, set: &mut MatcherSet) -> Result<()> {
    let mut sets = Vec::new();
    while d.next() {
        sets.push(parse_nested(d)?);
    }
    set.not = Some(sets);
    Ok(())
}
