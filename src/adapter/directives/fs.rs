//! `fs`: the file system that a site's files lie in.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, expect_no_arg};
use crate::config::handlers::Handler;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Reads `fs [MATCHER] NAME`, which stands for `vars [MATCHER] fs NAME`.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let name = expect_arg(d)?;
    expect_no_arg(d)?;
    Ok(Handler::Vars(BTreeMap::from([("fs".to_owned(), name.into())])))
}
