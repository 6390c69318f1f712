//! The control link between the server and a zygote.
//!
//! Rare messages, so plain JSON, one a datagram. `Fork` carries the worker's end of its
//! link as a file descriptor, and behind that the memory of its inbox. The zygote is started
//! with the link as its standard input and the **lifeline** as its standard output: the read
//! end of a pipe whose only writer is the server. It moves both away (closed on exec) before
//! PHP starts, and puts `/dev/null` on 0 and standard error on 1. It arms the lifeline once
//! (`F_SETOWN` its process group, `F_SETSIG` `SIGKILL`, `O_ASYNC`), so the kernel ends the
//! zygote, its workers and whatever those started when the server is gone, however it went.

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Descriptor of the control link when the zygote starts.
pub const CONTROL_FD: i32 = 0;
/// Descriptor of the lifeline when the zygote starts.
pub const LIFELINE_FD: i32 = 1;
/// The longest control message.
pub const CONTROL_MAX: usize = 128 * 1024;

/// What a worker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerKind {
    /// Runs the request's script, once a request.
    Classic,
    /// Runs one script that stays up and takes requests by `frankenphp_handle_request`.
    Worker,
    /// The same, but takes tasks.
    Task,
}

/// Everything a worker is told at its birth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSpec {
    /// Unique in the server's life, below 2³¹.
    pub serial: u32,
    /// What it is for.
    pub kind: WorkerKind,
    /// What `ps` shows behind `pogo-php: `.
    pub title: String,
    /// The script of [`WorkerKind::Worker`] and [`WorkerKind::Task`], absolute.
    pub script: String,
    /// More environment of the worker script (`FRANKENPHP_WORKER` is added by the worker).
    pub env: Vec<(String, String)>,
    /// After how many requests or tasks it ends by itself; 0 is never.
    pub max_requests: u64,
    /// How long PHP's own way of stopping may take before the worker kills itself.
    pub grace_ms: u64,
}

/// Server to zygote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum ToZygote {
    /// First message: start PHP with these ini settings.
    Boot {
        /// [`crate::VERSION`] of the server.
        version: u32,
        /// `php_ini` of the configuration, applied after the distribution's files.
        ini: Vec<(String, String)>,
    },
    /// Fork a worker; its link's socket comes with the message, and behind that the memory of
    /// its inbox.
    Fork(WorkerSpec),
    /// Ask a worker in PHP's way to end what it does, if it still does `job`.
    Stop {
        /// Which worker.
        serial: u32,
        /// The request's or job's id, as in the frame that began it.
        job: u64,
    },
    /// End a worker with `SIGKILL`.
    Kill {
        /// Which worker.
        serial: u32,
    },
}

/// Zygote to server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "snake_case")]
pub enum FromZygote {
    /// PHP is up.
    Booted {
        /// [`crate::VERSION`] of the PHP host.
        version: u32,
        /// PHP's version, such as `8.2.30`.
        php: String,
        /// Whether PHP was built thread-safe.
        zts: bool,
        /// Whether opcache is up.
        opcache: bool,
    },
    /// PHP did not start, or speaks another version; the zygote ends.
    Failed {
        /// Why.
        error: String,
    },
    /// A worker lives. A descriptor of its process (pidfd) comes with the message, so that
    /// the server can end it and see its end when the zygote is gone; or none, where the
    /// system has no such descriptors.
    Forked {
        /// Which.
        serial: u32,
        /// Its process.
        pid: i32,
    },
    /// A worker could not be forked.
    ForkFailed {
        /// Which.
        serial: u32,
        /// Why.
        error: String,
    },
    /// A worker ended: by itself with a code, or by a signal.
    Exited {
        /// Which.
        serial: u32,
        /// Its process.
        pid: i32,
        /// Its exit code, when it ended by itself.
        code: Option<i32>,
        /// The signal, when one ended it.
        signal: Option<i32>,
    },
}

/// Exit code of a worker that ended as it should: drained, or its quota served.
pub const EXIT_OK: i32 = 0;
/// Exit code of a worker that ends because PHP bailed out of a request.
pub const EXIT_BAILOUT: i32 = 88;
/// Exit code of a worker whose script ended without ever asking for work.
pub const EXIT_NO_LOOP: i32 = 89;
/// Exit code of a worker that lost its server.
pub const EXIT_ORPHAN: i32 = 90;
/// Exit code of a worker that ends itself because PHP did not stop within the grace
/// after a time limit or a `Stop`. `_exit` is safe in the signal handler that decides
/// this, and unlike `SIGKILL` it cannot be taken for somebody else's kill.
pub const EXIT_OVER_LIMIT: i32 = 91;

/// How many descriptors a control message carries at most.
const FDS_MAX: usize = 2;

/// Sends a control message, with at most two descriptors.
pub fn send(socket: impl AsFd, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > CONTROL_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "control message too long"));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors"));
    }
    loop {
        let parts = [IoSlice::new(&bytes)];
        match rustix::net::sendmsg(&socket, &parts, &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Receives a control message and its descriptors; `None` means that the other end is gone.
///
/// # Errors
/// `WouldBlock` and `Interrupted` as the socket gives them; `InvalidData` for what is no message.
pub fn receive<T: for<'de> Deserialize<'de>>(
    socket: impl AsFd,
    flags: RecvFlags,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; CONTROL_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let n = loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        match rustix::net::recvmsg(&socket, &mut parts, &mut ancillary, flags) {
            Ok(m) => break m.bytes,
            // As in `frame::receive`: what was still sent comes behind this.
            Err(Errno::CONNRESET) => {}
            Err(e) => return Err(e.into()),
        }
    };
    if n == 0 {
        return Ok(None);
    }
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received);
        }
    }
    let message = serde_json::from_slice(&bytes[..n])
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    Ok(Some((message, fds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_message_and_its_descriptors_arrive() {
        let (a, b) = crate::frame::pair().expect("a socket pair");
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a stream pair");
        let spec = WorkerSpec {
            serial: 3,
            kind: WorkerKind::Task,
            title: "cpu".into(),
            script: "/w.php".into(),
            env: vec![("K".into(), "v".into())],
            max_requests: 0,
            grace_ms: 2000,
        };
        let message = ToZygote::Fork(spec);
        send(&a, &message, &[ours.as_fd(), theirs.as_fd()]).expect("sent");
        drop(theirs);
        let (got, mut fds) =
            receive::<ToZygote>(&b, RecvFlags::empty()).expect("io").expect("message");
        assert_eq!(got, message);
        let mut received = std::os::unix::net::UnixStream::from(fds.remove(1));
        received.write_all(b"hi").expect("written");
        drop(received);
        let mut text = String::new();
        (&ours).read_to_string(&mut text).expect("read");
        assert_eq!(text, "hi");
    }

    #[test]
    fn a_closed_end_is_end_of_file() {
        let (a, b) = crate::frame::pair().expect("a socket pair");
        drop(a);
        assert!(receive::<FromZygote>(&b, RecvFlags::empty()).expect("io").is_none());
    }
}
