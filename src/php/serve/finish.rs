//! What a worker still does when nobody waits for its answer any more.

use super::super::aside::{self, Aside};
use super::super::floor::{Event, Worker};
use super::super::link::LinkError;
use super::super::pool::Pool;
use super::{condemn, report_loss};
use php_wire::frame::{FrameError, Header, Kind, flag};
use std::sync::Arc;

/// What is known of a request that nobody waits for.
pub(super) struct Left {
    /// Its id.
    pub id: u64,
    /// Its URI, for the log.
    pub uri: Vec<u8>,
    /// Whether it has tasks.
    pub spawned: bool,
    /// Whether it has ended, and only the way back to the loop is left.
    pub is_done: bool,
}

/// What a message means here.
enum Then {
    /// Go on.
    Listen,
    /// The request has tasks.
    Spawned,
    /// It wants more of a body that nobody sends any more.
    Want,
    /// The request has ended.
    Ended,
    /// The request has ended and the worker is idle.
    Idle,
    /// The worker will end.
    Exit,
}

/// Listens until the worker is idle or gone. What it still answers is dropped. How long
/// that may take is the worker's own time limit to say.
pub(super) async fn finish(pool: Arc<Pool>, worker: Arc<Worker>, left: Left) {
    let Left { id, uri, mut spawned, mut is_done } = left;
    loop {
        let heard = worker.link.receive(|h, p| read(&pool, &worker, (id, &uri), h, p)).await;
        let then = match heard {
            Ok(Ok(then)) => then,
            Ok(Err(e)) => return condemn(&pool, &worker, &e.to_string()),
            Err(LinkError::Gone { .. }) => {
                pool.floor.roster.tell(Event::Lost(Arc::clone(&worker)));
                if spawned {
                    pool.floor.request_ended(worker.serial);
                }
                // A script that leaves its loop after a request ends in order.
                if !is_done {
                    let exit = worker.ended().await;
                    report_loss(&pool.floor, &pool, &worker, exit, &uri);
                }
                return;
            }
            Err(e) => return condemn(&pool, &worker, &e.to_string()),
        };
        match then {
            Then::Listen => {}
            Then::Spawned => spawned = true,
            Then::Want => {
                let bits = flag::ABORT | flag::LAST;
                // A worker that is gone is noticed when it is read from.
                let _ = worker.link.post(Kind::Body, bits, id, [b"", b""]);
            }
            Then::Ended | Then::Idle | Then::Exit => {
                is_done = true;
                if std::mem::take(&mut spawned) {
                    pool.floor.request_ended(worker.serial);
                }
            }
        }
        match then {
            Then::Idle => return pool.put(worker),
            Then::Exit => return pool.floor.roster.tell(Event::Lost(worker)),
            _ => {}
        }
    }
}

/// What a message means.
fn read(
    pool: &Pool,
    worker: &Worker,
    (id, uri): (u64, &[u8]),
    header: Header,
    payload: &[u8],
) -> Result<Then, FrameError> {
    Ok(match header.kind {
        Kind::Response | Kind::Inform | Kind::Want if header.id != id => {
            return Err(FrameError::Payload("a frame of another request"));
        }
        Kind::Ready => Then::Idle,
        Kind::Response if header.has(flag::EXIT) => Then::Exit,
        Kind::Response if header.has(flag::IDLE) => Then::Idle,
        Kind::Response if header.has(flag::DONE) => Then::Ended,
        Kind::Response | Kind::Inform => Then::Listen,
        Kind::Want => Then::Want,
        _ => match aside::hear(&pool.floor, worker, Some(uri), header, payload)? {
            Aside::Heard => Then::Listen,
            Aside::Spawned => Then::Spawned,
            Aside::No => return Err(FrameError::Payload("a frame that is not for a server")),
        },
    })
}
