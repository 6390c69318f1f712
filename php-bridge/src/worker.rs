//! A worker: what PHP is given, and what becomes of what it says.
//!
//! The shim runs PHP and calls the functions of [`host`] for data. Each is a leaf: it
//! touches only this worker's memory and its link, calls nothing of PHP, and a panic in
//! it ends the process instead of unwinding into C.

#![expect(unsafe_code, reason = "PHP's side of the worker is C")]

mod host;
mod intake;

use crate::answer::Answer;
use crate::body::Body;
use crate::link::Link;
use crate::tasks::{Ended, NoPool, Tasks};
use intake::Patience;
use php_sys::{Header, Pair, Str, Work};
use php_wire::codec::Writer;
use php_wire::control::{
    EXIT_BAILOUT, EXIT_NO_LOOP, EXIT_OK, EXIT_OVER_LIMIT, WorkerKind, WorkerSpec,
};
use php_wire::frame::{self, Kind, MESSAGE_MAX, PAYLOAD_MAX, flag};
use php_wire::request::Head;
use php_wire::response::{Log, Source};
use php_wire::task::Spawn;
use std::ffi::CString;
use std::time::{Duration, Instant};

/// How much output outside a request is collected for one line of the log.
const OUTSIDE_MAX: usize = 4096;

/// What a worker is doing, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Current {
    /// Nothing: it boots, waits, or its script does something between two requests.
    None,
    /// It answers a request.
    Request,
    /// It runs a task; `reported` once the server knows how it ended.
    Task { id: u64, reported: bool },
}

/// Everything a worker knows.
#[derive(Debug)]
struct Worker {
    kind: WorkerKind,
    link: Link,
    current: Current,
    answer: Answer,
    body: Body,
    tasks: Tasks,
    /// A request or task that has arrived, and its payload.
    arrived: Option<frame::Header>,
    arriving: Vec<u8>,
    /// The payload of what PHP works on, at which its strings point.
    payload: Vec<u8>,
    headers: Vec<Header>,
    env: Vec<Pair>,
    /// Output outside a request, on its way to the log.
    outside: Vec<u8>,
    /// The text that PHP was last given.
    lent: Vec<u8>,
    /// Whether the server knows that this worker is idle.
    announced: bool,
    /// When the request or task began.
    began_at: Option<Instant>,
    /// When the last request ended, until the script asks for the next or says something.
    ended_at: Option<Instant>,
    /// How much work was begun since frames were last looked for.
    unlooked: u32,
    /// How many requests or tasks came one after the other, without a pause between them.
    in_a_row: u32,
    /// Whether the last work came so soon after the one before that this may be so again.
    is_wanted: bool,
    /// When this worker last looked for another table of pools.
    looked_at: Option<Instant>,
    /// Whether the script came straight and silently back for work after the request before.
    swift: bool,
    draining: bool,
    served: u64,
    max_requests: u64,
}

/// Runs a worker in a freshly forked process, to its end; returns its exit code.
pub(crate) fn run(spec: &WorkerSpec, link: Link, zygote_pid: i32) -> i32 {
    set_environment(spec);
    let mut worker = Box::new(Worker::new(spec, link));
    let script = CString::new(spec.script.as_bytes()).unwrap_or_default();
    let resident = spec.kind != WorkerKind::Classic;
    let config = php_sys::WorkerConfig {
        host: host::functions((&raw mut *worker).cast()),
        script: if resident { script.as_ptr() } else { std::ptr::null() },
        tasks: spec.kind == WorkerKind::Task,
        grace_ns: i64::try_from(spec.grace_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000),
        zygote_pid,
    };
    let codes = php_sys::ExitCodes {
        ok: EXIT_OK,
        bailout: EXIT_BAILOUT,
        no_loop: EXIT_NO_LOOP,
        limit: EXIT_OVER_LIMIT,
    };
    // SAFETY: PHP is up (the zygote saw to it), this is the only thread, and `config`
    // with all it points at lives until the call is over.
    let code = unsafe { php_sys::pogo_worker_run(&raw const config, codes) };
    worker.log_outside();
    code
}

/// Whether PHP was told to stop what it does.
pub(crate) fn stopping() -> bool {
    // SAFETY: reads one flag of PHP's, which is up in every worker.
    unsafe { php_sys::pogo_stopping() }
}

fn set_environment(spec: &WorkerSpec) {
    if spec.kind == WorkerKind::Classic {
        return;
    }
    let own = ("FRANKENPHP_WORKER".to_owned(), "1".to_owned());
    for (name, value) in spec.env.iter().chain([&own]) {
        let usable = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
        if usable {
            // SAFETY: this is the only thread.
            unsafe { std::env::set_var(name, value) };
        }
    }
}

impl Worker {
    fn new(spec: &WorkerSpec, link: Link) -> Self {
        Self {
            kind: spec.kind,
            link,
            current: Current::None,
            answer: Answer::default(),
            body: Body::default(),
            tasks: Tasks::new(spec.serial),
            arrived: None,
            arriving: Vec::new(),
            payload: Vec::new(),
            headers: Vec::new(),
            env: Vec::new(),
            outside: Vec::new(),
            lent: Vec::new(),
            announced: false,
            began_at: None,
            ended_at: None,
            unlooked: 0,
            in_a_row: 0,
            is_wanted: false,
            looked_at: None,
            swift: false,
            draining: false,
            served: 0,
            max_requests: spec.max_requests,
        }
    }

    /// Points `work` at a request's parts. False when the request is malformed.
    fn begin_request(&mut self, id: u64, work: &mut Work) -> bool {
        let Ok(head) = Head::decode(&self.payload) else {
            return false;
        };
        self.headers.clear();
        self.headers.extend(head.headers.iter().map(|(number, name, value)| Header {
            number: *number,
            name: Str::of(name),
            value: Str::of(value),
        }));
        self.env.clear();
        let pairs = head.env.iter();
        self.env.extend(pairs.map(|(n, v)| Pair { name: Str::of(n), value: Str::of(v) }));
        self.tasks.clear();
        self.answer.begin(id);
        self.body.begin(head.body, head.body_complete);
        *work = Work {
            id,
            accepted_ns: head.accepted_ns,
            content_length: head.content_length,
            proto: head.proto,
            method: Str::of(head.method),
            uri: Str::of(head.request_uri),
            query: Str::of(head.query),
            script: Str::of(head.script),
            path_translated: Str::of_option(head.path_translated),
            content_type: Str::of_option(head.content_type),
            cookie: Str::of_option(head.cookie),
            authorization: Str::of_option(head.authorization),
            vars: head.vars.map(Str::of_option),
            headers: self.headers.as_ptr(),
            headers_len: self.headers.len(),
            env: self.env.as_ptr(),
            env_len: self.env.len(),
            message: Str::ABSENT,
        };
        self.begin(Current::Request);
        true
    }

    fn begin_task(&mut self, id: u64, work: &mut Work) {
        self.tasks.clear();
        work.id = id;
        work.accepted_ns = 0;
        work.env_len = 0;
        work.headers_len = 0;
        // PHP's strings end with a NUL; a message does not travel with one.
        self.payload.push(0);
        work.message = Str::of(&self.payload[..self.payload.len() - 1]);
        self.begin(Current::Task { id, reported: false });
    }

    fn begin(&mut self, what: Current) {
        self.current = what;
        self.began_at = Some(Instant::now());
    }

    /// How many microseconds the current request or task has lasted at this time; see
    /// [`frame::Header::took`].
    fn took(&self, now: Instant) -> u16 {
        let took = self.began_at.map_or(Duration::MAX, |at| now.duration_since(at));
        u16::try_from(took.as_micros()).unwrap_or(u16::MAX)
    }

    /// Bytes that a script printed: of the answer, or for the log. False when the client is gone.
    fn write(&mut self, data: &[u8]) -> bool {
        if self.current == Current::Request {
            if self.answer.would_send(data.len()) {
                self.take_frames();
            }
            self.answer.write(&self.link, data);
            return !self.answer.gone();
        }
        self.outside.extend_from_slice(data);
        if self.outside.len() >= OUTSIDE_MAX {
            self.log_outside();
        }
        true
    }

    fn flush(&mut self) -> bool {
        self.take_frames();
        self.answer.flush(&self.link);
        !self.answer.gone()
    }

    fn inform(&mut self, head: &php_wire::response::Head<'_>) -> bool {
        let mut w = Writer::default();
        head.encode(&mut w);
        self.link.send((Kind::Inform, 0, self.answer.id()), [&w.0, &[]]);
        !self.answer.gone()
    }

    fn read_body(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        let mut asked = false;
        while filled < buffer.len() && !self.body.at_end() {
            if !self.body.is_empty() {
                filled += self.body.read(&mut buffer[filled..]);
                asked = false;
                continue;
            }
            if !asked {
                let want = u32::try_from(PAYLOAD_MAX).unwrap_or(u32::MAX).to_le_bytes();
                self.link.send((Kind::Want, 0, self.answer.id()), [&want, &[]]);
                asked = true;
            }
            if !self.take_frame(true) && stopping() {
                break;
            }
        }
        filled
    }

    /// The current work is over. Returns whether the process shall end.
    fn done(&mut self, exits: bool) -> bool {
        self.log_outside();
        self.served += u64::from(self.current != Current::None);
        let enough = self.enough(self.served);
        let leaving = exits || enough;
        match std::mem::replace(&mut self.current, Current::None) {
            Current::Request => {
                let classic = self.kind == WorkerKind::Classic;
                let flags = match (leaving, classic || self.swift) {
                    (true, _) => flag::EXIT,
                    (false, true) => flag::IDLE,
                    (false, false) => 0,
                };
                self.announced = flags == flag::IDLE;
                let now = Instant::now();
                let took = self.took(now);
                self.ended_at = (!classic).then_some(now);
                self.answer.end(&self.link, flags, took);
            }
            Current::Task { id, reported } => {
                self.ended_at = Some(Instant::now());
                if !reported {
                    let flags = if leaving { flag::EXIT } else { 0 };
                    self.send_outcome(id, flags, 1, b"Pogo worker returned an error");
                }
            }
            Current::None => {}
        }
        self.tasks.clear();
        leaving
    }

    fn enough(&self, served: u64) -> bool {
        self.draining || (self.max_requests != 0 && served >= self.max_requests)
    }

    /// How the current task ended.
    fn task_done(&mut self, tag: u8, text: &[u8]) {
        let Current::Task { id, reported: false } = self.current else { return };
        self.log_outside();
        let flags = match (self.enough(self.served + 1), self.swift) {
            (true, _) => flag::EXIT,
            (false, true) => flag::IDLE,
            (false, false) => 0,
        };
        self.announced = flags == flag::IDLE;
        if text.len() < MESSAGE_MAX {
            self.send_outcome(id, flags, tag, text);
        } else {
            self.send_outcome(id, flags, 1, b"Pogo worker returned a result that is too large");
        }
        self.current = Current::Task { id, reported: true };
    }

    fn send_outcome(&mut self, id: u64, flags: u8, tag: u8, text: &[u8]) {
        let header = frame::Header::from((Kind::TaskDone, flags, id));
        let took = self.took(Instant::now());
        self.link.send(frame::Header { took, ..header }, [&[tag], text]);
    }

    fn log(&mut self, source: Source, level: i64, message: &[u8], context: &[u8]) {
        self.log_outside();
        self.send_log(&Log { source, level, message, context });
    }

    fn send_log(&mut self, log: &Log<'_>) {
        let mut w = Writer::default();
        log.encode(&mut w);
        let id = match self.current {
            Current::Request => self.answer.id(),
            Current::Task { id, .. } => id,
            Current::None => {
                self.ended_at = None;
                0
            }
        };
        self.link.send((Kind::Log, 0, id), [&w.0, &[]]);
    }

    /// Sends to the log what was printed outside a request.
    fn log_outside(&mut self) {
        if self.outside.is_empty() {
            return;
        }
        let message = std::mem::take(&mut self.outside);
        self.send_log(&Log { source: Source::Output, level: 6, message: &message, context: b"" });
        self.outside = message;
        self.outside.clear();
    }

    /// Spawns a task. The checks come in the order that callers see.
    fn spawn(&mut self, pool: &[u8], has_class: bool, message: &[u8]) -> Result<u64, i32> {
        self.take_news();
        let (number, _) = self.tasks.pool(pool).map_err(pool_code)?;
        if !has_class {
            return Err(php_sys::SPAWN_NO_CLASS);
        }
        if self.tasks.closing() {
            return Err(pool_code(NoPool::Closing));
        }
        if message.len() >= MESSAGE_MAX {
            return Err(php_sys::SPAWN_TOO_LONG);
        }
        if self.current == Current::None {
            self.ended_at = None;
        }
        let id = self.tasks.open();
        let mut w = Writer::default();
        Spawn::encode_head(number, &mut w);
        self.link.send((Kind::Spawn, 0, id), [&w.0, message]);
        Ok(id)
    }

    fn pool_size(&mut self, pool: &[u8]) -> Result<u32, i32> {
        self.take_news();
        self.tasks.pool(pool).map(|(_, size)| size).map_err(pool_code)
    }

    /// Waits for a task; its text is then in `lent`.
    fn await_task(&mut self, id: i64, seconds: f64) -> i32 {
        let id = u64::try_from(id).unwrap_or(0);
        if !self.tasks.configured() {
            return php_sys::AWAIT_UNCONFIGURED;
        }
        if !self.tasks.is_open(id) {
            return php_sys::AWAIT_UNKNOWN;
        }
        // Too long to count is forever.
        let wait = Duration::try_from_secs_f64(seconds).ok();
        let until = wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut announced = self.kind != WorkerKind::Task;
        let mut patience =
            if self.tasks.are_together() { Patience::WhileOthersRun } else { Patience::Fixed };
        loop {
            if let Some(ended) = self.tasks.take(id) {
                return self.lend(ended);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                self.tasks.forget(id);
                self.link.signal(Kind::Forget, id);
                return php_sys::AWAIT_TIMEOUT;
            }
            if !announced {
                // The server looks for circles of workers that wait for each other.
                self.link.signal(Kind::Await, id);
                announced = true;
            }
            // One frame at a time: most often it is the one that was waited for.
            if !self.linger(patience, |worker| worker.take_frame(false)) {
                let _ = self.link.wait(until);
            }
            patience = Patience::WhileOthersRun;
            if stopping() {
                return php_sys::AWAIT_INTERRUPTED;
            }
        }
    }

    fn lend(&mut self, ended: Ended) -> i32 {
        self.lend_text(ended.text);
        if ended.envelope { php_sys::AWAIT_ENVELOPE } else { php_sys::AWAIT_ERROR }
    }

    /// Keeps a text, with a NUL behind it, until the next one.
    fn lend_text(&mut self, mut text: Vec<u8>) -> Str {
        text.push(0);
        self.lent = text;
        self.lent()
    }

    fn lent(&self) -> Str {
        Str::of(&self.lent[..self.lent.len() - 1])
    }
}

fn pool_code(why: NoPool) -> i32 {
    match why {
        NoPool::Unconfigured => php_sys::SPAWN_UNCONFIGURED,
        NoPool::Unknown => php_sys::SPAWN_UNKNOWN_POOL,
        NoPool::Closing => php_sys::SPAWN_CLOSING,
    }
}
