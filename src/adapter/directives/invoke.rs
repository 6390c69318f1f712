//! `invoke`: runs a named route, `&(NAME) { … }`.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::config::handlers::{Handler, Invoke};
use caddyfile_parser::Dispenser;

/// Reads `invoke [MATCHER] NAME`. Whether there is such a route is known only when its
/// server is built.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    d.next();
    if !d.next_arg() {
        return Err(d.arg_err().into());
    }
    let name = d.token();
    if d.next() {
        return Err(d.arg_err().into());
    }
    scope.shared.invoked.borrow_mut().insert(name.text.clone(), name.clone());
    Ok(Handler::Invoke(Invoke { name: name.text }))
}
