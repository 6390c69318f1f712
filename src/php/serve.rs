//! The life of one request, from the pool's door to the end of the answer.

/// How a request went that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Whether the client went away before its answer was complete.
    pub gone: bool,
}

/// Why a request was not answered, or not to the end. A part of the answer may have
/// been passed to the client; then only the connection can say that it broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// No worker was free within `max_wait_time`.
    #[error("maximum request handling time exceeded")]
    Busy,
    /// Too many requests wait already.
    #[error("too many requests are waiting for a PHP worker")]
    QueueFull,
    /// The pools are closing.
    #[error("PHP is shutting down")]
    Closing,
    /// The worker ran into its time limit and had to be killed.
    #[error("PHP worker was killed by its time limit")]
    OverLimit,
    /// The worker's process ended in the middle of the request.
    #[error("PHP worker {0}")]
    Died(String),
    /// The worker broke the rules of its link, and was killed.
    #[error("PHP worker sent what it may not: {0}")]
    Protocol(String),
    /// The request's head does not fit the wire.
    #[error("request head is too large for PHP")]
    HeadTooLarge,
}

impl ServeError {
    /// The status of an answer that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Busy | Self::QueueFull | Self::Closing => 503,
            Self::OverLimit => 504,
            Self::Died(_) | Self::Protocol(_) => 502,
            Self::HeadTooLarge => 431,
        }
    }

    /// The body of that answer, `text/plain; charset=utf-8`; empty when it has none.
    /// An answer with a body does not go through the error routes.
    pub const fn body(&self) -> &'static str {
        match self {
            Self::Busy => "maximum request handling time exceeded",
            _ => "",
        }
    }
}
