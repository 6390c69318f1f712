//! The thread behind one output, and the bounded queue before it.

use super::file::File;
use super::net::Net;
use super::{Level, json, now};
use crate::config::logging::writers as config;
use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Lines that may wait for the output, and how long they may be together: a client can
/// make a line as long as the largest head.
const QUEUE_MAX: usize = 8192;
const WAITING_MAX: usize = 16 * 1024 * 1024;
/// Bytes that go out in one write.
const BATCH_MAX: usize = 64 * 1024;

/// Where lines go.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Output {
    Stderr,
    Stdout,
    File(Box<config::File>),
    Net(config::Net),
}

/// The writers that are open. A configuration that writes where another one writes takes
/// up its writer, so that nothing is closed and opened, or lost, in between.
static OPEN: Mutex<Vec<(Output, Weak<Writer>)>> = Mutex::new(Vec::new());

enum Message {
    Line(Arc<[u8]>),
    /// Answered when all lines before it are out.
    Flush(SyncSender<()>),
}

/// The way to the thread. It ends with the last of these.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Message>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Lines that were lost and not told of.
    dropped: AtomicU64,
    /// Bytes in the queue.
    waiting: AtomicUsize,
}

impl Writer {
    /// The writer of an output: the one that is open, or a new one.
    pub(super) fn open(output: &Output) -> io::Result<Arc<Self>> {
        let mut open = OPEN.lock();
        open.retain(|(_, writer)| writer.strong_count() > 0);
        let same = open.iter().find(|(other, _)| other == output);
        if let Some(writer) = same.and_then(|(_, writer)| writer.upgrade()) {
            return Ok(writer);
        }
        let writer = Arc::new(match output {
            Output::Stderr => Self::start_on(io::stderr(), BATCH_MAX),
            Output::Stdout => Self::start_on(io::stdout(), BATCH_MAX),
            Output::File(config) => Self::start_on(File::open(config)?, BATCH_MAX),
            Output::Net(config) => {
                let net = Net::open(config)?;
                let batch = if net.is_datagram() { 1 } else { BATCH_MAX };
                Self::start_on(net, batch)
            }
        });
        open.push((output.clone(), Arc::downgrade(&writer)));
        Ok(writer)
    }

    /// Starts the thread, which writes about `batch` bytes at once, and whole lines.
    fn start_on(out: impl Write + Send + 'static, batch: usize) -> Self {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        let thread = std::thread::Builder::new().name("log".into());
        // Without a thread there is no log, but there is still a server.
        let started = thread.spawn(move || run(&receiver, out, batch, &shared)).is_ok();
        Self { queue: started.then_some(sender), counts }
    }

    /// Queues a line, or counts it as dropped.
    pub(super) fn write(&self, line: Arc<[u8]>) {
        let Some(queue) = &self.queue else { return };
        let len = line.len();
        let waiting = self.counts.waiting.fetch_add(len, Ordering::Relaxed);
        if waiting + len > WAITING_MAX || queue.try_send(Message::Line(line)).is_err() {
            self.counts.waiting.fetch_sub(len, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
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

fn run(queue: &Receiver<Message>, mut out: impl Write, batch_max: usize, counts: &Counts) {
    let mut batch = Vec::with_capacity(batch_max);
    while let Ok(first) = queue.recv() {
        let mut waiting = Vec::new();
        let mut lines = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Line(line) => {
                    counts.waiting.fetch_sub(line.len(), Ordering::Relaxed);
                    batch.extend_from_slice(&line);
                    lines += 1;
                }
                Message::Flush(done) => waiting.push(done),
            }
            next = (batch.len() < batch_max).then(|| queue.try_recv().ok()).flatten();
        }
        let lost = counts.dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            batch.extend_from_slice(&loss(lost));
        }
        if out.write_all(&batch).and_then(|()| out.flush()).is_err() {
            // The output takes nothing, as a full disk; what it lost is told when it does.
            counts.dropped.fetch_add(lost + lines, Ordering::Relaxed);
        }
        batch.clear();
        batch.shrink_to(batch_max);
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
        o.str("msg", "log lines were lost because the output is full or too slow");
        o.uint("count", count);
    });
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn lines_arrive_in_order_before_a_flush_returns() {
        let out = Shared::default();
        let writer = Writer::start_on(out.clone(), BATCH_MAX);
        for line in [&b"a\n"[..], b"b\n"] {
            writer.write(line.into());
        }
        writer.flush(Duration::from_secs(5));
        assert_eq!(*out.0.lock(), b"a\nb\n");
    }

    #[test]
    fn a_stuck_output_costs_lines_and_never_time() {
        let (release, stuck) = sync_channel(1);
        let writer = Writer::start_on(Stuck(stuck), BATCH_MAX);
        for _ in 0..2 * QUEUE_MAX + BATCH_MAX {
            writer.write((&b"x"[..]).into());
        }
        assert!(writer.counts.dropped.load(Ordering::Relaxed) > 0);
        drop(release);
    }

    #[test]
    fn long_lines_wait_in_bounded_memory() {
        let (release, stuck) = sync_channel(1);
        let writer = Writer::start_on(Stuck(stuck), BATCH_MAX);
        let long: Arc<[u8]> = vec![b'x'; WAITING_MAX / 4].into();
        for _ in 0..8 {
            writer.write(Arc::clone(&long));
        }
        assert!(writer.counts.dropped.load(Ordering::Relaxed) >= 3);
        assert!(writer.counts.waiting.load(Ordering::Relaxed) <= WAITING_MAX);
        drop(release);
    }

    #[test]
    fn lines_that_a_full_disk_took_are_told_of_later() {
        #[derive(Clone, Default)]
        struct Full(Arc<Mutex<Option<Vec<u8>>>>);
        impl Write for Full {
            fn write(&mut self, data: &[u8]) -> io::Result<usize> {
                match &mut *self.0.lock() {
                    Some(out) => out.extend_from_slice(data),
                    None => return Err(io::ErrorKind::StorageFull.into()),
                }
                Ok(data.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let disk = Full::default();
        let writer = Writer::start_on(disk.clone(), BATCH_MAX);
        writer.write((&b"lost\n"[..]).into());
        writer.flush(Duration::from_secs(5));
        *disk.0.lock() = Some(Vec::new());
        writer.write((&b"kept\n"[..]).into());
        writer.flush(Duration::from_secs(5));
        let out = disk.0.lock().take().unwrap_or_default();
        let text = String::from_utf8_lossy(&out);
        assert!(text.starts_with("kept\n") && text.contains("\"count\":1"), "{text}");
    }
}
