//! Work that takes so long that others should not wait for it.
//!
//! A server thread serves many connections in turn, and where PHP needs the processors there
//! are few such threads. Whoever computes for longer than a few hundred microseconds does it
//! here; what only waits, or can be moved, is better off in `tokio::task::spawn_blocking`.

use std::num::NonZero;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// From when on a look at the disk is slow: what the system remembers takes some microseconds.
const SLOW: Duration = Duration::from_millis(1);
/// How many looks after a slow one are not trusted to be quick. A disk that is slow now and
/// then is never trusted; a look that only lost its processor costs little.
const CAREFUL_LOOKS: u32 = 32;

/// How many may wait for the disk at once while others are served.
const LOOKING_MAX: usize = 64;

/// Who computes while others are served: as many as there are processors. More would only
/// take them from whoever serves.
static COMPUTING: LazyLock<Room> =
    LazyLock::new(|| Room::new(std::thread::available_parallelism().map_or(1, NonZero::get)));
/// The looks at the disk.
static DISK: Looks = Looks::new();

/// Room for so many.
#[derive(Debug)]
struct Room(AtomicUsize);

/// A place in a room.
struct InRoom<'r>(&'r Room);

impl Room {
    const fn new(places: usize) -> Self {
        Self(AtomicUsize::new(places))
    }

    /// A place, if one is free.
    fn enter(&self) -> Option<InRoom<'_>> {
        let less = |free: usize| free.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()?;
        Some(InRoom(self))
    }

    /// Does something while another thread serves the others, if there is room for that.
    fn work<R>(&self, work: impl FnOnce() -> R) -> R {
        let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
        match self.enter() {
            Some(_place) if matches!(flavor, Ok(RuntimeFlavor::MultiThread)) => {
                block_in_place(work)
            }
            // Nobody could take over, nobody is served, or too many do such things already.
            _ => work(),
        }
    }
}

impl Drop for InRoom<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Computes something while another thread serves the others, unless as many do that already
/// as there are processors. To let one take over costs about as much as to compress a
/// kilobyte.
pub(crate) fn in_place<R>(work: impl FnOnce() -> R) -> R {
    COMPUTING.work(work)
}

/// Asks the disk for a name. Mostly the system has the answer at hand; where one took long
/// lately, another thread serves the others meanwhile.
pub(crate) fn look<R>(ask: impl FnOnce() -> R) -> R {
    DISK.look(ask)
}

/// Looks that may be slow.
#[derive(Debug)]
struct Looks {
    /// How many of the next are not trusted to be quick.
    careful: AtomicU32,
    /// Who waits while others are served.
    room: Room,
}

impl Looks {
    const fn new() -> Self {
        Self { careful: AtomicU32::new(0), room: Room::new(LOOKING_MAX) }
    }

    fn look<R>(&self, ask: impl FnOnce() -> R) -> R {
        let timed = || {
            let since = Instant::now();
            let answer = ask();
            if since.elapsed() >= SLOW {
                self.careful.store(CAREFUL_LOOKS, Ordering::Relaxed);
            }
            answer
        };
        if self.careful.load(Ordering::Relaxed) == 0 {
            return timed();
        }
        // Somebody may have counted the last one meanwhile.
        let less = |left: u32| left.checked_sub(1);
        let _ = self.careful.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.room.work(timed)
    }
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
        static ROOM: Room = Room::new(1);
        assert!(is_served_while(|work| ROOM.work(work)));
    }

    #[test]
    fn after_a_slow_look_others_are_served_during_the_next() {
        static LOOKS: Looks = Looks::new();
        LOOKS.look(|| std::thread::sleep(SLOW));
        assert!(is_served_while(|work| LOOKS.look(work)));
    }

    #[test]
    fn only_so_many_find_room() {
        let room = Room::new(2);
        let places = [room.enter(), room.enter()];
        assert!(places.iter().all(Option::is_some) && room.enter().is_none());
        assert_eq!(room.work(|| 1), 1);
        drop(places);
        assert!(room.enter().is_some());
    }

    #[tokio::test]
    async fn it_is_done_anyway() {
        assert_eq!(in_place(|| 1), 1);
        let outside = std::thread::spawn(|| in_place(|| 2)).join();
        assert_eq!(outside.expect("no panic"), 2);
    }
}
