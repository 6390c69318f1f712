//! `method`: requests with one of some methods.

use super::parse_list;
use crate::adapter::error::Result;
use crate::config::matchers::MatcherSet;
use caddyfile_parser::Dispenser;

/// Reads `method METHOD…`.
pub(super) fn parse(d: &mut Dispenser, set: &mut MatcherSet) -> Result<()> {
    set.method = Some(parse_list(d, "method")?);
    Ok(())
}
