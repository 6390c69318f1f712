//! Work that takes so long that others should not wait for it.
//!
//! A server thread serves many connections in turn, and where PHP needs the processors there
//! are few such threads. Whoever computes for longer than a few hundred microseconds does it
//! here; what only waits, or can be moved, is better off in `tokio::task::spawn_blocking`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// From when on a look at the disk is slow: what the system remembers takes some microseconds.
const SLOW: Duration = Duration::from_millis(1);
/// How many looks after a slow one are not trusted to be quick. A disk that is slow now and
/// then is never trusted; a look that only lost its processor costs little.
const CAREFUL_LOOKS: u32 = 32;

/// How many of the next looks are not trusted to be quick.
static CAREFUL: AtomicU32 = AtomicU32::new(0);

/// Does something while another thread serves the others. To let one take over costs about as
/// much as to compress a kilobyte.
pub(crate) fn in_place<R>(work: impl FnOnce() -> R) -> R {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        // Nobody could take over, or nobody is served.
        _ => work(),
    }
}

/// Asks the disk for a name. Mostly the system has the answer at hand; where one took long
/// lately, another thread serves the others meanwhile.
pub(crate) fn look<R>(ask: impl FnOnce() -> R) -> R {
    let timed = || {
        let since = Instant::now();
        let answer = ask();
        if since.elapsed() >= SLOW {
            CAREFUL.store(CAREFUL_LOOKS, Ordering::Relaxed);
        }
        answer
    };
    let is_trusted = CAREFUL.load(Ordering::Relaxed) == 0;
    if is_trusted {
        return timed();
    }
    // Somebody may have counted the last one meanwhile.
    let less = |left: u32| left.checked_sub(1);
    let _ = CAREFUL.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    in_place(timed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    /// Whether another task of a runtime with one thread is served while one is kept by `does`.
    fn is_served_while(does: fn(&dyn Fn() -> bool) -> bool) -> bool {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let runtime = runtime.expect("a runtime");
        let served = runtime.block_on(runtime.spawn(async move {
            let (sender, receiver) = channel();
            tokio::spawn(async move { sender.send(()) });
            does(&|| receiver.recv_timeout(Duration::from_secs(30)).is_ok())
        }));
        served.expect("no panic")
    }

    #[test]
    fn others_are_served_meanwhile_where_that_is_possible() {
        assert!(is_served_while(|work| in_place(work)));
    }

    #[test]
    fn after_a_slow_look_others_are_served_during_the_next() {
        look(|| std::thread::sleep(SLOW));
        assert!(is_served_while(|work| look(work)));
    }

    #[tokio::test]
    async fn it_is_done_anyway() {
        assert_eq!(in_place(|| 1), 1);
        let outside = std::thread::spawn(|| in_place(|| 2)).join();
        assert_eq!(outside.expect("no panic"), 2);
    }
}
