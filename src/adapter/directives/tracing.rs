//! `tracing`: records a span.

use crate::adapter::error::Error;
use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, expect_no_arg};
use crate::config::handlers::{Handler, Tracing};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// tracing [MATCHER] {
///     span NAME
///     span_attributes {
///         NAME VALUE
///     }
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    expect_no_arg(d)?;
    let mut tracing = Tracing::default();
    while d.next_block(0) {
        match d.val() {
            "span" => {
                tracing.span = expect_arg(d)?;
                expect_no_arg(d)?;
            }
            "span_attributes" => {
                while d.next_block(1) {
                    let name = d.val().to_owned();
                    let value = expect_arg(d)?;
                    expect_no_arg(d)?;
                    tracing.span_attributes.insert(name, value);
                }
            }
            _ => return Err(Error::from(d.arg_err()).suggest(["span", "span_attributes"])),
        }
    }
    Ok(Handler::Tracing(tracing))
}
