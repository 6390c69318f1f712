//! What goes wrong with a request to the admin endpoint.

use bytes::Bytes;
use serde::Serialize;

/// An error, with the status that tells the client of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The status.
    pub status: u16,
    /// What the client is told.
    pub message: String,
    /// What the log says, when that is more.
    pub logged: Option<&'static str>,
}

impl ApiError {
    /// An error with its status.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), logged: None }
    }

    /// An error that Caddy gives no status: 500, but 400 to who only reads.
    pub fn plain(message: impl Into<String>) -> Self {
        Self::new(500, message)
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> Bytes {
        #[derive(Serialize)]
        struct Body<'e> {
            error: &'e str,
        }
        let text = crate::config::go_json(&Body { error: &self.message });
        (text + "\n").into()
    }
}
