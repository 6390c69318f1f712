//! `path`: requests for one of some paths; `*` at the ends stands for anything.

use super::{Definition, parse_list};
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;

/// Reads `path PATH…`.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    into.set.path = Some(parse_list(d, "path")?);
    Ok(())
}
