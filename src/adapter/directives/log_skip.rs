//! `log_skip`: leaves requests out of access logs; once called `skip_log`.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::expect_no_arg;
use crate::config::handlers::Handler;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Reads `log_skip [MATCHER]`, which stands for `vars [MATCHER] log_skip true`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    d.next();
    if d.val() == "skip_log" {
        scope.warn_deprecated("skip_log", "log_skip");
    }
    expect_no_arg(d)?;
    if d.next_block(0) {
        return Err(d.err("log_skip directive does not accept blocks").into());
    }
    Ok(Handler::Vars(BTreeMap::from([("log_skip".to_owned(), true.into())])))
}
