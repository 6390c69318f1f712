//! The thread behind one output, and the bounded queue before it.

use super::{Level, json, now};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Lines that may wait for the output.
const QUEUE_MAX: usize = 8192;
/// Bytes that go out in one write.
const BATCH_MAX: usize = 64 * 1024;

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Output {
    Stderr,
    Stdout,
}

enum Message {
    Line(Arc<[u8]>),
    /// Answered when all lines before it are out.
    Flush(SyncSender<()>),
}

/// The way to the thread. It ends with the last of these.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Message>>,
    dropped: Arc<AtomicU64>,
}

impl Writer {
    pub(super) fn start(output: Output) -> Self {
        match output {
            Output::Stderr => Self::start_on(io::stderr()),
            Output::Stdout => Self::start_on(io::stdout()),
        }
    }

    fn start_on(out: impl Write + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        let thread = std::thread::Builder::new().name("log".into());
        // Without a thread there is no log, but there is still a server.
        let started = thread.spawn(move || run(&receiver, out, &counter)).is_ok();
        Self { queue: started.then_some(sender), dropped }
    }

    /// Queues a line, or counts it as dropped.
    pub(super) fn write(&self, line: Arc<[u8]>) {
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(_)) = queue.try_send(Message::Line(line)) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for the lines before it, at most `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let (sender, receiver) = sync_channel(1);
        let sent = self.queue.as_ref().is_some_and(|q| q.try_send(Message::Flush(sender)).is_ok());
        if sent {
            // A timeout means that the output is stuck; there is nothing else to do.
            let _ = receiver.recv_timeout(limit);
        }
    }
}

fn run(queue: &Receiver<Message>, mut out: impl Write, dropped: &AtomicU64) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while let Ok(first) = queue.recv() {
        let mut waiting = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Line(line) => batch.extend_from_slice(&line),
                Message::Flush(done) => waiting.push(done),
            }
            next = (batch.len() < BATCH_MAX).then(|| queue.try_recv().ok()).flatten();
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            batch.extend_from_slice(&loss(lost));
        }
        // An output that cannot be written loses its lines; the server goes on.
        let _ = out.write_all(&batch).and_then(|()| out.flush());
        batch.clear();
        for done in waiting {
            // Whoever waited may have given up.
            let _ = done.try_send(());
        }
    }
}

fn loss(count: u64) -> Vec<u8> {
    let mut line = Vec::new();
    json::object(&mut line, |o| {
        o.str("level", Level::Warn.as_str());
        o.float("ts", now().as_secs_f64());
        o.str("logger", "log");
        o.str("msg", "log lines were dropped because the output is too slow");
        o.uint("count", count);
    });
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(data);
            Ok(data.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_arrive_in_order_before_a_flush_returns() {
        let out = Shared::default();
        let writer = Writer::start_on(out.clone());
        for line in [&b"a\n"[..], b"b\n"] {
            writer.write(line.into());
        }
        writer.flush(Duration::from_secs(5));
        assert_eq!(*out.0.lock(), b"a\nb\n");
    }

    #[test]
    fn a_stuck_output_costs_lines_and_never_time() {
        struct Stuck(Receiver<()>);
        impl Write for Stuck {
            fn write(&mut self, data: &[u8]) -> io::Result<usize> {
                // Ends when the test drops its sender.
                let _ = self.0.recv();
                Ok(data.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (release, stuck) = sync_channel(1);
        let writer = Writer::start_on(Stuck(stuck));
        for _ in 0..2 * QUEUE_MAX + BATCH_MAX {
            writer.write((&b"x"[..]).into());
        }
        assert!(writer.dropped.load(Ordering::Relaxed) > 0);
        drop(release);
    }
}
