//! Bindings to the C shim over PHP.
//!
//! `shim/shim.h` is the contract and says who owns what; this file repeats its
//! structures and declares its functions by hand. The shim is the only code that
//! includes PHP's headers, and no PHP type passes through here. This crate does not
//! know what a request is for, nor where its bytes come from.

#![expect(unsafe_code, reason = "declares the functions of the C shim")]

use std::ffi::{c_char, c_int, c_void};

/// How many CGI variables a request may have; the length of [`Work::vars`].
pub const VARS: usize = 26;
/// How many header names have a number.
pub const HEADERS: usize = 44;

/// Bytes with a NUL behind them that `len` does not count; `ptr` is null when absent.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Str {
    /// The first byte.
    pub ptr: *const c_char,
    /// How many there are.
    pub len: usize,
}

impl Str {
    /// A string that is not there.
    pub const ABSENT: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// Points at bytes whose owner must outlive every use of this, as the shim asks.
    pub const fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }

    /// The same for bytes that may be absent.
    pub const fn of_option(bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => Self::of(bytes),
            None => Self::ABSENT,
        }
    }

    /// The bytes; none when absent.
    ///
    /// # Safety
    /// `ptr` is null, or points at `len` bytes that live and stay unchanged for `'a`.
    pub const unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() {
            return &[];
        }
        // SAFETY: the caller promises `len` readable bytes for `'a`.
        unsafe { std::slice::from_raw_parts(self.ptr.cast(), self.len) }
    }
}

/// A request header.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Header {
    /// Its number in the table of known names, or 0 when `name` holds it.
    pub number: u16,
    /// Its name in canonical case.
    pub name: Str,
    /// Its value.
    pub value: Str,
}

/// A name and its value.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Pair {
    /// The name.
    pub name: Str,
    /// The value.
    pub value: Str,
}

/// What [`Host::next`] hands out: a request, or a task of which `id` and `message` count.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Work {
    /// The request's or job's id.
    pub id: u64,
    /// When the request was accepted, in nanoseconds since 1970.
    pub accepted_ns: u64,
    /// The announced length of the body; -1 when it is chunked.
    pub content_length: i64,
    /// HTTP's version as PHP counts it.
    pub proto: u16,
    /// The method.
    pub method: Str,
    /// Path and query as the client sent them.
    pub uri: Str,
    /// The query.
    pub query: Str,
    /// The script's file.
    pub script: Str,
    /// `PATH_TRANSLATED`.
    pub path_translated: Str,
    /// `Content-Type`.
    pub content_type: Str,
    /// `Cookie`.
    pub cookie: Str,
    /// `Authorization`.
    pub authorization: Str,
    /// The CGI variables, in the order of [`Names::vars`].
    pub vars: [Str; VARS],
    /// The headers.
    pub headers: *const Header,
    /// How many there are.
    pub headers_len: usize,
    /// The environment of the php handler.
    pub env: *const Pair,
    /// How many there are.
    pub env_len: usize,
    /// The message of a task.
    pub message: Str,
}

/// [`Host::next`]: there is no more work.
pub const NEXT_END: c_int = 0;
/// [`Host::next`]: a request.
pub const NEXT_REQUEST: c_int = 1;
/// [`Host::next`]: a task.
pub const NEXT_TASK: c_int = 2;

/// The bytes are on their way.
pub const SENT: c_int = 0;
/// The client is gone.
pub const GONE: c_int = 1;

/// [`Host::spawn`]: the task is on its way.
pub const SPAWN_OK: c_int = 0;
/// [`Host::spawn`]: there are no pools.
pub const SPAWN_UNCONFIGURED: c_int = 1;
/// [`Host::spawn`]: there is no such pool.
pub const SPAWN_UNKNOWN_POOL: c_int = 2;
/// [`Host::spawn`]: the pools take no more tasks.
pub const SPAWN_CLOSING: c_int = 3;
/// [`Host::spawn`]: the class is empty.
pub const SPAWN_NO_CLASS: c_int = 4;
/// [`Host::spawn`]: the message is too long.
pub const SPAWN_TOO_LONG: c_int = 5;

/// [`Host::await_task`]: the text is an envelope.
pub const AWAIT_ENVELOPE: c_int = 0;
/// [`Host::await_task`]: the text is an error.
pub const AWAIT_ERROR: c_int = 1;
/// [`Host::await_task`]: the time is over.
pub const AWAIT_TIMEOUT: c_int = 2;
/// [`Host::await_task`]: this request has no such task.
pub const AWAIT_UNKNOWN: c_int = 3;
/// [`Host::await_task`]: there are no pools.
pub const AWAIT_UNCONFIGURED: c_int = 4;
/// [`Host::await_task`]: PHP's time limit has passed.
pub const AWAIT_INTERRUPTED: c_int = 5;

/// What the shim calls; see `pogo_host` in `shim.h` for each.
///
/// None of these calls PHP, unwinds, or keeps a pointer it was given.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[expect(missing_docs, reason = "`shim.h` describes each at its declaration")]
pub struct Host {
    pub ctx: *mut c_void,
    pub next: unsafe extern "C" fn(*mut c_void, *mut Work) -> c_int,
    pub head: unsafe extern "C" fn(*mut c_void, c_int, *const Str, usize),
    pub inform: unsafe extern "C" fn(*mut c_void, c_int, *const Str, usize) -> c_int,
    pub write: unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> c_int,
    pub flush: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub read_body: unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> usize,
    pub finish: unsafe extern "C" fn(*mut c_void),
    pub done: unsafe extern "C" fn(*mut c_void, bool) -> bool,
    pub log: unsafe extern "C" fn(*mut c_void, c_int, i64, Str, Str),
    pub spawn: unsafe extern "C" fn(*mut c_void, Str, bool, Str, *mut i64) -> c_int,
    pub await_task: unsafe extern "C" fn(*mut c_void, i64, f64, *mut Str) -> c_int,
    pub pool_size: unsafe extern "C" fn(*mut c_void, Str, *mut u32) -> c_int,
    pub task_done: unsafe extern "C" fn(*mut c_void, c_int, Str),
    pub duration: unsafe extern "C" fn(*mut c_void, f64) -> Str,
    pub quote: unsafe extern "C" fn(*mut c_void, Str) -> Str,
    pub forked: unsafe extern "C" fn(*mut c_void),
}

/// Names that both sides know: tables of [`VARS`], [`HEADERS`] and [`HEADERS`] strings.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Names {
    /// CGI variables.
    pub vars: *const Str,
    /// Header names as HTTP has them.
    pub headers: *const Str,
    /// The same as `$_SERVER` has them.
    pub header_vars: *const Str,
}

/// What PHP said of itself when it was up.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BootInfo {
    /// Its version; lives as long as the process.
    pub php_version: *const c_char,
    /// Whether it is thread-safe.
    pub zts: bool,
    /// Whether opcache is up.
    pub opcache: bool,
}

/// How a worker is to run.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct WorkerConfig {
    /// What it asks for data.
    pub host: Host,
    /// The resident script; null for a classic worker.
    pub script: *const c_char,
    /// Whether the script takes tasks.
    pub tasks: bool,
    /// How long PHP may take to stop.
    pub grace_ns: i64,
    /// The zygote, which alone may ask for a stop.
    pub zygote_pid: c_int,
}

/// The exit codes that [`pogo_worker_run`] returns.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ExitCodes {
    /// Drained, or its quota served.
    pub ok: c_int,
    /// PHP bailed out of a request.
    pub bailout: c_int,
    /// The script never asked for work.
    pub no_loop: c_int,
    /// PHP did not stop within the grace.
    pub limit: c_int,
}

unsafe extern "C" {
    /// Starts PHP in a process of one thread; false when it does not start.
    pub fn pogo_boot(names: *const Names, ini: *mut c_char, info: *mut BootInfo) -> bool;
    /// What PHP logged while it started.
    pub fn pogo_boot_messages() -> Str;
    /// The version of PHP that the shim was compiled against.
    pub fn pogo_php_version() -> *const c_char;
    /// Serves until there is no more work; returns the exit code.
    pub fn pogo_worker_run(config: *const WorkerConfig, codes: ExitCodes) -> c_int;
    /// The signal by which the zygote asks for a stop.
    pub fn pogo_limit_signal() -> c_int;
    /// Whether the running work was told to stop.
    pub fn pogo_stopping() -> bool;
    /// PHP's command line.
    pub fn pogo_cli(
        argc: c_int,
        argv: *mut *mut c_char,
        script: *const c_char,
        is_code: bool,
    ) -> c_int;
}
