//! The admin endpoint: a small HTTP service that shows and changes the configuration.
//!
//! In reading order: [`tree`] is the configuration as it was given, with Caddy's paths;
//! [`guard`] says who may ask; [`api`] is what they may ask for, and [`control`] what has
//! that done; [`error`] is what is answered when something is wrong.
//!
//! This room runs no configuration: whoever does is a [`Control`].

mod api;
mod control;
mod error;
mod guard;
mod tree;

pub use control::{Adapted, Adapters, Change, Control, Warning};
pub use error::ApiError;
pub use tree::{Method, Tree};

use crate::config::duration::Duration as GoDuration;
use crate::config::{admin::Admin, http::Server as Limits};
use crate::http::{NetworkAddress, Server, fill_placeholders};
use crate::logging::{Level, Logs};
use crate::metrics::Figures;
use api::Api;
use guard::Guard;
use std::sync::Arc;
use std::time::Duration;

/// Where the endpoint is when nothing says so.
const LISTEN: &str = "localhost:2019";
/// How long a request may go on once the endpoint is replaced.
const GRACE: Duration = Duration::from_secs(10);

const SECOND: i64 = 1_000_000_000;

/// An endpoint, ready but not listening.
#[derive(Debug)]
pub struct Endpoint {
    address: NetworkAddress,
    guard: Guard,
    enforce_origin: bool,
}

/// What an endpoint works with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Who runs the configuration.
    pub control: Arc<dyn Control>,
    /// The languages of configurations.
    pub adapters: Arc<dyn Adapters>,
    /// What is counted.
    pub figures: Arc<Figures>,
}

/// Where the endpoint is when the configuration does not say so: what the variable
/// `CADDY_ADMIN` holds, or `localhost:2019`.
pub fn default_listen() -> String {
    std::env::var("CADDY_ADMIN").unwrap_or_else(|_| LISTEN.to_owned())
}

/// Reads the address of an endpoint, the default one when it is empty.
///
/// # Errors
/// When it is none, or several.
pub fn parse_address(listen: &str) -> Result<NetworkAddress, String> {
    let default = default_listen();
    let listen = if listen.is_empty() { &default } else { listen };
    let filled = fill_placeholders(listen);
    let address = NetworkAddress::parse(&filled, 0)
        .map_err(|why| format!("parsing listener address: {why}"))?;
    if address.ports.0 != address.ports.1 {
        return Err(format!("must be exactly one listener address; cannot listen on: {address}"));
    }
    Ok(address)
}

impl Endpoint {
    /// The endpoint of a configuration; none when it is off.
    ///
    /// # Errors
    /// When its address is none, or it has what is not there yet.
    pub fn provision(admin: Option<&Admin>) -> Result<Option<Self>, String> {
        let default = Admin::default();
        let admin = admin.unwrap_or(&default);
        if admin.remote.is_some() {
            return Err("admin.remote: remote administration is not supported yet".to_owned());
        }
        if admin.identity.is_some() {
            return Err("admin.identity: identity management is not supported yet".to_owned());
        }
        if admin.disabled {
            return Ok(None);
        }
        let address = parse_address(&admin.listen)?;
        let guard = Guard::new(admin, &address);
        Ok(Some(Self { address, guard, enforce_origin: admin.enforce_origin }))
    }

    /// The server that answers at the endpoint.
    pub fn server(&self, tools: Tools, logs: &Arc<Logs>) -> Server {
        let Tools { control, adapters, figures } = tools;
        let guard = self.guard.clone();
        let api = Api { guard, control, adapters, figures, logs: Arc::clone(logs) };
        let limits = Limits {
            read_header_timeout: GoDuration(5 * SECOND),
            read_timeout: GoDuration(10 * SECOND),
            idle_timeout: GoDuration(60 * SECOND),
            max_header_bytes: 64 * 1024,
            protocols: vec!["h1".to_owned()],
            ..Limits::default()
        };
        Server::of_service(&self.address, Arc::new(api), &limits, GRACE, logs)
    }

    /// Says that it answers.
    pub fn announce(&self, logs: &Logs) {
        let address = self.address.to_string();
        let origins: Vec<String> = self.guard.origins().collect();
        logs.write(Level::Info, "admin", "admin endpoint started", |o| {
            o.str("address", &address);
            o.raw("enforce_origin", if self.enforce_origin { b"true" } else { b"false" });
            o.strings("origins", origins.iter().map(String::as_bytes));
        });
        if !self.guard.checks_host() {
            let text = "admin endpoint on open interface; host checking disabled";
            logs.write(Level::Warn, "admin", text, |o| o.str("address", &address));
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.address.fmt(f)
    }
}
