//! What a worker still does when nobody waits for its answer any more.

use super::super::aside::{self, Aside};
use super::super::floor::{Event, Worker};
use super::super::link::LinkError;
use super::super::pool::{Loan, Pool};
use super::{condemn, report_loss};
use php_wire::frame::{FrameError, Header, Kind, flag};
use std::sync::Arc;

/// What is known of a request that nobody waits for.
#[derive(Debug)]
pub(in super::super) struct Left {
    /// Its id.
    pub id: u64,
    /// Its URI, for the log.
    pub uri: Vec<u8>,
    /// Whether it has tasks.
    pub spawned: bool,
    /// When it has ended and only the way back to the loop is left: how long it took.
    pub done: Option<u16>,
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
    Ended(u16),
    /// The worker is idle, and if the request ended with that, so long it took.
    Idle(Option<u16>),
    /// The worker will end.
    Exit,
}

/// Sees the worker through to where it is idle, in a task of its own, and tells it first
/// when the client is gone.
pub(in super::super) fn spawn(loan: Loan, left: Left, client_gone: bool) {
    loan.worker.works();
    if client_gone {
        // A worker that is gone is noticed when it is read from.
        let _ = loan.worker.link.post(Kind::Abort, 0, left.id, [b"", b""]);
    }
    tokio::spawn(finish(loan, left));
}

/// Listens until the worker is idle or gone. What it still answers is dropped. How long
/// that may take is the worker's own time limit to say.
async fn finish(mut loan: Loan, left: Left) {
    let (pool, worker) = (Arc::clone(&loan.pool), Arc::clone(&loan.worker));
    let Left { id, uri, mut spawned, mut done } = left;
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
                if done.is_none() {
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
            Then::Ended(_) | Then::Idle(_) | Then::Exit => {
                if let Then::Ended(took) | Then::Idle(Some(took)) = then {
                    done = Some(took);
                }
                if std::mem::take(&mut spawned) {
                    pool.floor.request_ended(worker.serial);
                }
            }
        }
        match then {
            Then::Idle(_) => return loan.give_back(done),
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
        Kind::Ready => Then::Idle(None),
        Kind::Response if header.has(flag::EXIT) => Then::Exit,
        Kind::Response if header.has(flag::IDLE) => Then::Idle(Some(header.took)),
        Kind::Response if header.has(flag::DONE) => Then::Ended(header.took),
        Kind::Response | Kind::Inform => Then::Listen,
        Kind::Want => Then::Want,
        _ => match aside::hear(&pool.floor, worker, Some(uri), header, payload)? {
            Aside::Heard => Then::Listen,
            Aside::Spawned => Then::Spawned,
            Aside::No => return Err(FrameError::Payload("a frame that is not for a server")),
        },
    })
}
