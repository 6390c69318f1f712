//! `host`: requests to one of some hosts; `*` stands for one label.

use super::parse_list;
use crate::adapter::error::Result;
use crate::config::matchers::MatcherSet;
use caddyfile_parser::Dispenser;

/// Reads `host HOST…`.
pub(super) fn parse(d: &mut Dispenser, set: &mut MatcherSet) -> Result<()> {
    set.host = Some(parse_list(d, "host")?);
    Ok(())
}
