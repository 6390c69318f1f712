//! `route`: directives in the order in which they are written.

use super::parse_block;
use crate::adapter::error::Result;
use crate::adapter::routes;
use crate::adapter::scope::{Bind, Scope, Value, Yield};
use crate::config::handlers::{Handler, Subroute};
use caddyfile_parser::Dispenser;

/// Reads `route [MATCHER] { DIRECTIVE… }`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    let yields = parse_block(d, scope)?;
    for Yield { directive, value } in &yields {
        if !matches!(value, Value::Route(_) | Value::Routes(_)) {
            let shown = match value {
                Value::Bind(bind) => format!(": {}", go_syntax(bind)),
                _ => String::new(),
            };
            let text = format!(
                "{directive} directive returned something other than an HTTP route or \
                 subroute{shown} (only handler directives can be used in routes)"
            );
            return Err(d.err(text).into());
        }
    }
    let routes = routes::in_written_order(&yields, scope.shared);
    Ok(Handler::Subroute(Subroute { routes, errors: None }))
}

/// Addresses as Go shows the type that Caddy keeps them in, since its error does so.
fn go_syntax(Bind { addresses, protocols }: &Bind) -> String {
    let list = |texts: &[String]| match texts {
        [] => "[]string(nil)".to_owned(),
        texts => {
            let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
            format!("[]string{{{}}}", quoted.join(", "))
        }
    };
    format!(
        "httpcaddyfile.addressesWithProtocols{{addresses:{}, protocols:{}}}",
        list(addresses),
        list(protocols)
    )
}
