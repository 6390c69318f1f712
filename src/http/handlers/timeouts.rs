//! `timeouts`: how long this request's body may take to come, and its answer to go.
//!
//! ```caddyfile
//! timeouts /upload {
//!     read_timeout  10m
//!     write_timeout 30s 16KiB
//!     max_write_chunk 64KiB
//! }
//! ```
//!
//! A rate lengthens the time by what was transferred: 30 seconds at 16 KiB a second are
//! 90 for an answer of 960 KiB.

use crate::config::duration::Duration;
use crate::config::handlers::Timeouts as Config;
use crate::http::exchange::{Deadline, Exchange};

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Timeouts {
    read: Option<Bound>,
    write: Option<Bound>,
    chunk: Option<usize>,
}

/// A time, and the bytes per second that lengthen it.
type Bound = (std::time::Duration, u64);

impl Timeouts {
    pub(super) fn new(config: &Config) -> Self {
        let bound = |limit: Duration, rate: i64| {
            Some((limit.to_std(), u64::try_from(rate).unwrap_or(0))).filter(|(l, _)| !l.is_zero())
        };
        Self {
            read: bound(config.read_timeout, config.read_min_rate),
            write: bound(config.write_timeout, config.write_min_rate),
            chunk: usize::try_from(config.max_write_chunk).ok().filter(|chunk| *chunk > 0),
        }
    }

    pub(super) fn run(&self, ex: &mut Exchange<'_>) {
        let deadline = |(limit, rate): Bound| Deadline::new(limit, rate);
        if let Some(bound) = self.read {
            ex.set_body_deadline(deadline(bound));
        }
        if let Some(bound) = self.write {
            ex.response.deadline = Some(deadline(bound));
        }
        if self.chunk.is_some() {
            ex.response.chunk_max = self.chunk;
        }
    }
}
