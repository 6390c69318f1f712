//! Decides when the workers of one pool are forked, replaced and given up.
//!
//! Nothing here forks, kills, sleeps or reads a clock: events and the time go in, and
//! [`Fleet::due`] says what is to be done now. Each worker has a slot; a slot that is
//! empty is filled at its time, at once after a worker that had worked, later and later
//! after workers that never did.

use std::time::{Duration, Instant};

/// How long a worker may take from its fork to its first `READY`.
pub(crate) const BOOT_MAX: Duration = Duration::from_secs(60);
/// The longest pause between two attempts to boot a worker.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The workers of a pool, as they should be and as they are.
#[derive(Debug)]
pub(crate) struct Fleet {
    slots: Vec<Slot>,
    /// How many workers there are usually, and at most.
    usual: usize,
    max: usize,
    /// How often a boot may fail in a row while the server starts; unbounded when absent.
    failures_max: Option<u32>,
    starting: bool,
    draining: bool,
}

/// A place for a worker.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// How many workers in a row ended before they did any work.
    failures: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be filled at this time.
    Empty(Instant),
    /// Forked, not ready yet; killed at this time.
    Booting { serial: u32, deadline: Instant },
    /// Ready, or at work.
    Up(u32),
    /// Killed because its boot took too long; its end has not been reported yet.
    Killed(u32),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Fork a worker into this slot, and say so with [`Fleet::forked`].
    Fork(usize),
    /// Kill this worker.
    Kill(u32),
}

/// What a worker had done when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It had come up and got work, or ended in order.
    Worked,
    /// It had done nothing, or is not known to have.
    Idle,
    /// Nothing, but that was not its own doing: its zygote went before it was there.
    Cut,
}

/// What the end of a worker meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It is none of this fleet's.
    Unknown,
    /// It had come up; another takes its place.
    Replaced,
    /// It never came up; another attempt follows.
    Failed {
        /// Failures in a row, this one included.
        failures: u32,
    },
    /// It never came up, and the start of the server fails with it.
    Hopeless,
    /// No other takes its place.
    Left,
}

impl Fleet {
    /// A fleet that still has all its workers to fork.
    pub(crate) fn new(usual: u32, max: u32, failures_max: Option<u32>, now: Instant) -> Self {
        let empty = Slot { failures: 0, state: State::Empty(now) };
        Self {
            slots: vec![empty; usual as usize],
            usual: usual as usize,
            max: max.max(usual) as usize,
            failures_max,
            starting: true,
            draining: false,
        }
    }

    /// What is to be done now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for (i, slot) in self.slots.iter_mut().enumerate() {
            match slot.state {
                State::Empty(at) if at <= now && !self.draining => actions.push(Action::Fork(i)),
                State::Booting { serial, deadline } if deadline <= now => {
                    slot.state = State::Killed(serial);
                    actions.push(Action::Kill(serial));
                }
                _ => {}
            }
        }
        actions
    }

    /// When [`Self::due`] is to be asked again; without regard to what is to be forked
    /// when nobody can.
    pub(crate) fn next(&self, may_fork: bool) -> Option<Instant> {
        let times = self.slots.iter().filter_map(|slot| match slot.state {
            State::Empty(at) => (may_fork && !self.draining).then_some(at),
            State::Booting { deadline, .. } => Some(deadline),
            State::Up(_) | State::Killed(_) => None,
        });
        times.min()
    }

    /// A worker was asked for.
    pub(crate) fn forked(&mut self, slot: usize, serial: u32, now: Instant) {
        self.slots[slot].state = State::Booting { serial, deadline: now + BOOT_MAX };
    }

    /// A worker is up. False when it is none of this fleet's.
    pub(crate) fn ready(&mut self, serial: u32) -> bool {
        let Some(i) = self.position(serial) else { return false };
        self.slots[i].state = State::Up(serial);
        if self.is_up() {
            self.starting = false;
        }
        true
    }

    /// A worker ended.
    pub(crate) fn ended(&mut self, serial: u32, life: Life, now: Instant) -> Ended {
        let Some(i) = self.position(serial) else { return Ended::Unknown };
        let was_up = matches!(self.slots[i].state, State::Up(_));
        let surplus = self.slots.len() > self.usual && (was_up || life == Life::Cut);
        if self.draining || surplus {
            self.slots.swap_remove(i);
            return Ended::Left;
        }
        let slot = &mut self.slots[i];
        match life {
            Life::Cut => slot.state = State::Empty(now),
            Life::Worked if was_up => *slot = Slot { failures: 0, state: State::Empty(now) },
            Life::Worked | Life::Idle => {
                let hopeless = self.failures_max.is_some_and(|max| slot.failures >= max);
                if !was_up && self.starting && hopeless {
                    return Ended::Hopeless;
                }
                slot.state = State::Empty(now + pause(slot.failures));
                slot.failures = slot.failures.saturating_add(1);
            }
        }
        if was_up || life == Life::Cut {
            Ended::Replaced
        } else {
            Ended::Failed { failures: slot.failures }
        }
    }

    /// Requests wait: one more worker, if there may be one and none is on its way.
    pub(crate) fn pressed(&mut self, now: Instant) -> bool {
        let all_up = self.slots.iter().all(|slot| matches!(slot.state, State::Up(_)));
        let grows = all_up && !self.draining && self.slots.len() < self.max;
        if grows {
            self.slots.push(Slot { failures: 0, state: State::Empty(now) });
        }
        grows
    }

    /// How many workers there are above the usual number.
    pub(crate) fn surplus(&self) -> usize {
        self.slots.len().saturating_sub(self.usual)
    }

    /// Whether this worker is up.
    pub(crate) fn has_up(&self, serial: u32) -> bool {
        self.slots.iter().any(|slot| slot.state == State::Up(serial))
    }

    /// Whether every worker is up.
    pub(crate) fn is_up(&self) -> bool {
        self.slots.iter().all(|slot| matches!(slot.state, State::Up(_)))
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Forks no more, and lets go whoever ends.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        self.slots.retain(|slot| !matches!(slot.state, State::Empty(_)));
    }

    fn position(&self, serial: u32) -> Option<usize> {
        self.slots.iter().position(|slot| match slot.state {
            State::Booting { serial: s, .. } | State::Up(s) | State::Killed(s) => s == serial,
            State::Empty(_) => false,
        })
    }
}

/// How long the next attempt waits after `failures` earlier ones: their square in tenths
/// of a second, at most [`PAUSE_MAX`].
fn pause(failures: u32) -> Duration {
    let square = failures.saturating_mul(failures).min(10);
    (Duration::from_millis(100) * square).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(usual: u32, max: u32, failures_max: Option<u32>) -> (Fleet, Instant) {
        let now = Instant::now();
        (Fleet::new(usual, max, failures_max, now), now)
    }

    /// Forks whatever is due, with serials from `first` on, and says how many that were.
    fn fork_due(fleet: &mut Fleet, first: u32, now: Instant) -> u32 {
        let mut serial = first;
        for action in fleet.due(now) {
            let Action::Fork(slot) = action else { panic!("unexpected {action:?}") };
            fleet.forked(slot, serial, now);
            serial += 1;
        }
        serial - first
    }

    #[test]
    fn every_slot_is_filled_at_the_start() {
        let (mut f, now) = fleet(3, 3, Some(0));
        assert_eq!(fork_due(&mut f, 1, now), 3);
        assert!(f.due(now).is_empty() && !f.is_up());
        for serial in 1..=3 {
            assert!(f.ready(serial));
        }
        assert!(f.is_up() && f.has_up(2) && !f.ready(4));
    }

    #[test]
    fn a_worker_that_had_come_up_is_replaced_at_once() {
        let (mut f, now) = fleet(1, 1, Some(0));
        fork_due(&mut f, 1, now);
        f.ready(1);
        assert_eq!(f.ended(1, Life::Worked, now), Ended::Replaced);
        assert_eq!(fork_due(&mut f, 2, now), 1);
        assert_eq!(f.ended(1, Life::Worked, now), Ended::Unknown);
    }

    #[test]
    fn workers_that_come_up_only_to_end_are_replaced_after_growing_pauses() {
        let (mut f, mut now) = fleet(1, 1, Some(0));
        let mut pauses = Vec::new();
        for serial in 1..=6 {
            assert_eq!(fork_due(&mut f, serial, now), 1);
            f.ready(serial);
            let life = if serial == 4 { Life::Worked } else { Life::Idle };
            assert_eq!(f.ended(serial, life, now), Ended::Replaced);
            let next = f.next(true).expect("another attempt");
            pauses.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(pauses, [0, 100, 400, 0, 0, 100]);
    }

    #[test]
    fn a_boot_that_fails_at_the_start_is_fatal_when_none_may() {
        let (mut f, now) = fleet(1, 1, Some(0));
        fork_due(&mut f, 1, now);
        assert_eq!(f.ended(1, Life::Idle, now), Ended::Hopeless);
    }

    #[test]
    fn boots_that_fail_are_tried_again_after_growing_pauses() {
        let (mut f, mut now) = fleet(1, 1, Some(6));
        let mut pauses = Vec::new();
        for serial in 1..=6 {
            assert_eq!(fork_due(&mut f, serial, now), 1);
            assert_eq!(f.ended(serial, Life::Idle, now), Ended::Failed { failures: serial });
            let next = f.next(true).expect("another attempt");
            pauses.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(pauses, [0, 100, 400, 900, 1000, 1000]);
        fork_due(&mut f, 7, now);
        assert_eq!(f.ended(7, Life::Idle, now), Ended::Hopeless);
    }

    #[test]
    fn boots_that_fail_later_are_never_fatal() {
        let (mut f, now) = fleet(1, 1, Some(0));
        fork_due(&mut f, 1, now);
        f.ready(1);
        f.ended(1, Life::Worked, now);
        fork_due(&mut f, 2, now);
        assert_eq!(f.ended(2, Life::Idle, now), Ended::Failed { failures: 1 });
    }

    #[test]
    fn a_boot_that_hangs_is_killed_and_counts_as_failed() {
        let (mut f, now) = fleet(1, 1, None);
        fork_due(&mut f, 1, now);
        assert_eq!((f.next(true), f.next(false)), (Some(now + BOOT_MAX), Some(now + BOOT_MAX)));
        let late = now + BOOT_MAX;
        assert_eq!(f.due(late), [Action::Kill(1)]);
        assert_eq!((f.due(late), f.next(true)), (vec![], None));
        assert_eq!(f.ended(1, Life::Idle, late), Ended::Failed { failures: 1 });
    }

    #[test]
    fn a_worker_that_went_with_its_zygote_is_not_to_blame() {
        let (mut f, now) = fleet(1, 1, Some(0));
        fork_due(&mut f, 1, now);
        assert_eq!(f.ended(1, Life::Cut, now), Ended::Replaced);
        assert_eq!(fork_due(&mut f, 2, now), 1);
    }

    #[test]
    fn a_fleet_grows_one_by_one_under_pressure_and_shrinks_again() {
        let (mut f, now) = fleet(1, 2, None);
        assert!(!f.pressed(now), "its first worker is on its way");
        fork_due(&mut f, 1, now);
        f.ready(1);
        assert!(f.pressed(now));
        assert_eq!(fork_due(&mut f, 2, now), 1);
        assert!(!f.pressed(now));
        f.ready(2);
        assert!(!f.pressed(now), "it has as many as it may");
        assert_eq!(f.surplus(), 1);
        assert_eq!(f.ended(1, Life::Idle, now), Ended::Left);
        assert_eq!((f.surplus(), f.len()), (0, 1));
    }

    #[test]
    fn a_draining_fleet_lets_its_workers_go() {
        let (mut f, now) = fleet(2, 2, None);
        fork_due(&mut f, 1, now);
        f.ready(1);
        f.ended(2, Life::Idle, now);
        f.drain();
        assert_eq!((f.due(now), f.next(true), f.len()), (vec![], None, 1));
        assert_eq!(f.ended(1, Life::Idle, now), Ended::Left);
        assert_eq!(f.len(), 0);
    }
}
