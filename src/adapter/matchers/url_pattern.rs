//! `url_pattern`: requests whose URL has a shape, as the URL Pattern standard writes it.

use super::Definition;
use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, expect_no_arg, unknown};
use crate::config::matchers::UrlPattern;
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// url_pattern PATTERN {
///     base_url    URL
///     ignore_case
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut pattern = UrlPattern::default();
    while d.next() {
        if !d.next_arg() {
            return Err(d.err("expected exactly one URL pattern").into());
        }
        d.val().clone_into(&mut pattern.pattern);
        while d.next_block(0) {
            match d.val() {
                "base_url" => pattern.base_url = expect_arg(d)?,
                "ignore_case" => {
                    expect_no_arg(d)?;
                    pattern.ignore_case = true;
                }
                other => {
                    let text = format!("unrecognized url_pattern option '{other}'");
                    return Err(unknown(d, text, &["base_url", "ignore_case"]));
                }
            }
        }
    }
    into.set.url_pattern = Some(pattern);
    Ok(())
}
