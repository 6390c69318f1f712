//! `remote_ip`: requests over connections from some ranges, be it a client or a proxy.

use super::client_ip::push_range;
use super::{Definition, expect_no_block};
use crate::adapter::error::Result;
use crate::config::matchers::IpRanges;
use caddyfile_parser::Dispenser;

/// Reads `remote_ip RANGE…`; the word `private_ranges` stands for all private ranges.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut ranges = Vec::new();
    while d.next() {
        while d.next_arg() {
            if d.val() == "forwarded" {
                let text = "the 'forwarded' option is no longer supported; use the 'client_ip' \
                            matcher instead";
                return Err(d.err(text).into());
            }
            push_range(d.val().to_owned(), &mut ranges);
        }
        expect_no_block(d, "remote_ip")?;
    }
    into.set.remote_ip = Some(IpRanges { ranges });
    Ok(())
}
