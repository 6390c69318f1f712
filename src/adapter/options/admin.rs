//! `admin`: the admin endpoint.

use super::Options;
use crate::adapter::error::Result;
use crate::adapter::values::{expect_no_arg, unknown};
use crate::config::admin::Admin;
use caddyfile_parser::Dispenser;

/// Where it listens when nothing is said.
const LISTEN: &str = "localhost:2019";

/// Reads
///
/// ```caddyfile
/// admin [off | ADDRESS] {
///     enforce_origin
///     origins ORIGIN…
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    let mut admin = Admin::default();
    if d.next_arg() {
        if d.val() == "off" {
            admin.disabled = true;
            if d.next() {
                let text = "No more option is allowed after turning off admin config";
                return Err(d.err(text).into());
            }
        } else {
            admin.listen = d.val().to_owned();
            expect_no_arg(d)?;
        }
    }
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "enforce_origin" => admin.enforce_origin = true,
            "origins" => admin.origins = Some(d.remaining_args()).filter(|all| !all.is_empty()),
            other => {
                let text = format!("unrecognized parameter '{other}'");
                return Err(unknown(d, text, &["enforce_origin", "origins"]));
            }
        }
    }
    if admin.listen.is_empty() && !admin.disabled {
        admin.listen = LISTEN.to_owned();
    }
    options.admin = Some(admin);
    Ok(())
}
