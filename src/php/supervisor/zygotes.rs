//! One zygote after another: what becomes of its workers when one is gone, and the next.

use super::{Host, Supervisor};
use crate::php::floor::{Event, Exit, Roster, Worker};
use crate::php::log::{Level, Value};
use crate::php::zygote::{PhpInfo, Zygote, ZygoteError};
use php_wire::control::ToZygote;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long after a zygote that did not start, or ended at once, the next one is tried.
const ZYGOTE_PAUSE: Duration = Duration::from_secs(1);

/// A zygote that was started to replace another, or why there is none.
#[derive(Debug)]
pub(crate) struct NewZygote(Result<(Zygote, PhpInfo), ZygoteError>);

impl Supervisor {
    /// Gives the zygote an order, if there is one.
    pub(super) fn order(&mut self, order: &ToZygote) {
        if let Some(Err(e)) = self.zygote.as_ref().map(|zygote| zygote.order(order)) {
            self.not_ordered(&e);
        }
    }

    /// The zygote did not take an order.
    pub(super) fn not_ordered(&mut self, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.zygote_gone(&format!("takes no orders: {error}")),
            io::ErrorKind::InvalidInput => self.floor.say(
                Level::Error,
                "cannot tell the zygote what to do",
                &[("error", Value::Str(&error.to_string()))],
            ),
            // It is gone. What it still said comes first, then that.
            _ => {}
        }
    }

    /// There is no zygote any more; running workers go on, and another is started.
    pub(super) fn zygote_gone(&mut self, how: &str) {
        let Some(zygote) = self.zygote.take() else { return };
        let pid = zygote.pid().map_or(0, i64::from);
        self.floor.say(
            Level::Error,
            "the zygote is gone, starting another",
            &[("pid", Value::Int(pid)), ("how", Value::Str(how))],
        );
        self.lifelines.insert(self.generation, zygote.outlived());
        self.asked = 0;
        self.watch_orphans();
        if self.drain_until.is_none() {
            let lived = self.zygote_since.elapsed();
            self.start_zygote(if lived < ZYGOTE_PAUSE { ZYGOTE_PAUSE } else { Duration::ZERO });
        }
    }

    /// Sees to it that the end of each worker without a zygote is noticed.
    fn watch_orphans(&mut self) {
        let workers = self.floor.roster.workers.iter().map(|w| Arc::clone(&w));
        let orphans: Vec<_> = workers.filter(|w| w.zygote == self.generation).collect();
        for worker in orphans {
            if worker.pid() == 0 {
                // Nobody knows which process it is, or whether it is one: nobody will see it
                // end. It may be up, since the zygote says only later that it forked it.
                worker.link.hang_up();
                self.exited(worker.serial, Exit::default());
            } else if worker.is_watched() {
                tokio::spawn(watch(worker, Arc::clone(&self.floor.roster)));
            } else if self.lost.contains_key(&worker.serial) {
                self.exited(worker.serial, Exit::default());
            }
        }
    }

    /// Starts another zygote after a pause, without letting anybody wait for it.
    fn start_zygote(&mut self, pause: Duration) {
        self.generation += 1;
        let Host { path, ini } = self.host.clone();
        let floor = Arc::clone(&self.floor);
        self.next_zygote = Some(tokio::spawn(async move {
            sleep(pause).await;
            let new = Zygote::start(&path, &ini).await;
            floor.roster.tell(Event::Zygote(Box::new(NewZygote(new))));
        }));
    }

    pub(super) fn new_zygote(&mut self, new: NewZygote) {
        match new.0 {
            Ok((zygote, info)) => {
                self.floor.say(
                    Level::Info,
                    "the zygote was replaced",
                    &[("php_version", Value::Str(&info.version))],
                );
                self.zygote_since = Instant::now();
                self.zygote = Some(zygote);
            }
            Err(e) => {
                let error = e.to_string();
                self.floor.say(
                    Level::Error,
                    "cannot start a zygote, trying again",
                    &[("error", Value::Str(&error))],
                );
                if self.drain_until.is_none() {
                    self.start_zygote(ZYGOTE_PAUSE);
                }
            }
        }
    }

    /// Lets go of the lifelines that nobody lives by any more.
    pub(super) fn cut_lifelines(&mut self) {
        let workers = &self.floor.roster.workers;
        self.lifelines.retain(|zygote, _| workers.iter().any(|w| w.zygote == *zygote));
    }
}

/// Tells when a worker's process has ended.
async fn watch(worker: Arc<Worker>, roster: Arc<Roster>) {
    if worker.dies().await {
        roster.tell(Event::Died(worker.serial));
    }
}
