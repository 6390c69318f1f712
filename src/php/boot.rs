//! Listens to a worker from its fork to its first `READY`; and to the worker of a task
//! pool all its life, because nobody else does.

use super::aside::{self, Aside, BootOutput};
use super::floor::{Event, Floor, Worker};
use super::link::LinkError;
use super::log::{Level, Value};
use super::pool::Pool;
use php_wire::frame::{FrameError, Kind, flag};
use php_wire::task::Outcome;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Sees a worker to where it is ready, and to its pool: through the door of a pool that
/// serves requests, or to work in the task pool of this number.
pub(super) async fn tend(
    floor: Arc<Floor>,
    worker: Arc<Worker>,
    door: Option<Arc<Pool>>,
    tasks: Option<u16>,
) {
    if let Err(output) = boot(&floor, &worker).await {
        floor.request_ended(worker.serial);
        worker.ended().await;
        return floor.roster.tell(Event::BootFailed(worker, output));
    }
    let ready = Event::Ready(Arc::clone(&worker));
    match (door, tasks) {
        (Some(pool), _) => {
            // First, so that who hears of it sees whether requests still wait.
            pool.put(worker);
            floor.roster.tell(ready);
        }
        (None, Some(pool)) => {
            floor.roster.tell(ready);
            work(&floor, &worker, pool).await;
        }
        (None, None) => {}
    }
}

/// Listens until the worker is ready; what its script wrote is the error when it ended.
async fn boot(floor: &Floor, worker: &Worker) -> Result<(), String> {
    let mut output = BootOutput::default();
    loop {
        let heard = worker.link.receive(|header, payload| {
            output.keep(header, payload);
            match header.kind {
                Kind::Ready => Ok(ControlFlow::Break(())),
                _ => match aside::hear(floor, worker, None, header, payload)? {
                    Aside::No => Err(FrameError::Payload("a frame before READY")),
                    Aside::Heard | Aside::Spawned => Ok(ControlFlow::Continue(())),
                },
            }
        });
        match heard.await {
            Ok(Ok(ControlFlow::Break(()))) => return Ok(()),
            Ok(Ok(ControlFlow::Continue(()))) => {}
            Ok(Err(e)) => {
                condemn(floor, worker, &e.into());
                return Err(output.into_text());
            }
            Err(LinkError::Gone { .. }) => return Err(output.into_text()),
            Err(e) => {
                condemn(floor, worker, &e);
                return Err(output.into_text());
            }
        }
    }
}

/// Listens to a worker of a task pool until it is gone.
async fn work(floor: &Floor, worker: &Arc<Worker>, pool: u16) {
    let Some(tasks) = &floor.tasks else { return };
    let idle = || {
        let goes_on = tasks.idle(worker.serial, worker, pool);
        let goes_on = goes_on.map_err(|_| FrameError::Payload("READY in the middle of a task"))?;
        worker.link.has_more(goes_on);
        Ok(())
    };
    // It is new, so it runs nothing.
    let _ = idle();
    loop {
        let heard = worker.link.receive(|header, payload| {
            match header.kind {
                Kind::TaskDone => {
                    let outcome = Outcome::decode(payload)?;
                    let done = tasks.done(worker.serial, header.id, header.took, outcome);
                    done.map_err(|_| FrameError::Payload("the end of another worker's task"))?;
                    if header.has(flag::IDLE) {
                        idle()?;
                    } else if header.has(flag::EXIT) {
                        tasks.leaves(worker.serial);
                    }
                }
                Kind::Ready => idle()?,
                _ => {
                    if aside::hear(floor, worker, None, header, payload)? == Aside::No {
                        return Err(FrameError::Payload("a frame that is not for tasks"));
                    }
                }
            }
            Ok(())
        });
        match heard.await {
            Ok(Ok(())) => {}
            Err(LinkError::Gone { .. }) => break,
            Ok(Err(e)) => break condemn(floor, worker, &e.into()),
            Err(e) => break condemn(floor, worker, &e),
        }
    }
    tasks.leaves(worker.serial);
    floor.roster.tell(Event::Lost(Arc::clone(worker)));
    let exit = worker.ended().await;
    tasks.gone(worker.serial, exit.signal);
}

/// Ends a worker that broke the rules of its link.
fn condemn(floor: &Floor, worker: &Worker, error: &LinkError) {
    floor.roster.tell(Event::Kill(worker.serial));
    let error = error.to_string();
    let fields = [("pid", Value::Int(worker.pid().into())), ("error", Value::Str(&error))];
    floor.say(Level::Error, "PHP worker broke the protocol, killing it", &fields);
}
