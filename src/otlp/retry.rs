//! When a message is sent again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(30);
/// No attempt begins later than this after the first.
const TOTAL: Duration = Duration::from_secs(60);

/// The pauses between the attempts of one message: each half as long again as the one
/// before, and each by chance up to half of it shorter or longer.
#[derive(Debug)]
pub(super) struct Backoff {
    pause: Duration,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { pause: FIRST }
    }

    /// How long to wait before the next attempt; `None` when there is none. `spent` is the
    /// time since the first, `asked` what the collector wants, `chance` lies between 0 and 1.
    pub(super) fn next(
        &mut self,
        spent: Duration,
        asked: Duration,
        chance: f64,
    ) -> Option<Duration> {
        if spent + asked > TOTAL {
            return None;
        }
        let pause = self.pause.mul_f64(0.5 + chance.clamp(0.0, 1.0));
        self.pause = self.pause.mul_f64(1.5).min(LONGEST);
        Some(pause.max(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_end() {
        let seconds = Duration::from_secs_f64;
        let mut backoff = Backoff::new();
        let mut next = |spent, asked| backoff.next(seconds(spent), seconds(asked), 0.5);
        assert_eq!(next(0.0, 0.0), Some(seconds(5.0)));
        assert_eq!(next(5.0, 0.0), Some(seconds(7.5)));
        assert_eq!(next(12.5, 20.0), Some(seconds(20.0)));
        for _ in 0..5 {
            next(30.0, 0.0);
        }
        assert_eq!(next(59.0, 0.0), Some(seconds(30.0)));
        assert_eq!(next(61.0, 0.0), None);
        assert_eq!(next(30.0, 31.0), None);
    }
}
