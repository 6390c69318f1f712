//! `ech`: names that hide those that clients ask for.

use super::Options;
use crate::adapter::error::Result;
use crate::adapter::tls::dns;
use crate::adapter::values::{expect_args, unknown};
use crate::config::tls::ech::{
    DnsPublisher, EchConfig, EchPublication, EchPublishers, EncryptedClientHello,
};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// ech NAME … {
///     dns PROVIDER …
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    let names = expect_args(d)?;
    let configs = names.iter().map(|name| EchConfig { public_name: name.clone() }).collect();
    let mut ech = EncryptedClientHello { configs, publication: Vec::new() };
    while d.next_block(0) {
        if d.val() != "dns" {
            let text = format!("ech: unrecognized subdirective '{}'", d.val());
            return Err(unknown(d, text, &["dns"]));
        }
        if !d.next() {
            return Err(d.arg_err().into());
        }
        let provider = Some(dns::parse(d)?);
        ech.publication.push(EchPublication {
            configs: names.clone(),
            domains: Vec::new(),
            publishers: Some(EchPublishers { dns: Some(DnsPublisher { provider }) }),
        });
    }
    options.tls.ech = Some(ech);
    Ok(())
}
