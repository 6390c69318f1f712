//! What comes to a worker: requests and tasks out of its inbox, all else over its link; and
//! how it waits for that.

use super::{Current, Worker};
use crate::link::Received;
use php_wire::control::WorkerKind;
use php_wire::frame::{self, FrameError, Kind, flag};
use php_wire::response::Source;
use std::time::{Duration, Instant};

/// How soon a worker script must be back in its loop for its next request's end to count
/// as the way back: the `READY` that would follow costs both sides a system call. A
/// request that meets a script that is not back this time waits in its inbox; one that
/// meets a script that left its loop goes to another worker.
const SWIFT: Duration = Duration::from_micros(500);

/// How many requests or tasks may be begun one after the other without a look at what else
/// has come.
const UNLOOKED_MAX: u32 = 32;

/// How long a task, or the result of one, is looked for before the process sleeps: as long as
/// it takes to wake one on a processor that has gone idle.
const LINGER: Duration = Duration::from_micros(50);

/// A turn given to others that is over sooner than this was taken by nobody.
const TURN_MIN: Duration = Duration::from_nanos(1500);

/// How soon a task must come after the one before for the next to be looked for.
const WANTED: Duration = Duration::from_micros(150);

/// How much memory a worker keeps for its next request or task after a large one.
const PAYLOAD_KEPT: usize = 256 * 1024;

/// How long a closing or another set of task pools may go unnoticed by who spawns.
const NEWS_EVERY: Duration = Duration::from_millis(1);

/// How long is looked for something before the process sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// [`LINGER`].
    Fixed,
    /// No longer than that, and only while others want the processor. One that nobody else
    /// wants is better left idle: whoever waits for another may move to it.
    WhileOthersRun,
}

impl Worker {
    /// Whether the server may have sent the next work: only who has said that it is idle,
    /// or that its task is over and it soon will be, gets some.
    const fn may_take_work(&self) -> bool {
        let is_over = matches!(self.current, Current::None | Current::Task { reported: true, .. });
        is_over && self.arrived.is_none()
    }

    /// Takes one frame, if there is one; `false` when there is none, or a signal came.
    pub(super) fn take_frame(&mut self, wait: bool) -> bool {
        let may_take_work = self.may_take_work();
        let taken = match self.link.receive(wait) {
            Received::Nothing | Received::Interrupted => return false,
            Received::Fragment => return true,
            Received::Message(header, payload) => match header.kind {
                Kind::Request | Kind::Task if may_take_work => {
                    self.arriving.clear();
                    self.arriving.extend_from_slice(payload);
                    self.arrived = Some(header);
                    Ok(())
                }
                Kind::Body => {
                    let last = header.has(flag::LAST) || header.has(flag::ABORT);
                    self.body.push(payload, last);
                    Ok(())
                }
                Kind::Result => self.tasks.end(header.id, payload),
                Kind::Pools => self.tasks.set_pools(payload),
                Kind::Abort => {
                    if self.current == Current::Request && self.answer.id() == header.id {
                        self.answer.abort();
                    }
                    Ok(())
                }
                Kind::Drain => {
                    self.draining = true;
                    Ok(())
                }
                // Whoever waits for work looks into its inbox next.
                Kind::Work => Ok(()),
                _ => Err(FrameError::Kind(header.kind as u8)),
            },
        };
        if let Err(e) = taken {
            self.refuse(&e);
        }
        true
    }

    /// What came is no frame: this worker ends.
    fn refuse(&mut self, why: &FrameError) {
        let line = format!("PHP worker got a bad frame: {why}");
        self.log(Source::ErrorLog, 3, line.as_bytes(), b"");
        self.draining = true;
    }

    /// Takes a request or task out of the inbox, if there is one.
    fn take_work(&mut self) -> bool {
        match self.link.take_work(&mut self.arriving) {
            Ok(work) => self.arrived = work,
            Err(e) => self.refuse(&e),
        }
        self.arrived.is_some()
    }

    /// Takes a request or task, or whatever else has come; waits until there is something.
    fn take_any(&mut self) {
        // Who always has work waiting must not overlook all else.
        self.unlooked += 1;
        if self.unlooked > UNLOOKED_MAX {
            self.unlooked = 0;
            self.take_frames();
        }
        if self.arrived.is_some() || self.take_work() {
            return;
        }
        let alone = std::mem::take(&mut self.in_a_row) <= 1;
        if self.take_soon(alone) {
            return;
        }
        if self.link.inbox().sleeps() {
            self.unlooked = 0;
            self.take_frame(true);
            self.link.inbox().wakes();
        }
    }

    /// Looks once more before this worker sleeps, and lets others run before that: under load
    /// one of them is the server with the next request, and waking a process costs more than
    /// its turn. A second turn saved nothing more. A task's worker looks longer: who spawns
    /// tasks waits for them. `alone` says whether the last came alone.
    fn take_soon(&mut self, alone: bool) -> bool {
        if self.kind == WorkerKind::Task {
            let patience = if alone { Patience::Fixed } else { Patience::WhileOthersRun };
            return (self.is_wanted || !alone) && self.linger(patience, Self::take_work);
        }
        std::thread::yield_now();
        self.take_work()
    }

    /// Looks again and again for something that is likely to come within moments, and lets
    /// others run in between. Whether it came.
    pub(super) fn linger(
        &mut self,
        patience: Patience,
        mut has_come: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        let since = Instant::now();
        let mut looked_at = since;
        while !has_come(self) {
            if looked_at.duration_since(since) >= LINGER {
                return false;
            }
            std::thread::yield_now();
            let now = Instant::now();
            let turn = now.duration_since(looked_at);
            if patience == Patience::WhileOthersRun && turn < TURN_MIN {
                return has_come(self);
            }
            looked_at = now;
        }
        true
    }

    /// Takes every frame that is there already.
    pub(super) fn take_frames(&mut self) {
        while self.take_frame(false) {}
    }

    /// The same, but looks only now and then: what it looks for is another table of pools.
    pub(super) fn take_news(&mut self) {
        let now = Instant::now();
        if self.looked_at.is_none_or(|at| now.duration_since(at) >= NEWS_EVERY) {
            self.looked_at = Some(now);
            self.take_frames();
        }
    }

    /// Waits for a request or task; `None` when the worker is to end.
    pub(super) fn next(&mut self) -> Option<frame::Header> {
        let is_silent = self.outside.is_empty();
        let ended_at = self.ended_at.take();
        self.swift = ended_at.is_some_and(|at| is_silent && at.elapsed() < SWIFT);
        self.log_outside();
        self.link.shrink();
        self.payload.clear();
        self.payload.shrink_to(PAYLOAD_KEPT);
        let since = Instant::now();
        loop {
            if let Some(header) = self.arrived.take() {
                self.is_wanted = since.elapsed() < WANTED;
                self.in_a_row += 1;
                std::mem::swap(&mut self.payload, &mut self.arriving);
                self.announced = false;
                return Some(header);
            }
            if self.draining {
                return None;
            }
            if !self.announced {
                self.link.signal(Kind::Ready, 0);
                self.announced = true;
            }
            self.take_any();
        }
    }
}
