//! `storage`: where certificates and keys are kept.

use super::Options;
use crate::adapter::error::Result;
use crate::adapter::storage;
use caddyfile_parser::Dispenser;

/// Reads `storage file_system …`; see [`storage::parse`] for its settings.
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    if !d.next() {
        return Err(d.arg_err().into());
    }
    options.storage = Some(storage::parse(d)?);
    Ok(())
}
