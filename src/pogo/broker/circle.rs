//! Finds workers that wait for one another and will never be done.

use super::{Broker, TaskId, WorkerId, quoted};
use std::collections::HashSet;

/// A queued task for which somebody waits in vain, and the error that says so; the task
/// of `newcomer`, who just began to wait, before any other.
///
/// Found as the greatest set of workers that can be stuck: all that wait, without those
/// whose task runs on a worker that is not stuck or is queued in a pool that has such a
/// worker, or will have one because not all of its workers are there yet.
pub(super) fn find(broker: &Broker, newcomer: WorkerId) -> Option<(TaskId, String)> {
    let waiting = broker.members.iter().filter(|(_, m)| m.awaits.is_some());
    let mut stuck: HashSet<WorkerId> = waiting.map(|(worker, _)| *worker).collect();
    loop {
        let free: Vec<_> =
            stuck.iter().copied().filter(|w| !is_stuck(broker, &stuck, *w)).collect();
        if free.is_empty() {
            break;
        }
        for worker in free {
            stuck.remove(&worker);
        }
    }
    // Of several the youngest: those below it may get their answers then.
    let queued = stuck.iter().filter_map(|worker| {
        let id = broker.members[worker].awaits?;
        let task = broker.tasks.get(&id)?;
        task.sent_to.is_none().then_some((*worker == newcomer, id, task))
    });
    let (_, id, task) = queued.max_by_key(|(newest, id, _)| (*newest, *id))?;
    let name = quoted(&broker.pools[task.pool].config.name);
    Some((id, format!("Pogo pool {name} would wait on itself")))
}

/// Whether a worker of the set waits for something that only the set could bring about.
fn is_stuck(broker: &Broker, stuck: &HashSet<WorkerId>, worker: WorkerId) -> bool {
    let awaited = broker.members.get(&worker).and_then(|m| m.awaits);
    let Some(task) = awaited.and_then(|id| broker.tasks.get(&id)) else { return false };
    if let Some(runner) = task.sent_to {
        return stuck.contains(&runner);
    }
    let pool = &broker.pools[task.pool];
    let of_pool = |w: &&WorkerId| broker.members[w].pool == task.pool;
    pool.members >= pool.config.size
        && stuck.iter().filter(of_pool).count() >= pool.members as usize
}
