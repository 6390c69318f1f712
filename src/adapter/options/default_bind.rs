//! `default_bind`: where sites listen that do not say it.

use super::Options;
use crate::adapter::directives::parse_bind;
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// default_bind [ADDRESS…] {
///     protocols PROTOCOL…
/// }
/// ```
///
/// Without an address everywhere is meant. Another use adds addresses.
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    let mut bind = parse_bind(d)?;
    if bind.addresses.is_empty() {
        bind.addresses.push(String::new());
    }
    options.default_bind.push(bind);
    Ok(())
}
