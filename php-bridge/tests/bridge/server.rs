//! The server's part, reduced to what a test needs. Every wait has a deadline.

use php_wire::codec::Writer;
use php_wire::control::{self, FromZygote, ToZygote, WorkerKind, WorkerSpec};
use php_wire::frame::{self, Assembled, Assembler, FRAME_MAX, Header, Kind, PAYLOAD_MAX, flag};
use php_wire::known::VARS;
use php_wire::request::Head;
use php_wire::response::{Head as ResponseHead, Log, Source};
use php_wire::ring::Sending;
use php_wire::task::PoolTable;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

static SERIAL: AtomicU32 = AtomicU32::new(1);

/// A zygote and the server's ends of its links.
pub(crate) struct Zygote {
    pub(crate) child: Child,
    control: OwnedFd,
    /// Closing it is the server's death.
    pub(crate) lifeline: Option<OwnedFd>,
    pub(crate) booted: FromZygote,
    folder: PathBuf,
}

impl Zygote {
    /// A zygote with PHP's built-in defaults and these settings.
    pub(crate) fn start(ini: &[(&str, &str)]) -> Self {
        Self::start_version(ini, php_wire::VERSION)
    }

    pub(crate) fn start_version(ini: &[(&str, &str)], version: u32) -> Self {
        let number = SERIAL.fetch_add(1, Ordering::Relaxed);
        let name = format!("bridge-{}-{number}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).expect("a folder for scripts");
        std::fs::write(folder.join("php.ini"), "opcache.enable=1\n").expect("php.ini");
        let (control, theirs) = frame::pair().expect("a socket pair");
        let flags = rustix::pipe::PipeFlags::CLOEXEC;
        let (read, lifeline) = rustix::pipe::pipe_with(flags).expect("a pipe");
        let child = Command::new(env!("CARGO_BIN_EXE_pogo-php"))
            .env("PHPRC", &folder)
            .env("FROM_OUTSIDE", "yes")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::from(read))
            .spawn()
            .expect("pogo-php starts");
        let ini = ini.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        control::send(&control, &ToZygote::Boot { version, ini }, &[]).expect("sent");
        let booted = receive_control(&control).expect("an answer to boot");
        Self { child, control, lifeline: Some(lifeline), booted, folder }
    }

    /// Writes a script; returns its path.
    pub(crate) fn script(&self, name: &str, code: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, format!("<?php\n{code}")).expect("a script");
        path.to_str().expect("a plain path").to_owned()
    }

    pub(crate) fn classic(&self) -> Worker {
        self.fork(WorkerKind::Classic, "", |_| {})
    }

    pub(crate) fn resident(&self, code: &str) -> Worker {
        self.fork(WorkerKind::Worker, &self.script("worker.php", code), |_| {})
    }

    pub(crate) fn task(&self, code: &str) -> Worker {
        self.fork(WorkerKind::Task, &self.script("task.php", code), |_| {})
    }

    /// Forks a worker; it is not ready yet.
    pub(crate) fn fork(
        &self,
        kind: WorkerKind,
        script: &str,
        change: impl FnOnce(&mut WorkerSpec),
    ) -> Worker {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let mut spec = WorkerSpec {
            serial,
            kind,
            title: "worker test".into(),
            script: script.into(),
            env: vec![("WORKER_VAR".into(), "set".into())],
            max_requests: 0,
            grace_ms: 500,
        };
        change(&mut spec);
        let (ours, theirs) = frame::pair().expect("a socket pair");
        send_pools(&ours, &[(b"default", 2), (b"cpu", 1)]);
        let (inbox, receiver) = Sending::new().expect("memory");
        let sockets = [theirs.as_fd(), receiver.as_fd()];
        control::send(&self.control, &ToZygote::Fork(spec), &sockets).expect("sent");
        drop((theirs, receiver));
        let Some(FromZygote::Forked { serial: answered, pid }) = self.receive() else {
            panic!("no worker was forked")
        };
        assert_eq!(answered, serial);
        let assembler = Assembler::default();
        Worker { link: ours, inbox, serial, pid, assembler, next_id: 1, idle: false }
    }

    pub(crate) fn send(&self, message: &ToZygote) {
        control::send(&self.control, message, &[]).expect("sent");
    }

    pub(crate) fn receive(&self) -> Option<FromZygote> {
        receive_control(&self.control)
    }

    /// How the worker ended: its code or its signal.
    #[track_caller]
    pub(crate) fn expect_exit(&self, worker: &Worker) -> (Option<i32>, Option<i32>) {
        match self.receive() {
            Some(FromZygote::Exited { serial, code, signal, .. }) if serial == worker.serial => {
                (code, signal)
            }
            other => panic!("expected an exit, got {other:?}"),
        }
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn receive_control(control: &OwnedFd) -> Option<FromZygote> {
    wait_readable(control);
    let got = control::receive(control, RecvFlags::empty()).expect("a message of the zygote");
    got.map(|(message, _)| message)
}

#[track_caller]
fn wait_readable(fd: &OwnedFd) {
    let limit = Timespec::try_from(DEADLINE).expect("seconds fit");
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    assert_eq!(poll(&mut fds, Some(&limit)).expect("poll"), 1, "nothing came in time");
}

fn send_pools(link: &OwnedFd, pools: &[(&[u8], u32)]) {
    let mut w = Writer::default();
    PoolTable { closing: false, pools: pools.to_vec() }.encode(&mut w);
    frame::send(link, (Kind::Pools, 0, 0), [&w.0, &[]], SendFlags::empty()).expect("sent");
}

/// A worker and the server's end of its link.
pub(crate) struct Worker {
    pub(crate) link: OwnedFd,
    /// The sending end of its inbox.
    inbox: Sending,
    pub(crate) serial: u32,
    pub(crate) pid: i32,
    assembler: Assembler,
    pub(crate) next_id: u64,
    /// Whether the last message said that the worker is idle, so that no `READY` follows.
    idle: bool,
}

/// One message of a worker.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
}

/// All that a worker answered to one request.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
    /// Whether the answer was complete.
    pub(crate) whole: bool,
    /// How many frames it came in.
    pub(crate) frames: usize,
    /// The flags of the last frame.
    pub(crate) flags: u8,
    /// Statuses of interim answers.
    pub(crate) interim: Vec<u16>,
    /// Lines for the log meanwhile.
    pub(crate) logs: Vec<(Source, String)>,
}

impl Worker {
    /// The next message, or `None` when the worker is gone.
    pub(crate) fn receive(&mut self) -> Option<Message> {
        loop {
            wait_readable(&self.link);
            let mut buffer = vec![0; FRAME_MAX];
            let (header, payload) =
                frame::receive(&self.link, &mut buffer, RecvFlags::empty()).expect("a frame")?;
            match self.assembler.push(header, payload).expect("fragments fit") {
                Assembled::Whole(header, payload) => {
                    let ends = matches!(header.kind, Kind::Response | Kind::TaskDone);
                    self.idle = ends && header.has(flag::IDLE);
                    return Some(Message { header, payload: payload.to_vec() });
                }
                Assembled::Partial => {}
            }
        }
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, kind: Kind) -> Message {
        let message = self.receive().unwrap_or_else(|| panic!("gone instead of {kind:?}"));
        assert_eq!(message.header.kind, kind, "{}", String::from_utf8_lossy(&message.payload));
        message
    }

    /// Waits until the worker is ready; returns what it logged before.
    #[track_caller]
    pub(crate) fn expect_ready(&mut self) -> Vec<(Source, String)> {
        let mut logs = Vec::new();
        if std::mem::take(&mut self.idle) {
            return logs;
        }
        loop {
            let message = self.receive().expect("a worker that gets ready");
            match message.header.kind {
                Kind::Log => logs.push(log_of(&message.payload)),
                Kind::Ready => return logs,
                other => panic!("{other:?} before ready"),
            }
        }
    }

    pub(crate) fn send(&mut self, kind: Kind, flags: u8, id: u64, payload: &[u8]) {
        frame::send(&self.link, (kind, flags, id), [payload, &[]], SendFlags::empty())
            .expect("sent");
    }

    /// Sends a request; `change` may add to it. Returns its id.
    pub(crate) fn request<'a>(
        &mut self,
        script: &'a str,
        change: impl FnOnce(&mut Head<'a>),
    ) -> u64 {
        let mut head = Head {
            proto: 1001,
            accepted_ns: 1_700_000_000_000_000_000,
            method: b"GET",
            request_uri: b"/",
            script: script.as_bytes(),
            body_complete: true,
            ..Head::default()
        };
        let method = VARS.iter().position(|v| *v == "REQUEST_METHOD").expect("a known name");
        head.vars[method] = Some(head.method);
        change(&mut head);
        let mut w = Writer::default();
        head.encode(&mut w);
        let id = self.next_id;
        self.next_id += 1;
        self.give(Kind::Request, id, &w.0);
        id
    }

    /// Gives it a request or task.
    pub(crate) fn give(&mut self, kind: Kind, id: u64, payload: &[u8]) {
        // What is longer than a frame comes over the link.
        if payload.len() > PAYLOAD_MAX {
            self.send(kind, 0, id, payload);
        } else if self.inbox.post(kind, id, payload).expect("room") {
            self.send(Kind::Work, 0, 0, &[]);
        }
    }

    /// A plain GET and its answer.
    #[track_caller]
    pub(crate) fn get(&mut self, script: &str) -> Answer {
        let id = self.request(script, |_| {});
        self.answer(id)
    }

    /// A GET with a query.
    #[track_caller]
    pub(crate) fn query<'a>(&mut self, script: &'a str, query: &'a str) -> Answer {
        let id = self.request(script, |head| head.query = query.as_bytes());
        self.answer(id)
    }

    /// Collects an answer up to its end. `READY` behind it is not waited for.
    #[track_caller]
    pub(crate) fn answer(&mut self, id: u64) -> Answer {
        let mut answer = Answer::default();
        loop {
            let Some(message) = self.receive() else { return answer };
            match message.header.kind {
                Kind::Log => answer.logs.push(log_of(&message.payload)),
                Kind::Inform => {
                    let (head, _) = ResponseHead::decode(&message.payload).expect("a head");
                    answer.interim.push(head.status);
                }
                Kind::Response => {
                    assert_eq!(message.header.id, id);
                    if answer.take(&message) {
                        return answer;
                    }
                }
                other => panic!("{other:?} in an answer"),
            }
        }
    }
}

impl Answer {
    /// Takes one part; true at the end of the request.
    fn take(&mut self, message: &Message) -> bool {
        self.frames += 1;
        self.flags = message.header.flags;
        let mut body = &message.payload[..];
        if message.header.has(flag::HEAD) {
            let (head, rest) = ResponseHead::decode(&message.payload).expect("a head");
            self.status = head.status;
            self.headers =
                head.lines.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect();
            body = rest;
        }
        self.body.push_str(&String::from_utf8_lossy(body));
        self.whole |= message.header.has(flag::LAST);
        message.header.has(flag::DONE)
    }
}

fn log_of(payload: &[u8]) -> (Source, String) {
    let log = Log::decode(payload).expect("a log line");
    let text = String::from_utf8_lossy(log.message).into_owned();
    (log.source, text + &String::from_utf8_lossy(log.context))
}

/// Waits until something is true.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < DEADLINE, "{what} did not happen");
        std::thread::yield_now();
    }
}
