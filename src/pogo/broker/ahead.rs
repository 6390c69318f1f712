//! Tasks that are sent to a worker that still has others, and how what was sent is called
//! back.

use super::{Action, Broker, LOOK_EVERY, LOOKS_IN_VAIN, Look, Member, Next, TaskId, WorkerId};
use crate::dispatch::AHEAD_BYTES;
use std::time::{Duration, Instant};

/// The shortest time to wait of a pool whose tasks are sent ahead: much longer than it takes
/// until those that do not move are called back.
const MAX_WAIT_MIN: Duration = Duration::from_millis(20);

/// After how many looks a task is called back that its worker has not taken, although it was
/// its next: 20 ms, which a worker that is in its loop needs only on a machine that has no
/// time for it.
const UNTAKEN_LOOKS: u32 = 10;

impl Member {
    /// Whether a task may be sent behind the one that it runs.
    const fn may_have_more(&self) -> bool {
        self.is_open && self.awaits.is_none() && self.kill_at.is_none() && !self.doomed
    }

    /// Whether it has taken what it was to run next.
    fn has_begun(&self) -> bool {
        self.running.is_none() || self.runner.front() != self.running
    }
}

impl Broker {
    /// Sends a new task to a worker that still has others, if that is sooner than another
    /// way. Never to its own spawner, which may wait for it.
    pub(super) fn send_ahead(&mut self, id: TaskId) -> bool {
        let Some(task) = self.tasks.get_mut(&id) else { return false };
        let pool = &mut self.pools[task.pool];
        if task.message.len() > AHEAD_BYTES || pool.config.max_wait < MAX_WAIT_MIN {
            return false;
        }
        let found = pool.dispatch.ahead(|worker| {
            let member = self.members.get(worker)?;
            (*worker != task.spawner && member.may_have_more()).then_some((*worker, member))
        });
        let Some(((worker, member), seat)) = found else { return false };
        if !member.runner.run_next(id, &task.message) {
            return false;
        }
        task.sent_to = Some(worker);
        pool.dispatch.stand(seat, task.ticket, id);
        true
    }

    /// A task was sent to a worker. `true` when nobody has looked after such until now.
    pub(super) fn look_soon(&mut self, now: Instant) -> bool {
        let is_first = self.look.is_none();
        self.look.get_or_insert(Look { at: now + LOOK_EVERY, in_vain: 0 });
        is_first
    }

    /// A look for tasks that their workers do not take.
    pub(super) fn look(&mut self, now: Instant) -> Vec<Action> {
        let stuck = self.pools.iter_mut().flat_map(|pool| pool.dispatch.stuck_workers());
        let mut stuck: Vec<WorkerId> = stuck.collect();
        // Where not even the first was taken, it is not that which takes long.
        stuck.retain(|worker| self.members.get(worker).is_some_and(Member::has_begun));
        let mut any = self.pools.iter().any(|pool| pool.dispatch.standing_count() > 0);
        for (worker, member) in &mut self.members {
            if member.running.is_some() && member.looks < UNTAKEN_LOOKS {
                any = true;
                member.looks += 1;
                if member.looks == UNTAKEN_LOOKS {
                    stuck.push(*worker);
                }
            }
        }
        let in_vain = self.look.map_or(0, |look| if any { 0 } else { look.in_vain + 1 });
        let look = Look { at: now + LOOK_EVERY, in_vain };
        self.look = Some(look).filter(|look| look.in_vain < LOOKS_IN_VAIN);
        stuck.into_iter().flat_map(|worker| self.call_back(worker, now)).collect()
    }

    /// Takes back what a worker was sent and has not taken, and finds it another.
    pub(super) fn call_back(&mut self, worker: WorkerId, now: Instant) -> Vec<Action> {
        let Some(member) = self.members.get_mut(&worker) else { return Vec::new() };
        let Some(seat) = member.seat else { return Vec::new() };
        let at = member.pool;
        let taken = member.runner.take_back();
        let unbegun = member.running.take_if(|id| taken.contains(id));
        let behind = self.pools[at].dispatch.call_back(seat, |id| taken.contains(id));
        let all = unbegun.into_iter().chain(behind);
        let mut actions: Vec<_> = all.filter_map(|id| self.place(id)).collect();
        if unbegun.is_some() {
            // It said that it is idle, and is not there. Or it has just taken the next.
            let dispatch = &mut self.pools[at].dispatch;
            let next = dispatch.next(seat, None);
            if next == Next::Rest {
                dispatch.cool();
            }
            actions.extend(self.go_on(worker, next, now));
        }
        actions
    }
}
