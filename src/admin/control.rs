//! What the endpoint can have done, by whoever runs the configuration.

use super::error::ApiError;
use super::tree::{Method, Tree};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use std::fmt::Debug;
use std::sync::Arc;

/// A change of the configuration.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is done.
    pub method: Method,
    /// Where.
    pub path: String,
    /// With which JSON; `null` when empty.
    pub body: Bytes,
    /// What must be there now: an `If-Match` field; empty when that does not matter.
    pub if_match: String,
    /// Whether a configuration like the running one is loaded again.
    pub force: bool,
}

/// Something odd in a configuration that was adapted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The line, from 1; 0 when none is to blame.
    #[serde(skip_serializing_if = "is_zero")]
    pub line: u32,
    /// The directive.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub directive: String,
    /// What is odd.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(line: &u32) -> bool {
    *line == 0
}

/// A configuration out of another language.
#[derive(Clone, Debug, Default)]
pub struct Adapted {
    /// Its JSON.
    pub json: String,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

/// Languages that configurations are written in.
pub trait Adapters: Debug + Send + Sync {
    /// Adapts a text; `None` when the language is not known.
    fn adapt(&self, language: &str, text: &[u8]) -> Option<Result<Adapted, String>>;
}

/// Runs the configuration.
#[async_trait]
pub trait Control: Debug + Send + Sync {
    /// The configuration as it was given.
    fn tree(&self) -> Arc<Tree>;

    /// Changes the configuration and runs what comes out. Goes on when it is dropped.
    ///
    /// # Errors
    /// When it cannot be changed so, or not be run; then everything is as it was.
    async fn change(&self, change: Change) -> Result<(), ApiError>;

    /// Somebody has changed the configuration to one from this file and adapter, if they
    /// are named: when it is not the file that the server was started from, that one is
    /// not the configuration any more.
    fn has_source(&self, file: &str, adapter: &str);

    /// Starts PHP anew, without losing a request.
    ///
    /// # Errors
    /// When it does not start; then the one that runs goes on.
    async fn restart_php(&self) -> Result<(), ApiError>;

    /// PHP's workers, in the JSON of FrankenPHP.
    fn php_threads(&self) -> String;

    /// Ends the server once this request has its answer.
    fn stop(&self);
}
