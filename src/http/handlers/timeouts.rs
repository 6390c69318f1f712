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
//! Each time is for the next part: whoever stops for longer is let go. With a rate it is for
//! the whole transfer, and what was transferred lengthens it: 30 seconds at 16 KiB a second are
//! 90 for an answer of 960 KiB.

use crate::config::duration::Duration;
use crate::config::handlers::Timeouts as Config;
use crate::http::exchange::Exchange;
use crate::http::pace::Bound;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Timeouts {
    read: Option<Bound>,
    write: Option<Bound>,
    chunk: Option<usize>,
}

impl Timeouts {
    pub(super) fn new(config: &Config) -> Self {
        let bound = |limit: Duration, rate: i64| {
            let limit = Some(limit.to_std()).filter(|limit| !limit.is_zero());
            limit.map(|_| Bound { limit, rate: u64::try_from(rate).unwrap_or(0) })
        };
        Self {
            read: bound(config.read_timeout, config.read_min_rate),
            write: bound(config.write_timeout, config.write_min_rate),
            chunk: usize::try_from(config.max_write_chunk).ok().filter(|chunk| *chunk > 0),
        }
    }

    pub(super) fn run(&self, ex: &mut Exchange<'_>) {
        if let Some(bound) = self.read {
            ex.set_body_pace(bound);
        }
        if let Some(bound) = self.write {
            ex.set_answer_pace(bound);
            if self.chunk.is_some() {
                ex.response.chunk_max = self.chunk;
            }
        }
    }
}
