//! Providers of DNS, which write records. They are plugins in Caddy; there is none here.

use crate::adapter::error::Result;
use crate::adapter::values::not_registered;
use crate::config::tls::dns::DnsProvider;
use caddyfile_parser::Dispenser;

/// Reads the provider whose name is loaded, with its block.
pub(in crate::adapter) fn parse(d: &mut Dispenser) -> Result<DnsProvider> {
    #[cfg(feature = "test-modules")]
    if d.val() == "mock" {
        return parse_mock(&mut d.new_from_next_segment());
    }
    Err(not_registered(d, "dns.providers", d.val(), &[]))
}

/// Reads `mock [ARGUMENT]`.
#[cfg(feature = "test-modules")]
fn parse_mock(d: &mut Dispenser) -> Result<DnsProvider> {
    use crate::config::tls::dns::Mock;

    d.next();
    let mut mock = Mock::default();
    if d.next_arg() {
        d.val().clone_into(&mut mock.argument);
    }
    crate::adapter::values::expect_no_arg(d)?;
    Ok(DnsProvider::Mock(mock))
}
