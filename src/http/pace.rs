//! How fast a client must send its body, or take its answer.
//!
//! A client that stops for too long is let go by whoever reads or writes: the connection,
//! or the stream of HTTP/2. What depends on the whole transfer is here: a rate that it must
//! hold, and an end that it must meet.

use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// What a client may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bound {
    /// How long it may stop; as long as it likes when absent.
    pub limit: Option<Duration>,
    /// Bytes that earn a second more, counted from the start; none do when 0. With a rate the
    /// limit is for the whole transfer, and each byte lengthens it.
    pub rate: u64,
}

/// One transfer, and how far it has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    bound: Bound,
    started: Instant,
    /// Bytes that count for the rate.
    transferred: u64,
    /// When it must be over, whatever the rate is.
    end: Option<Instant>,
}

impl Bound {
    /// How long a client may stop, if that does not depend on what it did before.
    pub(super) const fn idle(&self) -> Option<Duration> {
        if self.rate == 0 { self.limit } else { None }
    }
}

impl Pace {
    /// A transfer that begins, and may take so long in all.
    pub(super) fn new(bound: Bound, total: Option<Duration>, now: Instant) -> Self {
        Self { bound, started: now, transferred: 0, end: total.map(|total| now + total) }
    }

    /// Holds it to another bound, from now on.
    pub(super) fn turn_to(&mut self, bound: Bound, now: Instant) {
        *self = Self { bound, started: now, transferred: 0, end: self.end };
    }

    /// Whether what was transferred matters.
    pub(super) const fn is_watched(&self) -> bool {
        self.bound.rate > 0 || self.end.is_some()
    }

    /// Counts bytes.
    pub(super) const fn earn(&mut self, bytes: usize) {
        self.transferred += bytes as u64;
    }

    /// When it is too late for the next bytes.
    fn due(&self) -> Option<Instant> {
        let earned = self.transferred.saturating_mul(1000).checked_div(self.bound.rate);
        let by_rate = earned.zip(self.bound.limit);
        let by_rate = by_rate.map(|(ms, limit)| self.started + limit + Duration::from_millis(ms));
        by_rate.into_iter().chain(self.end).min()
    }

    /// Waits for some bytes; fails when they come too late.
    pub(super) async fn keep<T>(&self, work: impl Future<Output = T>) -> io::Result<T> {
        match self.due() {
            None => Ok(work.await),
            Some(due) => tokio::time::timeout_at(due, work).await.map_err(io::Error::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limit: u64, rate: u64, total: Option<u64>, bytes: usize, due: Option<u64>) {
        let now = Instant::now();
        let bound = Bound { limit: Some(Duration::from_secs(limit)), rate };
        let mut pace = Pace::new(bound, total.map(Duration::from_secs), now);
        pace.earn(bytes);
        assert_eq!(pace.due(), due.map(|secs| now + Duration::from_secs(secs)));
        assert_eq!(pace.is_watched(), due.is_some());
    }

    #[test]
    fn each_byte_lengthens_the_time_and_nothing_passes_the_end() {
        check(30, 0, None, 1000, None);
        check(30, 100, None, 0, Some(30));
        check(30, 100, None, 1000, Some(40));
        check(30, 100, Some(35), 1000, Some(35));
        check(30, 0, Some(90), 1000, Some(90));
    }

    #[tokio::test]
    async fn another_bound_counts_from_its_own_start() {
        let start = Instant::now();
        let mut pace = Pace::new(Bound::default(), Some(Duration::from_secs(60)), start);
        pace.earn(500);
        let later = start + Duration::from_secs(10);
        pace.turn_to(Bound { limit: Some(Duration::from_secs(5)), rate: 100 }, later);
        assert_eq!(pace.due(), Some(later + Duration::from_secs(5)));
        let past = start.checked_sub(Duration::from_secs(1)).expect("some uptime");
        let late = Pace::new(Bound::default(), Some(Duration::ZERO), past);
        let kept = late.keep(std::future::pending::<()>()).await;
        assert_eq!(kept.map_err(|e| e.kind()), Err(io::ErrorKind::TimedOut));
    }
}
