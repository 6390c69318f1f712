//! Decides which worker takes a job, and which job a worker that becomes free. A job is a
//! request or a task.
//!
//! Nothing here waits, sends or reads a clock. The worker that became idle last goes
//! first, because its caches are warm; jobs wait in order, and no more than a pool allows.
//!
//! Where jobs are over sooner than a sleeping worker is awake, a job goes *ahead*: it is sent
//! to a worker that still has others, and lies in its inbox until those are done. Each worker
//! at work has a seat; the jobs that are sent ahead to it stand behind its seat. One behind
//! which nothing moves loses them again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How often it is to be looked for seats behind which nothing moves, as long as any job
/// is sent ahead.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(2);
/// After how many looks at which no job stood anywhere nobody need look any more.
pub(crate) const LOOKS_IN_VAIN: u32 = 50;
/// The longest job that is sent ahead, in bytes.
pub(crate) const AHEAD_BYTES: usize = 16 * 1024;

/// How many jobs may stand behind a worker's own.
const AHEAD_MAX: usize = 16;
/// How long a job that is sent ahead may be expected to stand there, in microseconds:
/// about as long as it takes to wake a process on a busy machine.
const STAND_MAX: u32 = 100;
/// The same where as many workers are at work as there are processors: one more would not be
/// done sooner, only share them.
const DEEP_AHEAD_MAX: usize = 64;
/// See [`STAND_MAX`] and [`DEEP_AHEAD_MAX`].
const DEEP_STAND_MAX: u32 = 400;
/// Jobs that last no longer than this, in microseconds, wait for nothing but a processor: the
/// next service is farther away.
const COMPUTES_MAX: u32 = 12;
/// How long a job of an unknown kind is taken to last, in microseconds.
const UNKNOWN: u32 = 1000;

/// The idle workers `W` of a pool, those at work, and the jobs `J` that wait.
#[derive(Debug)]
pub(crate) struct Dispatch<W, J> {
    idle: Vec<W>,
    waiting: BTreeMap<Ticket, J>,
    /// How many may wait.
    waiting_max: usize,
    seats: Vec<Option<At<W, J>>>,
    free: Vec<Seat>,
    /// How many jobs were sent ahead and stand.
    standing: usize,
    /// How many processors there are.
    processors: usize,
    pace: Pace,
    last: u64,
    open: bool,
}

/// A worker at work.
#[derive(Debug)]
struct At<W, J> {
    worker: W,
    behind: VecDeque<(Ticket, J)>,
    /// Whether its job is the one that it had when [`Dispatch::stuck`] last looked.
    is_seen: bool,
}

/// The place of a job in the queue: whoever has the lower one came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// The number of a worker at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat(usize);

/// Why a job may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many wait.
    Full,
    /// The pool is closing.
    Closing,
}

/// What a worker does that has finished its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next<J> {
    /// It has this one already, and so many more behind it.
    Ahead(J, usize),
    /// It gets this one.
    Waiting(J),
    /// It rests.
    Rest,
}

/// How long the jobs of a pool last, as a moving average.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// In sixteenths of a microsecond, so that short ones count.
    sixteenths: u32,
}

impl Pace {
    /// A job lasted so many microseconds.
    const fn add(&mut self, micros: u16) {
        self.sixteenths = self.sixteenths - self.sixteenths / 8 + micros as u32 * 2;
    }

    /// They last longer than was thought.
    const fn forget(&mut self) {
        if self.sixteenths < UNKNOWN * 16 {
            self.sixteenths = UNKNOWN * 16;
        }
    }

    /// Whether so many of them, one after the other, are over within so many microseconds.
    const fn lasts(self, count: usize, micros: u32) -> bool {
        self.sixteenths as u64 * count as u64 <= micros as u64 * 16
    }
}

impl<W: Clone, J> Dispatch<W, J> {
    /// A pool without workers, in which so many jobs may wait, on a machine with so many
    /// processors.
    pub(crate) const fn new(waiting_max: usize, processors: usize) -> Self {
        Self {
            idle: Vec::new(),
            waiting: BTreeMap::new(),
            waiting_max,
            seats: Vec::new(),
            free: Vec::new(),
            standing: 0,
            processors,
            pace: Pace { sixteenths: UNKNOWN * 16 },
            last: 0,
            open: true,
        }
    }

    /// Where a new job is to be sent ahead, if that is sooner than another way: behind the
    /// first seat that has room and whose worker `takes` it.
    pub(crate) fn ahead<T>(&self, takes: impl Fn(&W) -> Option<T>) -> Option<(T, Seat)> {
        if !self.may_stand(1) || !self.waiting.is_empty() || !self.open {
            return None;
        }
        let seats = self.seats.iter().enumerate();
        let seats = seats.filter_map(|(n, at)| at.as_ref().map(|at| (Seat(n), at)));
        let mut roomy = seats.filter(|(_, at)| self.may_stand(at.behind.len() + 1));
        roomy.find_map(|(seat, at)| Some((takes(&at.worker)?, seat)))
    }

    /// The place of a new job.
    pub(crate) const fn ticket(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }

    /// A job was sent ahead to the worker at this seat. Whether it is the only one that
    /// stands anywhere.
    pub(crate) fn stand(&mut self, seat: Seat, ticket: Ticket, job: J) -> bool {
        if let Some(at) = self.at(seat) {
            at.behind.push_back((ticket, job));
            self.standing += 1;
        }
        self.standing == 1
    }

    /// The worker for a new job, if one is idle.
    pub(crate) fn take(&mut self) -> Option<(W, Seat)> {
        let worker = self.idle.pop()?;
        Some((worker.clone(), self.seat(worker)))
    }

    /// Lets a job wait, in the place that it had if it had one before.
    pub(crate) fn wait(&mut self, before: Option<Ticket>, job: J) -> Result<Ticket, Refused> {
        if !self.open {
            return Err(Refused::Closing);
        }
        if self.waiting.len() >= self.waiting_max {
            return Err(Refused::Full);
        }
        let ticket = before.unwrap_or_else(|| self.ticket());
        self.waiting.insert(ticket, job);
        Ok(ticket)
    }

    /// A job no longer waits. Whether it did.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> bool {
        self.waiting.remove(&ticket).is_some()
    }

    /// The job that stands behind this seat with this ticket.
    pub(crate) fn standing(&mut self, seat: Seat, ticket: Ticket) -> Option<&mut J> {
        let behind = &mut self.at(seat)?.behind;
        let place = behind.binary_search_by_key(&ticket, |(t, _)| *t).ok()?;
        behind.get_mut(place).map(|(_, job)| job)
    }

    /// Whether somebody stands behind this seat of whom `is` says so.
    pub(crate) fn stands(&self, seat: Seat, is: impl Fn(&J) -> bool) -> bool {
        let at = self.seats.get(seat.0).and_then(Option::as_ref);
        at.is_some_and(|at| at.behind.iter().any(|(_, job)| is(job)))
    }

    /// Takes the jobs from behind a seat of which `is` says so.
    pub(crate) fn call_back(&mut self, seat: Seat, is: impl Fn(&J) -> bool) -> Vec<J> {
        let Some(at) = self.at(seat) else { return Vec::new() };
        let (taken, stay): (VecDeque<_>, _) =
            std::mem::take(&mut at.behind).into_iter().partition(|(_, job)| is(job));
        at.behind = stay;
        self.standing -= taken.len();
        taken.into_iter().map(|(_, job)| job).collect()
    }

    /// A new worker is idle: the job that gets it, and its seat, or nobody waits and it
    /// rests.
    pub(crate) fn idle(&mut self, worker: W) -> Option<(J, Seat)> {
        let Some((_, job)) = self.waiting.pop_first() else {
            self.idle.push(worker);
            return None;
        };
        Some((job, self.seat(worker)))
    }

    /// The worker at this seat has finished its job, which took it so many microseconds,
    /// or never got one.
    pub(crate) fn next(&mut self, seat: Seat, took: Option<u16>) -> Next<J> {
        if let Some(took) = took {
            self.pace.add(took);
        }
        let Some(at) = self.seats.get_mut(seat.0).and_then(Option::as_mut) else {
            return Next::Rest;
        };
        at.is_seen = false;
        if let Some((_, job)) = at.behind.pop_front() {
            self.standing -= 1;
            return Next::Ahead(job, at.behind.len());
        }
        if let Some((_, job)) = self.waiting.pop_first() {
            return Next::Waiting(job);
        }
        if let Some(at) = self.rise(seat)
            && self.open
        {
            self.idle.push(at);
        }
        Next::Rest
    }

    /// The worker at this seat takes no more jobs: those that stood there.
    pub(crate) fn vacate(&mut self, seat: Seat) -> Vec<J> {
        let jobs = self.call_back(seat, |_| true);
        self.rise(seat);
        jobs
    }

    /// The seats behind which somebody stands and nothing has moved since this was last
    /// asked. What they have takes longer than was thought.
    pub(crate) fn stuck(&mut self) -> Vec<Seat> {
        let mut stuck = Vec::new();
        for (n, at) in self.seats.iter_mut().enumerate() {
            let Some(at) = at else { continue };
            if std::mem::replace(&mut at.is_seen, true) && !at.behind.is_empty() {
                stuck.push(Seat(n));
            }
        }
        if !stuck.is_empty() {
            self.pace.forget();
        }
        stuck
    }

    /// The same, by their workers.
    pub(crate) fn stuck_workers(&mut self) -> Vec<W> {
        let stuck = self.stuck();
        stuck.into_iter().filter_map(|seat| self.worker(seat).cloned()).collect()
    }

    /// The worker at this seat.
    pub(crate) fn worker(&self, seat: Seat) -> Option<&W> {
        self.seats.get(seat.0)?.as_ref().map(|at| &at.worker)
    }

    /// Takes the idle worker out that `is` it.
    pub(crate) fn remove(&mut self, is: impl Fn(&W) -> bool) -> Option<W> {
        let at = self.idle.iter().position(is)?;
        Some(self.idle.remove(at))
    }

    /// Takes out the idle worker that was used longest ago.
    pub(crate) fn coldest(&mut self) -> Option<W> {
        (!self.idle.is_empty()).then(|| self.idle.remove(0))
    }

    /// The idle workers.
    pub(crate) fn resting(&self) -> impl Iterator<Item = &W> {
        self.idle.iter()
    }

    /// The worker that became idle last is to be the last that gets another job.
    pub(crate) fn cool(&mut self) {
        let by = usize::from(!self.idle.is_empty());
        self.idle.rotate_right(by);
    }

    /// How many workers are idle.
    pub(crate) const fn idle_count(&self) -> usize {
        self.idle.len()
    }

    /// The job that has waited longest.
    pub(crate) fn first(&self) -> Option<&J> {
        self.waiting.first_key_value().map(|(_, job)| job)
    }

    /// How many jobs wait.
    pub(crate) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// How many jobs were sent ahead and stand.
    pub(crate) const fn standing_count(&self) -> usize {
        self.standing
    }

    /// Lets no more jobs wait; those that do are returned, and the idle workers. Those
    /// that were sent ahead are still served.
    pub(crate) fn close(&mut self) -> (Vec<J>, Vec<W>) {
        self.open = false;
        let waiting = std::mem::take(&mut self.waiting).into_values().collect();
        (waiting, std::mem::take(&mut self.idle))
    }

    /// Whether [`Self::close`] was not called yet.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// Whether so many jobs may stand behind a seat.
    const fn may_stand(&self, count: usize) -> bool {
        let pace = self.pace;
        if count <= AHEAD_MAX && pace.lasts(count, STAND_MAX) {
            return true;
        }
        let are_all_used = self.seats.len() - self.free.len() >= self.processors;
        are_all_used
            && pace.lasts(1, COMPUTES_MAX)
            && count <= DEEP_AHEAD_MAX
            && pace.lasts(count, DEEP_STAND_MAX)
    }

    fn at(&mut self, seat: Seat) -> Option<&mut At<W, J>> {
        self.seats.get_mut(seat.0)?.as_mut()
    }

    /// Gives a worker a seat.
    fn seat(&mut self, worker: W) -> Seat {
        let behind = VecDeque::new();
        let at = Some(At { worker, behind, is_seen: false });
        if let Some(seat) = self.free.pop() {
            self.seats[seat.0] = at;
            return seat;
        }
        self.seats.push(at);
        Seat(self.seats.len() - 1)
    }

    /// Takes a worker off its seat.
    fn rise(&mut self, seat: Seat) -> Option<W> {
        let at = self.seats.get_mut(seat.0)?.take()?;
        self.free.push(seat);
        Some(at.worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 100;

    /// A pool with these idle workers.
    fn with(workers: &[u32]) -> Dispatch<u32, &'static str> {
        let mut d = Dispatch::new(MAX, 8);
        workers.iter().for_each(|worker| assert_eq!(d.idle(*worker), None));
        d
    }

    /// A worker of a pool with these, and its seat, when all requests so far were over at
    /// once.
    fn swift(workers: &[u32]) -> (Dispatch<u32, &'static str>, Seat) {
        let mut d = with(workers);
        for _ in 0..64 {
            let (_, seat) = d.take().expect("an idle one");
            assert_eq!(d.next(seat, Some(5)), Next::Rest);
        }
        let (_, seat) = d.take().expect("an idle one");
        (d, seat)
    }

    /// The worker to whom a request is sent ahead.
    fn ahead(d: &mut Dispatch<u32, &'static str>, request: &'static str) -> Option<u32> {
        let (worker, seat) = d.ahead(|worker| Some(*worker))?;
        let ticket = d.ticket();
        d.stand(seat, ticket, request);
        Some(worker)
    }

    #[test]
    fn the_worker_that_was_idle_last_goes_first() {
        let mut d = with(&[1, 2, 3]);
        let mut take = || d.take().map(|(worker, _)| worker);
        assert_eq!((take(), take(), take(), take()), (Some(3), Some(2), Some(1), None));
        let mut d = with(&[1, 2, 3]);
        d.cool();
        assert_eq!((d.coldest(), d.coldest(), d.idle_count()), (Some(3), Some(1), 1));
    }

    #[test]
    fn requests_get_workers_in_the_order_in_which_they_came() {
        let mut d = with(&[]);
        let first = d.wait(None, "a").expect("room");
        for request in ["b", "c"] {
            d.wait(None, request).expect("room");
        }
        d.leave(first);
        let (request, seat) = d.idle(1).expect("somebody waits");
        assert_eq!((request, d.leave(first)), ("b", false));
        assert_eq!(d.next(seat, None), Next::Waiting("c"));
        assert_eq!(d.next(seat, None), Next::Rest);
        assert_eq!((d.idle_count(), d.waiting_count()), (1, 0));
    }

    #[test]
    fn who_comes_back_has_the_place_that_it_had() {
        let mut d = with(&[]);
        let first = d.wait(None, "a").expect("room");
        d.wait(None, "b").expect("room");
        d.leave(first);
        assert_eq!(d.wait(Some(first), "a"), Ok(first));
        assert_eq!(d.idle(1).map(|(request, _)| request), Some("a"));
    }

    #[test]
    fn a_worker_that_died_idle_is_taken_out() {
        let mut d = with(&[1, 2, 3]);
        assert_eq!(d.remove(|w| *w == 2), Some(2));
        assert_eq!(d.remove(|w| *w == 2), None);
        assert_eq!(d.resting().copied().collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn the_queue_is_bounded_and_closes() {
        let mut d: Dispatch<u32, usize> = Dispatch::new(MAX, 8);
        for n in 0..MAX {
            d.wait(None, n).expect("room");
        }
        assert_eq!(d.wait(None, 0), Err(Refused::Full));
        let (waiting, idle) = d.close();
        assert_eq!((waiting.len(), idle.len(), d.is_open()), (MAX, 0, false));
        assert_eq!(d.wait(None, 0), Err(Refused::Closing));
    }

    #[test]
    fn swift_requests_stand_behind_one_worker_before_another_is_woken() {
        let (mut d, seat) = swift(&[1, 2]);
        let sent = (0..).take_while(|_| ahead(&mut d, "r") == Some(2)).count();
        assert_eq!((sent, d.idle_count()), (AHEAD_MAX, 1));
        assert_eq!(d.next(seat, Some(5)), Next::Ahead("r", AHEAD_MAX - 1));
        assert_eq!(d.standing_count(), AHEAD_MAX - 1);
    }

    /// On so many processors, so many jobs that last so many microseconds stand behind one of
    /// two workers, before anything else is done with the next.
    #[track_caller]
    fn check_standing(processors: usize, micros: u16, expected: usize) {
        let (mut d, seat) = swift(&[1, 2]);
        d.processors = processors;
        for _ in 0..100 {
            let ticket = d.ticket();
            d.stand(seat, ticket, "r");
            d.next(seat, Some(micros));
        }
        let sent = (0..).take_while(|_| ahead(&mut d, "r").is_some()).count();
        assert_eq!(sent, expected, "{micros} µs");
    }

    #[test]
    fn how_many_stand_depends_on_how_long_requests_last() {
        for (micros, expected) in [(1, 16), (10, 10), (30, 3), (60, 1), (200, 0), (u16::MAX, 0)] {
            check_standing(2, micros, expected);
        }
    }

    #[test]
    fn more_stand_where_another_worker_would_find_no_processor() {
        for (micros, expected) in [(1, 64), (5, 64), (10, 40), (12, 33), (13, 7), (60, 1)] {
            check_standing(1, micros, expected);
        }
    }

    #[test]
    fn nobody_is_sent_ahead_of_those_who_wait_or_to_who_takes_none() {
        let (mut d, _) = swift(&[1]);
        assert_eq!(d.ahead(|_| None::<()>), None);
        let first = d.wait(None, "waits").expect("room");
        assert_eq!(ahead(&mut d, "r"), None);
        d.leave(first);
        d.close();
        assert_eq!(ahead(&mut d, "r"), None);
    }

    #[test]
    fn where_nothing_moves_it_is_stuck_and_nobody_goes_ahead_for_a_while() {
        let (mut d, seat) = swift(&[1]);
        ahead(&mut d, "a");
        ahead(&mut d, "b");
        assert_eq!(d.stuck(), []);
        assert_eq!(d.next(seat, Some(5)), Next::Ahead("a", 1));
        assert_eq!(d.stuck(), []);
        assert_eq!(d.stuck(), [seat]);
        assert!(d.stands(seat, |request| *request == "b"));
        assert_eq!(d.call_back(seat, |request| *request == "b"), ["b"]);
        assert_eq!((d.standing_count(), ahead(&mut d, "c")), (0, None));
    }

    #[test]
    fn who_stands_behind_a_worker_that_ends_is_told() {
        let (mut d, seat) = swift(&[1]);
        ahead(&mut d, "a");
        assert_eq!((d.vacate(seat), d.standing_count()), (vec!["a"], 0));
        assert_eq!(d.next(seat, Some(1)), Next::Rest);
        assert_eq!((d.worker(seat), d.idle_count()), (None, 0));
    }
}
