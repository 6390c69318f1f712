//! Managers of certificates, which have them ready: `get_certificate http URL`.

use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, expect_no_arg, not_registered};
use crate::config::NoFields;
use crate::config::tls::managers::{HttpManager, Manager};
use caddyfile_parser::Dispenser;

/// Reads the manager whose name is loaded: `http URL` or `tailscale`.
pub(in crate::adapter) fn parse(d: &mut Dispenser) -> Result<Manager> {
    match d.val() {
        "http" => parse_http(&mut d.new_from_next_segment()),
        "tailscale" => {
            let mut d = d.new_from_next_segment();
            d.next();
            expect_no_arg(&mut d)?;
            Ok(Manager::Tailscale(NoFields {}))
        }
        name => Err(not_registered(d, "tls.get_certificate", name, &["http", "tailscale"])),
    }
}

fn parse_http(d: &mut Dispenser) -> Result<Manager> {
    d.next();
    let url = expect_arg(d)?;
    expect_no_arg(d)?;
    if d.next_block(0) {
        return Err(d.err("block not allowed here").into());
    }
    Ok(Manager::Http(HttpManager { url }))
}
