//! `events`: who is told of what happens in the server.

use super::Options;
use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, not_registered};
use crate::config::events::Events;
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// events {
///     on EVENT HANDLER …
/// }
/// ```
///
/// There is no handler: those of Caddy are plugins. So each `on` is an error.
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    if d.next_block(0) {
        if d.val() != "on" {
            return Err(d.arg_err().into());
        }
        expect_arg(d)?;
        let handler = expect_arg(d)?;
        return Err(not_registered(d, "events.handlers", &handler, &[]));
    }
    options.events = Some(Events::default());
    Ok(())
}
