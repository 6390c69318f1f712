//! `host`: requests to one of some hosts; `*` stands for one label.

use super::{Definition, parse_list};
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;

/// Reads `host HOST…`.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    into.set.host = Some(parse_list(d, "host")?);
    Ok(())
}
