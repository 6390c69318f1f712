//! What a script has spawned and not yet awaited, and the pools it may spawn into.

use php_wire::frame::FrameError;
use php_wire::task::{Outcome, PoolTable, task_id};
use std::collections::HashMap;

/// The tasks of the running request, and the pools.
#[derive(Debug)]
pub(crate) struct Tasks {
    serial: u32,
    spawned: u32,
    pools: Option<Pools>,
    /// Spawned by this request and not yet awaited; `Some` once the result is there.
    open: HashMap<u64, Option<Ended>>,
    /// Whether the last was spawned while others were open.
    together: bool,
}

#[derive(Debug)]
struct Pools {
    closing: bool,
    list: Vec<(Vec<u8>, u32)>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Whether the text is the worker's envelope, or that of an error.
    pub(crate) envelope: bool,
    /// The text.
    pub(crate) text: Vec<u8>,
}

/// Why a pool cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPool {
    /// There is no table of pools.
    Unconfigured,
    /// The table does not hold it.
    Unknown,
    /// The pools take no more tasks.
    Closing,
}

impl Tasks {
    pub(crate) fn new(serial: u32) -> Self {
        Self { serial, spawned: 0, pools: None, open: HashMap::new(), together: false }
    }

    /// Takes a new table of pools.
    pub(crate) fn set_pools(&mut self, payload: &[u8]) -> Result<(), FrameError> {
        let table = PoolTable::decode(payload)?;
        let list = table.pools.iter().map(|(name, size)| (name.to_vec(), *size)).collect();
        self.pools = Some(Pools { closing: table.closing, list });
        Ok(())
    }

    /// Whether there are pools at all.
    pub(crate) fn configured(&self) -> bool {
        self.pools.is_some()
    }

    /// Number and size of a pool; an empty name is the default pool's.
    pub(crate) fn pool(&self, name: &[u8]) -> Result<(u16, u32), NoPool> {
        let pools = self.pools.as_ref().ok_or(NoPool::Unconfigured)?;
        let name = if name.is_empty() { b"default" } else { name };
        let (at, (_, size)) =
            pools.list.iter().enumerate().find(|(_, p)| p.0 == name).ok_or(NoPool::Unknown)?;
        Ok((u16::try_from(at).map_err(|_| NoPool::Unknown)?, *size))
    }

    /// Whether the pools no longer take tasks.
    pub(crate) fn closing(&self) -> bool {
        self.pools.as_ref().is_some_and(|p| p.closing)
    }

    /// The id of a new task.
    pub(crate) fn open(&mut self) -> u64 {
        self.spawned = self.spawned.wrapping_add(1);
        let id = task_id(self.serial, self.spawned);
        self.together = !self.open.is_empty();
        self.open.insert(id, None);
        id
    }

    /// Takes a result; one that nobody waits for any more is dropped.
    pub(crate) fn end(&mut self, id: u64, payload: &[u8]) -> Result<(), FrameError> {
        let outcome = Outcome::decode(payload)?;
        if let Some(slot) = self.open.get_mut(&id) {
            let envelope = matches!(outcome, Outcome::Envelope(_));
            *slot = Some(Ended { envelope, text: outcome.text().to_vec() });
        }
        Ok(())
    }

    /// Whether those that are open were spawned together, and not one after the other.
    pub(crate) const fn are_together(&self) -> bool {
        self.together
    }

    /// Whether the task is this request's and was not awaited yet.
    pub(crate) fn is_open(&self, id: u64) -> bool {
        self.open.contains_key(&id)
    }

    /// The result of a task, once it is there; then the task is known no more.
    pub(crate) fn take(&mut self, id: u64) -> Option<Ended> {
        let ended = self.open.get_mut(&id)?.take()?;
        self.open.remove(&id);
        Some(ended)
    }

    /// Forgets a task.
    pub(crate) fn forget(&mut self, id: u64) {
        self.open.remove(&id);
    }

    /// The request is over, and its tasks with it.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use php_wire::codec::Writer;

    fn with_pools() -> Tasks {
        let mut tasks = Tasks::new(7);
        let mut w = Writer::default();
        PoolTable { closing: false, pools: vec![(b"default", 4), (b"cpu", 2)] }.encode(&mut w);
        tasks.set_pools(&w.0).expect("well-formed");
        tasks
    }

    #[test]
    fn a_result_is_taken_once() {
        let mut tasks = with_pools();
        let a = tasks.open();
        assert!(!tasks.are_together());
        let b = tasks.open();
        assert!(b > a && tasks.are_together());
        tasks.end(a, b"\0{}").expect("well-formed");
        assert_eq!(tasks.take(b), None);
        assert_eq!(tasks.take(a), Some(Ended { envelope: true, text: b"{}".to_vec() }));
        assert!(!tasks.is_open(a));
        assert!(tasks.is_open(b));
    }

    #[test]
    fn tasks_die_with_their_request() {
        let mut tasks = with_pools();
        let id = tasks.open();
        tasks.clear();
        tasks.end(id, b"\x01late").expect("well-formed");
        assert!(!tasks.is_open(id));
    }

    #[test]
    fn pools_are_found_by_their_exact_name() {
        let tasks = with_pools();
        assert_eq!(tasks.pool(b"cpu"), Ok((1, 2)));
        assert_eq!(tasks.pool(b""), Ok((0, 4)));
        assert_eq!(tasks.pool(b"CPU"), Err(NoPool::Unknown));
        assert_eq!(Tasks::new(1).pool(b"cpu"), Err(NoPool::Unconfigured));
    }
}
