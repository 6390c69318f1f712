//! `method`: requests with one of some methods.

use super::{Definition, parse_list};
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;

/// Reads `method METHOD…`.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    into.set.method = Some(parse_list(d, "method")?);
    Ok(())
}
