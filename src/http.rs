//! A configuration's `http` app, serving.
//!
//! In reading order: [`server`] compiles a configuration, [`unsupported`] refuses what is
//! not there yet, [`live`] puts one configuration in the place of another; [`address`] is
//! what can be listened on, [`socket`] opens it and [`listener`] accepts, [`conn`] is the
//! stream and [`connection`] what its requests share; [`h1`] with [`request_line`] and
//! [`chunks`], and [`h2`] with [`session`], speak the protocols; [`serve`] is the life of one
//! request ([`service`] when no route answers it, [`inner`] when the server asks itself);
//! [`aliases`] is what of its head is dropped, [`pace`] how fast it must come and go,
//! [`exchange`] the request itself and [`response`] the way of its answer, with [`head`]; [`routes`],
//! [`matchers`] and [`handlers`] decide what it is, and [`invoked`] tells of them;
//! [`placeholder`], [`uri`] and [`glob`] are the languages they speak.
//!
//! Every protocol ends as a pingora session, so nothing behind [`session`] knows which
//! one it is. This room does not know Caddyfiles, nor how PHP runs.

mod address;
mod aliases;
mod chunks;
mod conn;
mod connection;
mod exchange;
mod glob;
mod h1;
mod h2;
mod handlers;
mod head;
mod inner;
mod invoked;
mod ip_ranges;
mod listener;
mod live;
mod loggers;
mod matchers;
mod measure;
mod pace;
mod placeholder;
mod regexp;
mod request_line;
mod response;
mod routes;
mod serve;
mod server;
pub mod service;
mod session;
mod sniff;
mod socket;
mod trust;
mod unsupported;
mod uri;
mod wrappers;

#[cfg(test)]
mod tests;

pub use address::{Endpoint, NetworkAddress, fill_placeholders};
pub use live::{Live, Prepared, Retired};
pub use matchers::expression;
pub use matchers::url_pattern::fault as url_pattern_fault;
pub use server::{BindError, ProvisionError, Server};
