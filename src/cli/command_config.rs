//! The configurations of commands that serve without one.

use crate::config::Config;
use serde_json::{Map, Value, json};

/// Seconds, as durations are written.
const SECOND: u64 = 1_000_000_000;

/// A server at an address, with the limits of Caddy's commands.
pub(super) fn server(listen: &str, routes: &[Value], access_log: bool) -> Value {
    let mut server = json!({
        "listen": [listen],
        "read_header_timeout": 10 * SECOND,
        "idle_timeout": 30 * SECOND,
        "max_header_bytes": 10 * 1024,
        "routes": routes,
    });
    if access_log {
        server["logs"] = json!({});
    }
    server
}

/// A configuration of these servers, without an admin endpoint, that is not saved.
pub(super) fn config(servers: &Map<String, Value>, debug: bool) -> anyhow::Result<Config> {
    let mut config = json!({
        "admin": {"disabled": true, "config": {"persist": false}},
        "apps": {"http": {"servers": servers}},
    });
    if debug {
        config["logging"] = json!({"logs": {"default": {"level": "DEBUG"}}});
    }
    Ok(Config::from_value(&config)?)
}
