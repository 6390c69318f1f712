//! `network_proxy`: the proxy that connections to other servers go through.

use super::error::Result;
use super::values::{expect_arg, unknown};
use crate::config::network_proxy::{NetworkProxy, NoProxy, UrlProxy};
use caddyfile_parser::Dispenser;

/// Reads `network_proxy none` or `network_proxy url URL`, of which the first word is loaded.
pub(super) fn parse(d: &mut Dispenser) -> Result<NetworkProxy> {
    let name = expect_arg(d)?;
    match name.as_str() {
        "none" => {
            let _settings = d.next_segment();
            Ok(NetworkProxy::None(NoProxy {}))
        }
        "url" => {
            // Caddy counts no arguments here: without a URL, `url` itself becomes it.
            let mut d = d.new_from_next_segment();
            d.next();
            d.next();
            Ok(NetworkProxy::Url(UrlProxy { url: d.val().to_owned() }))
        }
        _ => {
            let module = format!("caddy.network_proxy.{name}");
            let text = format!("getting module named '{module}': module not registered: {module}");
            Err(unknown(d, text, &["none", "url"]))
        }
    }
}
