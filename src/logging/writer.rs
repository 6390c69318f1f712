//! The thread behind one output, and the bounded queue before it.
//!
//! The first line after a silence goes out at once. While more come, the thread looks
//! for them a few hundred times a second instead of being woken for each: waking a
//! thread costs more than writing a line.

use super::file::File;
use super::net::Net;
use super::{Level, json, now};
use crate::config::logging::writers as config;
use parking_lot::{Condvar, Mutex};
use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Lines that may wait for the output, and how long they may be together: a client can
/// make a line as long as the largest head.
const QUEUE_MAX: usize = 8192;
const WAITING_MAX: usize = 16 * 1024 * 1024;
/// Bytes that go out in one write.
const BATCH_MAX: usize = 64 * 1024;
/// Memory that a queue keeps when it is empty: what a busy server says between two looks.
const KEPT_MAX: usize = 512 * 1024;
/// Between two looks at the queue while lines come one after the other.
const PAUSE: Duration = Duration::from_millis(4);

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

/// The way to the thread. It ends with the last of these.
#[derive(Debug)]
pub(super) struct Writer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: Lines,
    /// How many lines wait, and their bytes; those that are being written too.
    waiting: usize,
    bytes_waiting: usize,
    /// Lines that were lost and not told of.
    dropped: u64,
    /// Told when all lines before them are out.
    flushes: Vec<SyncSender<()>>,
    /// Whether the thread waits to be woken by the next line.
    is_idle: bool,
    /// Nobody writes any more, or nobody takes what is written.
    is_closed: bool,
}

/// Lines one behind the other.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
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
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("log".into());
        if thread.spawn(move || its.run(out, batch)).is_err() {
            // Without a thread there is no log, but there is still a server.
            shared.queue.lock().is_closed = true;
        }
        Self(shared)
    }

    /// Queues a line, or counts it as dropped.
    pub(super) fn write(&self, line: &[u8]) {
        let mut queue = self.0.queue.lock();
        let wakes = queue.push(line);
        drop(queue);
        if wakes {
            self.0.news.notify_one();
        }
    }

    /// Waits for the lines before it, at most `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let (sender, receiver) = sync_channel(1);
        let mut queue = self.0.queue.lock();
        if queue.is_closed {
            return;
        }
        queue.flushes.push(sender);
        drop(queue);
        self.0.news.notify_one();
        // A timeout means that the output is stuck; there is nothing else to do.
        let _ = receiver.recv_timeout(limit);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.queue.lock().is_closed = true;
        self.0.news.notify_one();
    }
}

impl Queue {
    /// Adds a line, or counts it as dropped; whether the thread must be woken for it.
    fn push(&mut self, line: &[u8]) -> bool {
        if self.is_closed
            || self.waiting >= QUEUE_MAX
            || self.bytes_waiting + line.len() > WAITING_MAX
        {
            self.dropped += 1;
            return false;
        }
        self.waiting += 1;
        self.bytes_waiting += line.len();
        self.lines.bytes.extend_from_slice(line);
        self.lines.ends.push(self.lines.bytes.len());
        // One that looks again by itself is in time, unless lines come very fast.
        mem::take(&mut self.is_idle) || self.waiting == QUEUE_MAX / 2
    }

    fn is_empty(&self) -> bool {
        self.lines.ends.is_empty() && self.flushes.is_empty()
    }

    /// Whether somebody waits, or the queue fills.
    fn is_urgent(&self) -> bool {
        self.is_closed || !self.flushes.is_empty() || self.waiting >= QUEUE_MAX / 2
    }
}

impl Lines {
    /// Goes through them in groups of whole lines that are about `max` bytes long, with
    /// how many lines each has.
    fn groups(&self, max: usize) -> impl Iterator<Item = (&[u8], usize)> {
        let (mut from, mut line) = (0, 0);
        std::iter::from_fn(move || {
            let rest = self.ends.get(line..).filter(|rest| !rest.is_empty())?;
            let count = rest.iter().take_while(|end| **end - from <= max).count().max(1);
            let group = &self.bytes[from..rest[count - 1]];
            (from, line) = (rest[count - 1], line + count);
            Some((group, count))
        })
    }

    /// Empties it, and lets go of memory beyond what a busy log needs.
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_MAX);
        self.ends.clear();
        self.ends.shrink_to(QUEUE_MAX);
    }
}

impl Shared {
    /// Writes what comes until nobody writes any more.
    fn run(&self, mut out: impl Write, batch_max: usize) {
        let mut lines = Lines::default();
        let mut last = None;
        while let Some((flushes, lost)) = self.next(&mut lines, last) {
            if lost > 0 {
                let told = out.write_all(&loss(lost)).and_then(|()| out.flush());
                self.queue.lock().dropped += if told.is_err() { lost } else { 0 };
            }
            for (group, count) in lines.groups(batch_max) {
                let written = out.write_all(group).and_then(|()| out.flush());
                let mut queue = self.queue.lock();
                queue.waiting -= count;
                queue.bytes_waiting -= group.len();
                if written.is_err() {
                    // The output takes nothing, as a full disk; what it lost is told when
                    // it does.
                    queue.dropped += count as u64;
                }
            }
            lines.clear();
            last = Some(Instant::now());
            for done in flushes {
                // Whoever waited may have given up.
                let _ = done.try_send(());
            }
        }
    }

    /// Waits for lines and takes them; who waits for them, and how many were lost before.
    /// `last` is when the lines before went out.
    fn next(&self, lines: &mut Lines, last: Option<Instant>) -> Option<(Vec<SyncSender<()>>, u64)> {
        let mut queue = self.queue.lock();
        if let Some(due) = last.map(|last| last + PAUSE) {
            while !queue.is_urgent() && !self.news.wait_until(&mut queue, due).timed_out() {}
        }
        while queue.is_empty() {
            if queue.is_closed {
                return None;
            }
            queue.is_idle = true;
            self.news.wait(&mut queue);
        }
        queue.is_idle = false;
        mem::swap(&mut queue.lines, lines);
        Some((mem::take(&mut queue.flushes), mem::take(&mut queue.dropped)))
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
    use std::sync::mpsc::Receiver;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
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
        let out = Kept::default();
        let writer = Writer::start_on(out.clone(), BATCH_MAX);
        for line in [&b"a\n"[..], b"b\n"] {
            writer.write(line);
        }
        writer.flush(Duration::from_secs(5));
        assert_eq!(*out.0.lock(), b"a\nb\n");
    }

    #[test]
    fn lines_go_out_whole() {
        let check = |lines: &[&str], max, expected: &[(&str, usize)]| {
            let mut all = Lines::default();
            for line in lines {
                all.bytes.extend_from_slice(line.as_bytes());
                all.ends.push(all.bytes.len());
            }
            let expected: Vec<_> = expected.iter().map(|(t, n)| (t.as_bytes(), *n)).collect();
            assert_eq!(all.groups(max).collect::<Vec<_>>(), expected, "{lines:?}");
        };
        check(&[], 4, &[]);
        check(&["ab", "cd", "e"], 4, &[("abcd", 2), ("e", 1)]);
        check(&["abcdef", "g"], 4, &[("abcdef", 1), ("g", 1)]);
        check(&["a", "b"], 1, &[("a", 1), ("b", 1)]);
    }

    #[test]
    fn a_stuck_output_costs_lines_and_never_time() {
        let (release, stuck) = sync_channel(1);
        let writer = Writer::start_on(Stuck(stuck), BATCH_MAX);
        for _ in 0..2 * QUEUE_MAX + BATCH_MAX {
            writer.write(b"x");
        }
        assert!(writer.0.queue.lock().dropped > 0);
        drop(release);
    }

    #[test]
    fn long_lines_wait_in_bounded_memory() {
        let (release, stuck) = sync_channel(1);
        let writer = Writer::start_on(Stuck(stuck), BATCH_MAX);
        let long = vec![b'x'; WAITING_MAX / 4];
        for _ in 0..8 {
            writer.write(&long);
        }
        let queue = writer.0.queue.lock();
        assert!(queue.dropped >= 3 && queue.bytes_waiting <= WAITING_MAX);
        drop(queue);
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
        writer.write(b"lost\n");
        writer.flush(Duration::from_secs(5));
        *disk.0.lock() = Some(Vec::new());
        writer.write(b"kept\n");
        writer.flush(Duration::from_secs(5));
        let out = disk.0.lock().take().unwrap_or_default();
        let text = String::from_utf8_lossy(&out);
        assert!(text.ends_with("\nkept\n") && text.contains("\"count\":1"), "{text}");
    }
}
