//! The server's side of PHP: pools, dispatcher, supervisor, generations.
//!
//! Safe Rust that knows no PHP header and no HTTP session: whoever carries a request
//! is a [`Client`], what PHP is told about it is a [`php_wire::request::Head`].
//!
//! Reading order: [`settings`] (what is to run) and its [`threads`], [`runtime`] (what
//! runs), `fleet` and `crate::dispatch` (the decisions: who is forked, who gets a request),
//! [`pool`], `supervisor` and `zygote` (the hands of those decisions), `floor` (what they
//! share), `link` and `inbox` (the ways to one worker), `boot` (a worker until it is
//! ready), [`serve`] with `answer` and `aside` (the life of one request), [`log`] (where
//! lines go), `report` (what an operator sees).

mod answer;
mod aside;
mod boot;
mod fleet;
mod floor;
mod inbox;
mod link;
pub mod log;
pub mod pool;
mod report;
pub mod runtime;
pub mod serve;
pub mod settings;
mod supervisor;
pub mod threads;
pub mod zygote;

pub use pool::Pool;
pub use runtime::{ByPath, Runtime, StartError, Workers};
pub use serve::{ServeError, Served};
pub use settings::{Settings, SettingsError};
pub use zygote::{PhpInfo, ZygoteError};

use bytes::Bytes;
use std::future::Future;
use std::io;

/// Who sent a request and takes its answer.
pub trait Client: Send {
    /// The next part of the request's body; `None` at its end. An error is the end of
    /// the body too: the client went away or took too long, and PHP sees it cut short.
    fn read_body(&mut self) -> impl Future<Output = io::Result<Option<Bytes>>> + Send;

    /// An interim answer (1xx).
    fn inform(&mut self, head: Head) -> impl Future<Output = Result<(), Gone>> + Send;

    /// A part of the answer, in order; the first has a head, the last says so.
    fn reply(&mut self, part: Part) -> impl Future<Output = Result<(), Gone>> + Send;
}

/// The client no longer takes its answer. PHP is told at its next output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Status and headers of an answer, checked: the status is one that HTTP allows, names
/// and values hold no byte that a header may not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// 100 to 999; PHP may give a final answer an interim status.
    pub status: u16,
    /// Name and value, in PHP's order, repeated names repeated.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
}

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Status and headers, in the first part only.
    pub head: Option<Head>,
    /// Bytes of the body.
    pub body: Bytes,
    /// Whether the answer is complete.
    pub last: bool,
    /// Whether PHP asked for the bytes to go out now.
    pub flush: bool,
}
