//! A configuration's `http` app, serving.

mod server;

pub use server::{BindError, Bound, ProvisionError, Server};
