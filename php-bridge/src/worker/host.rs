//! The functions that the shim calls. Each turns pointers into slices and calls the worker.

use super::Worker;
use crate::text;
use php_sys::{Host, Str, Work};
use php_wire::frame::Kind;
use php_wire::response::{Head, Source};
use std::ffi::{c_char, c_int, c_void};

/// The table of functions, for the worker at `ctx`.
pub(super) fn functions(ctx: *mut c_void) -> Host {
    Host {
        ctx,
        next,
        head,
        inform,
        write,
        flush,
        read_body,
        finish,
        done,
        log,
        spawn,
        await_task,
        pool_size,
        task_done,
        duration,
        quote,
        forked,
    }
}

/// The worker behind a `ctx`.
///
/// # Safety
/// `ctx` is the pointer that [`functions`] was given, and no other reference to the
/// worker is alive: the shim calls these functions one at a time, from one thread.
unsafe fn worker<'a>(ctx: *mut c_void) -> &'a mut Worker {
    // SAFETY: the caller promises it.
    unsafe { &mut *ctx.cast() }
}

unsafe extern "C" fn next(ctx: *mut c_void, work: *mut Work) -> c_int {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    // SAFETY: the shim passes its own, zeroed or filled, structure.
    let work = unsafe { &mut *work };
    let Some(header) = worker.next() else { return php_sys::NEXT_END };
    if header.kind == Kind::Task {
        worker.begin_task(header.id, work);
        return php_sys::NEXT_TASK;
    }
    if worker.begin_request(header.id, work) {
        return php_sys::NEXT_REQUEST;
    }
    worker.log(Source::ErrorLog, 3, b"PHP worker got a malformed request", b"");
    php_sys::NEXT_END
}

/// The lines of a head.
///
/// # Safety
/// `lines` points at `count` strings that are valid during the call.
unsafe fn make_head<'a>(status: c_int, lines: *const Str, count: usize) -> Head<'a> {
    let lines = if count == 0 {
        &[]
    } else {
        // SAFETY: the caller promises it; with no lines the pointer may be anything.
        unsafe { std::slice::from_raw_parts(lines, count.min(usize::from(u16::MAX))) }
    };
    // SAFETY: the caller promises it.
    let lines = lines.iter().map(|line| unsafe { line.bytes() }).collect();
    Head { status: u16::try_from(status).unwrap_or(0), lines }
}

unsafe extern "C" fn head(ctx: *mut c_void, status: c_int, lines: *const Str, count: usize) {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    // SAFETY: the shim passes an array of its own over PHP's list, valid during the call.
    let head = unsafe { make_head(status, lines, count) };
    worker.answer.head(&head);
}

unsafe extern "C" fn inform(
    ctx: *mut c_void,
    status: c_int,
    lines: *const Str,
    count: usize,
) -> c_int {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    // SAFETY: the shim passes an array of its own over PHP's list, valid during the call.
    let head = unsafe { make_head(status, lines, count) };
    sent(worker.inform(&head))
}

unsafe extern "C" fn write(ctx: *mut c_void, data: *const c_char, len: usize) -> c_int {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    // SAFETY: PHP keeps the `len` bytes until the call is over.
    let data = unsafe { Str { ptr: data, len }.bytes() };
    sent(worker.write(data))
}

unsafe extern "C" fn flush(ctx: *mut c_void) -> c_int {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    sent(worker.flush())
}

unsafe extern "C" fn read_body(ctx: *mut c_void, buffer: *mut c_char, len: usize) -> usize {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    // SAFETY: PHP passes `len` bytes of its own to be written; what they hold is never read.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), len) };
    worker.read_body(buffer)
}

unsafe extern "C" fn finish(ctx: *mut c_void) {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    worker.answer.finish(&worker.link);
}

unsafe extern "C" fn done(ctx: *mut c_void, exits: bool) -> bool {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    worker.done(exits)
}

unsafe extern "C" fn log(ctx: *mut c_void, source: c_int, level: i64, message: Str, context: Str) {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    let source = if source == 1 { Source::Call } else { Source::ErrorLog };
    // SAFETY: PHP keeps the text until the call is over.
    let message = unsafe { message.bytes() };
    // SAFETY: as above.
    let context = unsafe { context.bytes() };
    worker.log(source, level, message, context);
}

unsafe extern "C" fn spawn(
    ctx: *mut c_void,
    pool: Str,
    has_class: bool,
    message: Str,
    task: *mut i64,
) -> c_int {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    // SAFETY: PHP keeps the name until the call is over.
    let pool = unsafe { pool.bytes() };
    // SAFETY: the shim keeps the message until the call is over.
    let message = unsafe { message.bytes() };
    match worker.spawn(pool, has_class, message) {
        Ok(id) => {
            // SAFETY: the shim passes a variable of its own.
            unsafe { *task = id.cast_signed() };
            php_sys::SPAWN_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn await_task(
    ctx: *mut c_void,
    task: i64,
    seconds: f64,
    text: *mut Str,
) -> c_int {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    let awaited = worker.await_task(task, seconds);
    if awaited == php_sys::AWAIT_ENVELOPE || awaited == php_sys::AWAIT_ERROR {
        // SAFETY: the shim passes a variable of its own.
        unsafe { *text = worker.lent() };
    }
    awaited
}

unsafe extern "C" fn pool_size(ctx: *mut c_void, pool: Str, size: *mut u32) -> c_int {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    // SAFETY: PHP keeps the name until the call is over.
    let pool = unsafe { pool.bytes() };
    match worker.pool_size(pool) {
        Ok(found) => {
            // SAFETY: the shim passes a variable of its own.
            unsafe { *size = found };
            php_sys::SPAWN_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn task_done(ctx: *mut c_void, outcome: c_int, text: Str) {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    // SAFETY: PHP keeps the text until the call is over.
    let text = unsafe { text.bytes() };
    worker.task_done(u8::from(outcome != 0), text);
}

unsafe extern "C" fn duration(ctx: *mut c_void, seconds: f64) -> Str {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    worker.lend_text(text::duration(seconds).into_bytes())
}

unsafe extern "C" fn quote(ctx: *mut c_void, name: Str) -> Str {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    // SAFETY: PHP keeps the name until the call is over.
    let name = unsafe { name.bytes() };
    worker.lend_text(text::quote(name).into_bytes())
}

/// Runs between `fork` and its return in the child: only async-signal-safe calls.
unsafe extern "C" fn forked(ctx: *mut c_void) {
    // SAFETY: the shim passes back the `ctx` it was given.
    let worker = unsafe { worker(ctx) };
    worker.link.leave_to_parent();
}

fn sent(taken: bool) -> c_int {
    if taken { php_sys::SENT } else { php_sys::GONE }
}
