//! `log_name`: the access logs that requests go to.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::config::handlers::Handler;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// The variable that the access log asks for.
const VARIABLE: &str = "access_logger_names";

/// Reads `log_name [MATCHER] NAME…`.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let names = d.remaining_args();
    // Go writes a list that was never filled as null.
    let names = if names.is_empty() { serde_json::Value::Null } else { names.into() };
    Ok(Handler::Vars(BTreeMap::from([(VARIABLE.to_owned(), names)])))
}
