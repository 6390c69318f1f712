//! How many of something there are at the moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what is there.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

/// One of what is counted; it is there until this is dropped.
#[derive(Debug)]
pub struct Held(Arc<Gauge>);

impl Gauge {
    /// Counts one more.
    pub fn hold(self: &Arc<Self>) -> Held {
        self.0.fetch_add(1, Ordering::Relaxed);
        Held(Arc::clone(self))
    }

    /// How many there are.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_does_not_count() {
        let gauge = Arc::new(Gauge::default());
        let (first, second) = (gauge.hold(), gauge.hold());
        assert_eq!(gauge.value(), 2);
        drop(first);
        assert_eq!(gauge.value(), 1);
        drop(second);
        assert_eq!(gauge.value(), 0);
    }
}
