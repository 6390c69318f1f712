//! `protocol`: requests over one protocol.

use super::Definition;
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;

/// Reads `protocol PROTOCOL`: `http`, `https`, `grpc`, or a version as `http/2` or
/// `http/2+`. The last one stays.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    while d.next() {
        if !d.next_arg() {
            return Err(d.err("expected exactly one protocol").into());
        }
        into.set.protocol = Some(d.val().to_owned());
    }
    Ok(())
}
