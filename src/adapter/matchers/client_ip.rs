//! `client_ip`: requests of clients in some ranges; proxies that the server trusts tell
//! who the client is.

use super::{Definition, expect_no_block};
use crate::adapter::error::Result;
use crate::adapter::values::PRIVATE_RANGES;
use crate::config::matchers::IpRanges;
use caddyfile_parser::Dispenser;

/// Reads `client_ip RANGE…`; the word `private_ranges` stands for all private ranges.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut ranges = Vec::new();
    while d.next() {
        for range in d.remaining_args() {
            push_range(range, &mut ranges);
        }
        expect_no_block(d, "client_ip")?;
    }
    into.set.client_ip = Some(IpRanges { ranges });
    Ok(())
}

/// Adds a range, or the private ones.
pub(super) fn push_range(range: String, ranges: &mut Vec<String>) {
    match range.as_str() {
        "private_ranges" => ranges.extend(PRIVATE_RANGES.map(str::to_owned)),
        _ => ranges.push(range),
    }
}
