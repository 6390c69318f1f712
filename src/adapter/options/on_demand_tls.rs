//! `on_demand_tls`: who allows certificates that are had at the first handshake.

use super::Options;
use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, expect_no_arg, not_registered, unknown};
use crate::config::tls::automation::{HttpPermission, OnDemand, Permission};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// on_demand_tls {
///     ask URL
///     permission http URL
/// }
/// ```
///
/// of which one line must be there, and only one may.
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    expect_no_arg(d)?;
    let mut permission = None;
    while d.next_block(0) {
        let word = d.val().to_owned();
        match word.as_str() {
            "ask" | "permission" => {
                let arg = expect_arg(d)?;
                if permission.is_some() {
                    let text = "on-demand TLS permission module (or 'ask') already specified";
                    return Err(d.err(text).into());
                }
                permission = Some(if word == "ask" {
                    Permission::Http(HttpPermission { endpoint: arg })
                } else {
                    parse_permission(d)?
                });
            }
            "interval" | "burst" => {
                let text = format!(
                    "the on_demand_tls '{word}' option is no longer supported, remove it from \
                     your config"
                );
                return Err(d.err(text).into());
            }
            _ => {
                let text = format!("unrecognized parameter '{word}'");
                return Err(unknown(d, text, &["ask", "permission"]));
            }
        }
    }
    if permission.is_none() {
        let text = "expected at least one config parameter for on_demand_tls";
        return Err(d.err(text).into());
    }
    options.tls.on_demand = Some(OnDemand { ask: String::new(), permission });
    Ok(())
}

/// Reads the permission whose name is loaded, with its arguments: `http URL`.
fn parse_permission(d: &mut Dispenser) -> Result<Permission> {
    if d.val() != "http" {
        return Err(not_registered(d, "tls.permission", d.val(), &["http"]));
    }
    let mut d = d.new_from_next_segment();
    d.next();
    let Some([endpoint]) = d.all_args() else {
        return Err(d.arg_err().into());
    };
    Ok(Permission::Http(HttpPermission { endpoint }))
}
