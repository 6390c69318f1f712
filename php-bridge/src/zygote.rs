//! The zygote: starts PHP once, forks workers on demand, reports how they ended.
//!
//! It is single-threaded and serves nothing. Its two descriptors, and what becomes of
//! its processes when the server dies, are described in [`php_wire::control`].

#![expect(unsafe_code, reason = "forks, and starts PHP through the shim")]

use crate::link::Link;
use crate::title::Title;
use crate::{complain, worker};
use php_sys::{BootInfo, Names, Str};
use php_wire::control::{self, CONTROL_FD, FromZygote, LIFELINE_FD, ToZygote, WorkerSpec};
use php_wire::known;
use php_wire::ring::Taking;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::net::RecvFlags;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

struct Zygote {
    control: OwnedFd,
    /// Kept open by the zygote and its workers, so that the kernel has whom to signal.
    _lifeline: OwnedFd,
    /// Becomes readable when a child has ended.
    deaths: OwnedFd,
    children: Vec<Child>,
    title: Title,
}

struct Child {
    serial: u32,
    pid: i32,
}

/// Runs until the server is gone.
pub(crate) fn run() -> ExitCode {
    match start() {
        Ok(mut zygote) => {
            zygote.serve();
            zygote.kill_all();
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("pogo-php: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn start() -> io::Result<Zygote> {
    let title = Title::take();
    ask_for_short_slices();
    let (control, lifeline) = take_links()?;
    hold_lifeline(&lifeline)?;
    title.show("pogo-php: zygote");
    let ini = match control::receive::<ToZygote>(&control, RecvFlags::empty())? {
        Some((ToZygote::Boot { version, ini }, _)) if version == php_wire::VERSION => ini,
        Some((ToZygote::Boot { version, .. }, _)) => {
            let error = format!("speaks wire version {}, not {version}", php_wire::VERSION);
            return Err(refuse(&control, error));
        }
        Some(_) => return Err(refuse(&control, "the first message must be boot".into())),
        None => return Err(io::Error::other("the server is gone")),
    };
    let booted = boot(&ini).map_err(|error| refuse(&control, error))?;
    // Only now: extensions that run a program while they start wait for it themselves.
    let deaths = watch_children()?;
    control::send(&control, &booted, &[])?;
    Ok(Zygote { control, _lifeline: lifeline, deaths, children: Vec::new(), title })
}

/// Tells the server why it will have no workers from here.
fn refuse(control: &OwnedFd, error: String) -> io::Error {
    let _ = control::send(control, &FromZygote::Failed { error: error.clone() }, &[]);
    io::Error::other(error)
}

/// Moves the links away from 0 and 1, which PHP's scripts know, and fills their place.
fn take_links() -> io::Result<(OwnedFd, OwnedFd)> {
    let high = |fd: i32| -> io::Result<OwnedFd> {
        // SAFETY: the descriptor may be closed, which the call then reports.
        let low = unsafe { BorrowedFd::borrow_raw(fd) };
        Ok(rustix::io::fcntl_dupfd_cloexec(low, 3)?)
    };
    let links = (high(CONTROL_FD)?, high(LIFELINE_FD)?);
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    for (from, to) in
        [(null.as_raw_fd(), libc::STDIN_FILENO), (libc::STDERR_FILENO, libc::STDOUT_FILENO)]
    {
        // SAFETY: both descriptors are open, and what `to` was lives on in `links`.
        if unsafe { libc::dup2(from, to) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(links)
}

/// Lets the kernel end this process group when the last writer of the lifeline is gone.
fn hold_lifeline(lifeline: &OwnedFd) -> io::Result<()> {
    let fd = lifeline.as_raw_fd();
    let group = -std::process::id().cast_signed();
    // SAFETY: these calls take integers and change only this process and its descriptor.
    let armed = unsafe { libc::setpgid(0, 0) } == 0
        // SAFETY: as above; a negative owner is a process group.
        && unsafe { libc::fcntl(fd, libc::F_SETOWN, group) } == 0
        // SAFETY: as above.
        && unsafe { libc::fcntl(fd, F_SETSIG, libc::SIGKILL) } == 0
        // SAFETY: as above.
        && unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_ASYNC) } == 0;
    if !armed {
        return Err(io::Error::last_os_error());
    }
    // The server may have died before the kernel was asked to watch it.
    let mut fds = [PollFd::new(lifeline, PollFlags::IN)];
    let none = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut fds, Some(&none)) {
        Ok(0) => Ok(()),
        _ => Err(io::Error::other("the server is gone")),
    }
}

/// `fcntl`'s command on Linux, which `libc` does not name.
const F_SETSIG: i32 = 10;

/// Starts PHP.
fn boot(ini: &[(String, String)]) -> Result<FromZygote, String> {
    let ini = ini_lines(ini)?;
    let table = |of: fn(usize) -> &'static str, len: usize| -> Vec<Str> {
        (0..len).map(|i| Str::of(of(i).as_bytes())).collect()
    };
    let vars = table(|i| known::VARS[i], known::VARS.len());
    let headers = table(|i| known::HEADERS[i].0, known::HEADERS.len());
    let header_vars = table(|i| known::HEADERS[i].1, known::HEADERS.len());
    const { assert!(known::VARS.len() == php_sys::VARS) };
    const { assert!(known::HEADERS.len() == php_sys::HEADERS) };
    let names =
        Names { vars: vars.as_ptr(), headers: headers.as_ptr(), header_vars: header_vars.as_ptr() };
    let mut info = BootInfo { php_version: c"".as_ptr(), zts: false, opcache: false };
    // SAFETY: this is the only thread, PHP was not started before, the tables are as long
    // as the shim's (asserted above), and `ini` is never freed.
    let up = unsafe { php_sys::pogo_boot(&raw const names, ini.into_raw(), &raw mut info) };
    let messages = boot_messages();
    if !up {
        let why = if messages.is_empty() { "no reason given" } else { messages.trim_end() };
        return Err(format!("PHP did not start: {why}"));
    }
    if !messages.is_empty() {
        complain(messages.trim_end());
    }
    // SAFETY: the shim set it to a string literal.
    let php = unsafe { CStr::from_ptr(info.php_version) }.to_string_lossy().into_owned();
    let BootInfo { zts, opcache, .. } = info;
    Ok(FromZygote::Booted { version: php_wire::VERSION, php, zts, opcache })
}

/// The lines that PHP reads behind the distribution's files.
fn ini_lines(ini: &[(String, String)]) -> Result<CString, String> {
    let mut lines = String::new();
    for (name, value) in ini {
        if name.contains(['\n', '\r', '\0', '=']) || value.contains(['\n', '\r', '\0']) {
            return Err(format!("php_ini {name:?} has a character that php.ini cannot hold"));
        }
        let quote = if must_be_quoted(value) { "\"" } else { "" };
        lines.extend([name, "=", quote, value, quote, "\n"]);
    }
    CString::new(lines).map_err(|e| e.to_string())
}

/// Whether php.ini's grammar would refuse a value (`tcp://redis?auth=x`), and with it all
/// lines behind, or cut it short (`5;/tmp`). Others may be expressions, such as
/// `E_ALL & ~E_NOTICE`, or be quoted already.
fn must_be_quoted(value: &str) -> bool {
    value.contains(['=', ';']) && !value.contains('"') && !value.starts_with('\'')
}

fn boot_messages() -> String {
    // SAFETY: the function has no preconditions.
    let text = unsafe { php_sys::pogo_boot_messages() };
    // SAFETY: the shim keeps the text until a worker runs, and it is copied here.
    let text = unsafe { text.bytes() };
    String::from_utf8_lossy(text).into_owned()
}

/// Asks the scheduler for short slices of time, for this process and all that it forks. A
/// worker that lets others run waits for a slice of theirs; with the usual ones of some
/// milliseconds that is what the slowest requests of a busy server wait for. Kernels before
/// 6.12 take no notice.
fn ask_for_short_slices() {
    const SLICE: Duration = Duration::from_micros(500);
    // SAFETY: it is a plain structure, of which all bytes may be zero.
    let mut attr: libc::sched_attr = unsafe { std::mem::zeroed() };
    let size = u32::try_from(size_of_val(&attr)).unwrap_or(0);
    // SAFETY: the kernel writes at most `size` bytes into it.
    let known = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attr, size, 0) };
    let is_usual = i32::try_from(attr.sched_policy) == Ok(libc::SCHED_OTHER);
    if known != 0 || !is_usual {
        // Somebody has other plans for this process.
        return;
    }
    attr.sched_runtime = u64::try_from(SLICE.as_nanos()).unwrap_or(0);
    // SAFETY: the structure is initialised and lives through the call. A refusal costs speed.
    let _ = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw mut attr, 0) };
}

/// A descriptor that tells of ended children. Their signal is blocked for that.
fn watch_children() -> io::Result<OwnedFd> {
    let mask = signal_set(&[libc::SIGCHLD]);
    set_mask(&mask)?;
    // SAFETY: `mask` is initialised; the call makes a new descriptor.
    let fd = unsafe { libc::signalfd(-1, &raw const mask, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn signal_set(signals: &[i32]) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: it was just initialised.
    let mut set = unsafe { set.assume_init() };
    for signal in signals {
        // SAFETY: the set is initialised and the number a signal's.
        unsafe { libc::sigaddset(&raw mut set, *signal) };
    }
    set
}

fn set_mask(mask: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: the set is initialised; the old one is not asked for.
    match unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Zygote {
    fn serve(&mut self) {
        loop {
            let mut fds = [
                PollFd::new(&self.control, PollFlags::IN),
                PollFd::new(&self.deaths, PollFlags::IN),
            ];
            if poll(&mut fds, None).is_err() {
                continue;
            }
            let (asked, died) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
            if died {
                self.bury();
            }
            if asked && !self.obey() {
                return;
            }
        }
    }

    /// Carries out one message; false when the server is gone.
    fn obey(&mut self) -> bool {
        match control::receive::<ToZygote>(&self.control, RecvFlags::DONTWAIT) {
            Ok(None) => return false,
            Ok(Some((ToZygote::Fork(spec), fds))) => match link_of(fds) {
                Ok(link) => self.fork(&spec, link),
                Err(e) => {
                    let error = e.to_string();
                    self.tell(&FromZygote::ForkFailed { serial: spec.serial, error });
                }
            },
            Ok(Some((ToZygote::Stop { serial, job }, _))) => self.stop(serial, job),
            Ok(Some((ToZygote::Kill { serial }, _))) => self.kill(serial),
            Ok(Some((ToZygote::Boot { .. }, _))) => {}
            Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                complain(&format!("pogo-php: bad control message: {e}"));
            }
            Err(_) => {}
        }
        true
    }

    fn tell(&self, message: &FromZygote) {
        // When the server is gone the next look at the link says so.
        let _ = control::send(&self.control, message, &[]);
    }

    fn fork(&mut self, spec: &WorkerSpec, link: Link) {
        let zygote = std::process::id().cast_signed();
        // SAFETY: this process has one thread, so the child's memory is consistent.
        match unsafe { libc::fork() } {
            0 => self.live_as_worker(spec, link, zygote),
            -1 => {
                let error = io::Error::last_os_error().to_string();
                self.tell(&FromZygote::ForkFailed { serial: spec.serial, error });
            }
            pid => {
                self.children.push(Child { serial: spec.serial, pid });
                let forked = FromZygote::Forked { serial: spec.serial, pid };
                // Not reaped yet, however soon it ended: the number is this child's.
                let process = rustix::process::Pid::from_raw(pid).and_then(|pid| {
                    let none = rustix::process::PidfdFlags::empty();
                    rustix::process::pidfd_open(pid, none).ok()
                });
                // When the server is gone the next look at the link says so.
                let _ = control::send(
                    &self.control,
                    &forked,
                    process.as_ref().map(AsFd::as_fd).as_slice(),
                );
            }
        }
    }

    /// The child's whole life.
    fn live_as_worker(&self, spec: &WorkerSpec, link: Link, zygote: i32) -> ! {
        for fd in [self.control.as_fd(), self.deaths.as_fd()] {
            // SAFETY: the child uses neither again, and never drops its copy of `self`.
            unsafe { libc::close(fd.as_raw_fd()) };
        }
        let _ = set_mask(&signal_set(&[]));
        self.title.show(&format!("pogo-php: {}", spec.title));
        let life = std::panic::AssertUnwindSafe(|| worker::run(spec, link, zygote));
        let code = std::panic::catch_unwind(life).unwrap_or(70);
        // SAFETY: `_exit` runs neither PHP's module shutdown nor our destructors, which
        // are the zygote's.
        unsafe { libc::_exit(code) }
    }

    /// Reports every child that has ended.
    fn bury(&mut self) {
        let mut unread = [0_u8; 1024];
        while rustix::io::read(&self.deaths, &mut unread).is_ok_and(|n| n > 0) {}
        loop {
            let mut status = 0;
            // SAFETY: `status` is a variable of this function.
            let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
            if pid <= 0 {
                return;
            }
            let Some(at) = self.children.iter().position(|c| c.pid == pid) else { continue };
            let Child { serial, pid } = self.children.swap_remove(at);
            let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
            let signal = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
            self.tell(&FromZygote::Exited { serial, pid, code, signal });
        }
    }

    fn pid_of(&self, serial: u32) -> Option<i32> {
        self.children.iter().find(|c| c.serial == serial).map(|c| c.pid)
    }

    /// Asks a worker in PHP's way to stop `job`; it looks itself whether it still does that.
    fn stop(&self, serial: u32, job: u64) {
        let Some(pid) = self.pid_of(serial) else { return };
        let Ok(job) = usize::try_from(job) else { return };
        let value = libc::sigval { sival_ptr: std::ptr::without_provenance_mut(job) };
        // SAFETY: the function has no preconditions.
        let signal = unsafe { php_sys::pogo_limit_signal() };
        // SAFETY: the process is a child that was not waited for, so the number is its own.
        unsafe { libc::sigqueue(pid, signal, value) };
    }

    fn kill(&self, serial: u32) {
        if let Some(pid) = self.pid_of(serial) {
            // SAFETY: as in `stop`.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }

    fn kill_all(&self) {
        for child in &self.children {
            // SAFETY: as in `stop`.
            unsafe { libc::kill(child.pid, libc::SIGKILL) };
        }
    }
}

/// A worker's end of its link and its inbox, from the descriptors that came for it.
fn link_of(fds: Vec<OwnedFd>) -> io::Result<Link> {
    let Ok([link, inbox]) = <[OwnedFd; 2]>::try_from(fds) else {
        return Err(io::Error::other("the message had no link and inbox"));
    };
    Ok(Link::new(link, Taking::open(inbox)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: &str) {
        let lines = ini_lines(&[("name".to_owned(), value.to_owned())]).expect("a good value");
        assert_eq!(lines.to_str(), Ok(format!("name={expected}\n").as_str()));
    }

    #[test]
    fn a_value_that_php_ini_would_misread_is_quoted() {
        check("128M", "128M");
        check("E_ALL & ~E_NOTICE", "E_ALL & ~E_NOTICE");
        check("tcp://redis:6379?auth=x", "\"tcp://redis:6379?auth=x\"");
        check("5;/tmp", "\"5;/tmp\"");
        check("\"a=b\"", "\"a=b\"");
        check("'a=b'", "'a=b'");
    }

    #[test]
    fn a_line_of_php_ini_cannot_be_smuggled_in() {
        for value in ["1\nauto_prepend_file=x", "1\rauto_prepend_file=x", "1\0"] {
            assert!(ini_lines(&[("name".to_owned(), value.to_owned())]).is_err());
        }
    }
}
