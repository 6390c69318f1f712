//! `log_append`: adds a field to the access log.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::expect_arg;
use crate::config::handlers::{Handler, LogAppend};
use caddyfile_parser::Dispenser;

/// Reads `log_append [MATCHER] [<]FIELD VALUE`.
///
/// With `<` the value is taken before later handlers run. As in Caddy, what follows the
/// value is passed over.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let key = expect_arg(d)?;
    let value = expect_arg(d)?;
    // `<` alone is a name.
    let early = key.strip_prefix('<').filter(|name| !name.is_empty());
    let (key, early) = early.map_or((key.as_str(), false), |name| (name, true));
    Ok(Handler::LogAppend(LogAppend { key: key.to_owned(), value, early }))
}
