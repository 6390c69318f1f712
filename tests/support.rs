//! What every subject needs: a site on disk, a server on a free port, an HTTP client, and
//! a look at the system's processes.

pub(crate) mod client;
pub(crate) mod collector;
pub(crate) mod endpoint;
pub(crate) mod processes;
pub(crate) mod server;
pub(crate) mod site;

pub(crate) use client::{Client, Response, get};
pub(crate) use processes::Processes;
pub(crate) use server::{Server, run};
pub(crate) use site::Site;

use std::time::{Duration, Instant};

/// How long a test waits for what should come within milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until there is an answer, and fails saying what it waited for.
#[track_caller]
pub(crate) fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
