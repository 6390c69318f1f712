//! `tls`: requests over TLS.

use super::Definition;
use crate::adapter::error::Result;
use crate::adapter::values::unknown;
use crate::config::matchers::Tls;
use caddyfile_parser::Dispenser;

/// Reads `tls [early_data]`.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut tls = Tls::default();
    while d.next() {
        if d.next_arg() {
            if d.val() != "early_data" {
                let text = format!("unrecognized option '{}'", d.val());
                return Err(unknown(d, text, &["early_data"]));
            }
            tls.handshake_complete = Some(false);
        }
        if d.next_arg() {
            return Err(d.arg_err().into());
        }
        if d.next_block(0) {
            return Err(d.err("malformed tls matcher: blocks are not supported yet").into());
        }
    }
    into.set.tls = Some(tls);
    Ok(())
}
