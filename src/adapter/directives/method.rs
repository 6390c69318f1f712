//! `method`: changes the request's method.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, expect_no_arg};
use crate::config::handlers::{Handler, Rewrite};
use caddyfile_parser::Dispenser;

/// Reads `method [MATCHER] METHOD`.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let method = expect_arg(d)?;
    expect_no_arg(d)?;
    Ok(Handler::Rewrite(Rewrite { method, ..Rewrite::default() }))
}
