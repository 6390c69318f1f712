//! `network_proxy`: the proxy that connections to other servers go through.

use super::error::Result;
use super::values::{expect_arg, not_registered};
use crate::config::NoFields;
use crate::config::network_proxy::{NetworkProxy, UrlProxy};
use caddyfile_parser::Dispenser;

/// Reads `network_proxy none` or `network_proxy url URL`, of which the first word is loaded.
pub(super) fn parse(d: &mut Dispenser) -> Result<NetworkProxy> {
    let name = expect_arg(d)?;
    match name.as_str() {
        "none" => {
            let _settings = d.next_segment();
            Ok(NetworkProxy::None(NoFields {}))
        }
        "url" => {
            // Caddy counts no arguments here: without a URL, `url` itself becomes it.
            let mut d = d.new_from_next_segment();
            d.next();
            d.next();
            Ok(NetworkProxy::Url(UrlProxy { url: d.val().to_owned() }))
        }
        _ => Err(not_registered(d, "caddy.network_proxy", &name, &["none", "url"])),
    }
}
