//! `bind`: where a site listens, instead of everywhere.

use crate::adapter::error::Result;
use crate::adapter::scope::{Bind, Scope, Value};
use crate::adapter::values::unknown;
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// bind ADDRESS… {
///     protocols PROTOCOL…
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Vec<Value>> {
    Ok(vec![Value::Bind(parse_bind(d)?)])
}

/// The same for the option `default_bind`.
pub(in crate::adapter) fn parse_bind(d: &mut Dispenser) -> Result<Bind> {
    d.next();
    let mut bind = Bind { addresses: d.remaining_args(), protocols: Vec::new() };
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "protocols" => {
                bind.protocols = match d.remaining_args() {
                    none if none.is_empty() => {
                        return Err(d.err("protocols requires one or more arguments").into());
                    }
                    protocols => protocols,
                };
            }
            other => {
                return Err(unknown(d, format!("unknown subdirective: {other}"), &["protocols"]));
            }
        }
    }
    Ok(bind)
}
