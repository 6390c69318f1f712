//! Work that takes so long that others should not wait for it.
//!
//! A server thread serves many connections in turn, and where PHP needs the processors there
//! are few such threads. Whoever computes for longer than a few hundred microseconds does it
//! here; what only waits, or can be moved, is better off in `tokio::task::spawn_blocking`.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does something while another thread serves the others. To let one take over costs about as
/// much as to compress a kilobyte.
pub(crate) fn in_place<R>(work: impl FnOnce() -> R) -> R {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        // Nobody could take over, or nobody is served.
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn others_are_served_meanwhile_where_that_is_possible() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let runtime = runtime.expect("a runtime");
        let served = runtime.block_on(runtime.spawn(async {
            let (sender, receiver) = channel();
            tokio::spawn(async move { sender.send(()) });
            in_place(|| receiver.recv_timeout(Duration::from_secs(30)))
        }));
        assert_eq!(served.expect("no panic"), Ok(()));
    }

    #[tokio::test]
    async fn it_is_done_anyway() {
        assert_eq!(in_place(|| 1), 1);
        let outside = std::thread::spawn(|| in_place(|| 2)).join();
        assert_eq!(outside.expect("no panic"), 2);
    }
}
