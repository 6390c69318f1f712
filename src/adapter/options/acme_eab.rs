//! `acme_eab`: an account at the authority that was made elsewhere.

use super::Options;
use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, expect_no_arg, unknown};
use crate::config::tls::issuers::ExternalAccount;
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// acme_eab {
///     key_id NAME
///     mac_key BASE64
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    expect_no_arg(d)?;
    let mut account = ExternalAccount::default();
    while d.next_block(0) {
        match d.val() {
            "key_id" => account.key_id = expect_arg(d)?,
            "mac_key" => account.mac_key = expect_arg(d)?,
            other => {
                let text = format!("unrecognized parameter '{other}'");
                return Err(unknown(d, text, &["key_id", "mac_key"]));
            }
        }
    }
    options.tls.acme_eab = Some(account);
    Ok(())
}
