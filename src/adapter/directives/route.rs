//! `route`: directives in the order in which they are written.

use super::parse_block;
use crate::adapter::error::Result;
use crate::adapter::routes;
use crate::adapter::scope::{Scope, Value, Yield};
use crate::config::handlers::{Handler, Subroute};
use caddyfile_parser::Dispenser;

/// Reads `route [MATCHER] { DIRECTIVE… }`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    let yields = parse_block(d, scope)?;
    for Yield { directive, value } in &yields {
        if !matches!(value, Value::Route(_) | Value::Routes(_)) {
            let text = format!(
                "{directive} directive returned something other than an HTTP route or \
                 subroute{} (only handler directives can be used in routes)",
                go_syntax(value)
            );
            return Err(d.err(text).into());
        }
    }
    let routes = routes::in_written_order(&yields, scope.shared);
    Ok(Handler::Subroute(Subroute { routes, errors: None }))
}

/// What Caddy shows of a value that is no route, in Go's syntax; only addresses look the
/// same each time.
fn go_syntax(value: &Value) -> String {
    let Value::Bind(bind) = value else { return String::new() };
    let list = |words: &[String]| match words {
        [] => "(nil)".to_owned(),
        words => {
            let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            format!("{{{}}}", quoted.join(", "))
        }
    };
    format!(
        ": httpcaddyfile.addressesWithProtocols{{addresses:[]string{}, protocols:[]string{}}}",
        list(&bind.addresses),
        list(&bind.protocols)
    )
}
