//! `auto_https`: how much of automatic HTTPS is left off.

use super::Options;
use crate::adapter::error::{Error, Result};
use crate::adapter::values::expect_args;
use caddyfile_parser::Dispenser;

const KINDS: [&str; 4] = ["off", "disable_redirects", "disable_certs", "ignore_loaded_certs"];

/// Reads `auto_https off | disable_redirects | disable_certs | ignore_loaded_certs`.
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    let kinds = expect_args(d)?;
    if kinds.iter().any(|kind| !KINDS.contains(&kind.as_str())) {
        let text = "auto_https must be one of 'off', 'disable_redirects', 'disable_certs', \
                    or 'ignore_loaded_certs'";
        return Err(Error::from(d.err(text)).suggest(KINDS));
    }
    options.auto_https = kinds;
    Ok(())
}
