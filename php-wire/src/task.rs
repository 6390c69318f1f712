//! The payloads of tasks: spawn, result, and the table of pools.

use crate::codec::{Reader, Writer};
use crate::frame::FrameError;

/// The payload of `SPAWN`. The server passes `message` on unread, as the payload of `TASK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spawn<'a> {
    /// Which pool, counted as in the last [`PoolTable`].
    pub pool: u16,
    /// The string `{"class":…,"args":…}`.
    pub message: &'a [u8],
}

impl<'a> Spawn<'a> {
    /// Writes what stands before the message, which is sent behind it.
    pub fn encode_head(pool: u16, w: &mut Writer) {
        w.u16(pool);
    }

    /// Reads a payload.
    pub fn decode(payload: &'a [u8]) -> Result<Self, FrameError> {
        let mut r = Reader::new(payload, "SPAWN");
        Ok(Self { pool: r.u16()?, message: r.rest() })
    }
}

/// The payload of `RESULT` and `TASK_DONE`: how a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// What the worker's callback returned, as JSON: `{"ok":…,"result":…,"error":…}`.
    Envelope(&'a [u8]),
    /// The text of the exception that `pogo_await` throws.
    Error(&'a [u8]),
}

impl<'a> Outcome<'a> {
    /// The byte that stands before [`Self::text`].
    pub const fn tag(&self) -> u8 {
        match self {
            Self::Envelope(_) => 0,
            Self::Error(_) => 1,
        }
    }

    /// What follows the tag.
    pub const fn text(&self) -> &'a [u8] {
        match self {
            Self::Envelope(t) | Self::Error(t) => t,
        }
    }

    /// Reads a payload.
    pub fn decode(payload: &'a [u8]) -> Result<Self, FrameError> {
        match payload {
            [0, text @ ..] => Ok(Self::Envelope(text)),
            [1, text @ ..] => Ok(Self::Error(text)),
            _ => Err(FrameError::Payload("RESULT")),
        }
    }
}

/// The payload of `POOLS`: what a worker may spawn into. A worker without one answers
/// `Pogo is not configured`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolTable<'a> {
    /// Whether the pools no longer take tasks: `Pogo pool is shutting down`.
    pub closing: bool,
    /// Name and number of workers of each pool; `Spawn::pool` counts them from 0.
    pub pools: Vec<(&'a [u8], u32)>,
}

impl<'a> PoolTable<'a> {
    /// Writes the payload.
    pub fn encode(&self, w: &mut Writer) {
        w.u8(u8::from(self.closing));
        w.count(self.pools.len());
        for (name, size) in &self.pools {
            w.str(name);
            w.u32(*size);
        }
    }

    /// Reads a payload.
    pub fn decode(payload: &'a [u8]) -> Result<Self, FrameError> {
        let mut r = Reader::new(payload, "POOLS");
        let mut table = Self { closing: r.u8()? != 0, pools: Vec::new() };
        for _ in 0..r.u16()? {
            table.pools.push((r.str()?, r.u32()?));
        }
        Ok(table)
    }
}

/// The id of a worker's `n`th task: positive, rising, and unique over all workers.
/// Worker serials stay below 2³¹, and a worker is replaced long before 2³² tasks.
pub const fn task_id(worker_serial: u32, n: u32) -> u64 {
    ((worker_serial as u64 & 0x7fff_ffff) << 32) | n as u64
}

/// The serial of the worker that made a task's id.
pub const fn spawner_of(task: u64) -> u64 {
    task >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_table_arrives() {
        let table = PoolTable { closing: false, pools: vec![(b"default", 4), (b"cpu", 2)] };
        let mut w = Writer::default();
        table.encode(&mut w);
        assert_eq!(PoolTable::decode(&w.0).expect("well-formed"), table);
    }

    #[test]
    fn task_ids_are_positive_and_rise() {
        assert_eq!(task_id(1, 1), 0x1_0000_0001);
        assert!(i64::try_from(task_id(u32::MAX, u32::MAX)).is_ok());
        assert!(task_id(7, 2) > task_id(7, 1));
        assert_eq!(spawner_of(task_id(7, u32::MAX)), 7);
    }
}
