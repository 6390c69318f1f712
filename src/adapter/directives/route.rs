//! `route`: directives in the order in which they are written.

use super::parse_block;
use crate::adapter::error::Result;
use crate::adapter::routes;
use crate::adapter::scope::{Bind, NamedLog, Scope, Value, Yield};
use crate::config::handlers::{Handler, Subroute};
use caddyfile_parser::Dispenser;

/// Reads `route [MATCHER] { DIRECTIVE… }`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    let yields = parse_block(d, scope)?;
    for Yield { directive, value } in &yields {
        if !matches!(value, Value::Route(_) | Value::Routes(_)) {
            let shown = match value {
                Value::Bind(bind) => format!(": {}", go_syntax(bind)),
                // One with settings is shown as an address in memory there.
                Value::Log(log) if log.log.is_none() => format!(": {}", go_syntax_of_log(log)),
                _ => String::new(),
            };
            let text = format!(
                "{directive} directive returned something other than an HTTP route or \
                 subroute{shown} (only handler directives can be used in routes)"
            );
            return Err(d.err(text).into());
        }
    }
    let routes = routes::in_order(yields, scope.shared);
    Ok(Handler::Subroute(Subroute { routes, errors: None }))
}

/// Addresses as Go shows the type that Caddy keeps them in, since its error does so.
fn go_syntax(Bind { addresses, protocols }: &Bind) -> String {
    format!(
        "httpcaddyfile.addressesWithProtocols{{addresses:{}, protocols:{}}}",
        go_list(addresses, "(nil)"),
        go_list(protocols, "(nil)")
    )
}

/// The same for a log without settings.
fn go_syntax_of_log(log: &NamedLog) -> String {
    format!(
        "httpcaddyfile.namedCustomLog{{name:{:?}, hostnames:{}, log:(*caddy.CustomLog)(nil), \
         noHostname:{}}}",
        log.name,
        go_list(&log.hostnames, "{}"),
        log.no_hostname
    )
}

/// A list as Go shows it; `none` is how one without anything ends.
fn go_list(texts: &[String], none: &str) -> String {
    if texts.is_empty() {
        return format!("[]string{none}");
    }
    let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[]string{{{}}}", quoted.join(", "))
}
