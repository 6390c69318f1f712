//! `vars`: sets variables of the request, `{http.vars.NAME}`.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_no_arg, scalar};
use crate::config::handlers::Handler;
use caddyfile_parser::Dispenser;
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads
///
/// ```caddyfile
/// vars [MATCHER] [NAME VALUE] {
///     NAME VALUE
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut vars = BTreeMap::new();
    if d.next_arg() {
        parse_var(d, &mut vars)?;
    }
    while d.next_block(0) {
        parse_var(d, &mut vars)?;
    }
    Ok(Handler::Vars(vars))
}

fn parse_var(d: &mut Dispenser, vars: &mut BTreeMap<String, Value>) -> Result<()> {
    let name = d.val().to_owned();
    if !d.next_arg() {
        return Err(d.arg_err().into());
    }
    vars.insert(name, scalar(&d.token()));
    expect_no_arg(d)
}
