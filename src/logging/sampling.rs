//! Keeps a part of the entries where there are many of a kind.

use super::Level;
use crate::config::logging::Sampling as Config;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters; kinds of entries share one when they must.
const COUNTERS: usize = 4096;

/// Counts entries by level and message, in spans of time.
#[derive(Debug)]
pub(super) struct Sampling {
    interval: u64,
    first: u64,
    thereafter: u64,
    counters: Box<[Counter]>,
}

#[derive(Debug, Default)]
struct Counter {
    /// When the span ends, in nanoseconds.
    end: AtomicU64,
    count: AtomicU64,
}

impl Sampling {
    pub(super) fn new(config: &Config) -> Self {
        let or = |n: i64, default| u64::try_from(n).ok().filter(|n| *n > 0).unwrap_or(default);
        let interval = nanos(config.interval.to_std());
        Self {
            interval: if interval == 0 { 1_000_000_000 } else { interval },
            first: or(config.first, 100),
            thereafter: or(config.thereafter, 100),
            counters: std::iter::repeat_with(Counter::default).take(COUNTERS).collect(),
        }
    }

    /// Whether an entry of this moment is kept.
    pub(super) fn keeps(&self, level: Level, message: &str, now: Duration) -> bool {
        let mut hasher = DefaultHasher::new();
        (level.as_str(), message).hash(&mut hasher);
        let slot = usize::try_from(hasher.finish() % COUNTERS as u64).unwrap_or(0);
        let (counter, now) = (&self.counters[slot], nanos(now));
        let end = counter.end.load(Ordering::Relaxed);
        // Whoever is first in a new span begins to count anew.
        let begins = now >= end
            && (counter.end)
                .compare_exchange(end, now + self.interval, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        let n = if begins {
            counter.count.store(1, Ordering::Relaxed);
            1
        } else {
            counter.count.fetch_add(1, Ordering::Relaxed) + 1
        };
        n <= self.first || (n - self.first).is_multiple_of(self.thereafter)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_and_each_nth_are_kept_in_each_span() {
        let config = r#"{"interval":1000000000,"first":2,"thereafter":3}"#;
        let sampling = Sampling::new(&serde_json::from_str(config).expect("a sampling"));
        let kept = |message: &str, at: u64| sampling.keeps(Level::Info, message, at_second(at));
        let first: Vec<_> = (0..8).map(|_| kept("a", 1)).collect();
        assert_eq!(first, [true, true, false, false, true, false, false, true]);
        assert!(sampling.keeps(Level::Warn, "a", at_second(1)));
        assert!(kept("a", 2) && kept("a", 2) && !kept("a", 2));
    }

    fn at_second(second: u64) -> Duration {
        Duration::from_secs(second)
    }
}
