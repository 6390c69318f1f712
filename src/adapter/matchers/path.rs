//! `path`: requests for one of some paths; `*` at the ends stands for anything.

use super::parse_list;
use crate::adapter::error::Result;
use crate::config::matchers::MatcherSet;
use caddyfile_parser::Dispenser;

/// Reads `path PATH…`.
pub(super) fn parse(d: &mut Dispenser, set: &mut MatcherSet) -> Result<()> {
    set.path = Some(parse_list(d, "path")?);
    Ok(())
}
