//! `filesystem`: a file system other than the machine's.

use super::Options;
use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, not_registered};
use caddyfile_parser::Dispenser;

/// Reads `filesystem NAME MODULE …`.
///
/// There is no such module: those of Caddy are plugins. So each use is an error.
pub(super) fn parse(d: &mut Dispenser, _: &mut Options) -> Result<()> {
    d.next();
    expect_arg(d)?;
    let module = expect_arg(d)?;
    Err(not_registered(d, "caddy.fs", &module, &[]))
}
