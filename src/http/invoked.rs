//! Tells which handlers run, one after the other, to those who debug.
//!
//! ```caddyfile
//! {
//!     debug
//!     servers {
//!         trace
//!     }
//! }
//! ```
//!
//! Each is a line of the logger `http.log.trace` with the handler's name and its
//! configuration, without modules within it: they speak for themselves.

use super::exchange::Exchange;
use crate::config::handlers::Handler as Config;
use crate::logging::Level;
use serde_json::Value;

const LOGGER: &str = "http.log.trace";
/// Fields of handlers that hold modules.
const MODULES: [&str; 4] = ["encodings", "handler", "precompressed", "providers"];

/// What is told of a handler.
#[derive(Debug)]
pub(super) struct Invoked {
    name: &'static str,
    /// In JSON.
    module: Vec<u8>,
}

impl Invoked {
    pub(super) fn new(config: &Config) -> Self {
        let mut module = serde_json::to_value(config).unwrap_or_default();
        if let Value::Object(fields) = &mut module {
            fields.retain(|name, _| !MODULES.contains(&name.as_str()));
            fields.get_mut("routes").into_iter().for_each(strip);
            fields.get_mut("errors").into_iter().for_each(strip_within);
            fields
                .get_mut("handle_response")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
                .for_each(strip_within);
        }
        Self { name: config.name(), module: module.to_string().into_bytes() }
    }

    /// The handler runs.
    pub(super) fn tell(&self, ex: &Exchange<'_>) {
        ex.site.logs.write(Level::Debug, LOGGER, self.name, |o| o.raw("module", &self.module));
    }
}

/// Takes matchers and handlers out of routes.
fn strip(routes: &mut Value) {
    let routes = routes.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut);
    routes.for_each(|route| route.retain(|name, _| name != "match" && name != "handle"));
}

/// The same of what has routes.
fn strip_within(outer: &mut Value) {
    outer.get_mut("routes").into_iter().for_each(strip);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(handler: &str, name: &str, module: &str) {
        let config = serde_json::from_str(handler).expect("a handler");
        let invoked = Invoked::new(&config);
        assert_eq!((invoked.name, invoked.module.as_slice()), (name, module.as_bytes()));
    }

    #[test]
    fn a_handler_is_told_without_the_modules_in_it() {
        check(r#"{"handler":"vars","a":"b"}"#, "vars", r#"{"a":"b"}"#);
        check(
            r#"{"handler":"subroute","routes":[{"group":"g","match":[{"path":["/"]}]},
                {"handle":[{"handler":"vars"}],"terminal":true}],"errors":{"routes":[{}]}}"#,
            "subroute",
            r#"{"errors":{"routes":[{}]},"routes":[{"group":"g"},{"terminal":true}]}"#,
        );
        check(
            r#"{"handler":"encode","encodings":{"gzip":{}},"prefer":["gzip"]}"#,
            "encode",
            r#"{"prefer":["gzip"]}"#,
        );
        check(
            r#"{"handler":"intercept","handle_response":[{"match":{"status_code":[404]},
                "routes":[{"handle":[]}]}]}"#,
            "intercept",
            r#"{"handle_response":[{"match":{"status_code":[404]},"routes":[{}]}]}"#,
        );
    }
}
