//! The zygote's end in the server: starting it, giving it orders, hearing its reports.
//!
//! The zygote is `pogo-php`, started with its control link as standard input and its
//! lifeline as standard output (see [`php_wire::control`]). Standard error is ours: what
//! PHP says before it can report is seen by whoever started the server. When the
//! [`Zygote`] is dropped, the kernel kills the zygote and every worker it forked.

use super::link::watched;
use php_wire::control::{FromZygote, ToZygote, WorkerSpec};
use php_wire::frame;
use rustix::net::RecvFlags;
use rustix::pipe::PipeFlags;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long PHP may take to start.
const BOOT_MAX: Duration = Duration::from_secs(30);
/// How long a zygote may take to end once its control link is closed.
const END_MAX: Duration = Duration::from_secs(2);

/// A running zygote.
#[derive(Debug)]
pub(crate) struct Zygote {
    control: AsyncFd<OwnedFd>,
    child: Child,
    /// Held open: the zygote and its workers live as long as this does.
    lifeline: OwnedFd,
}

/// What a zygote says about its PHP when it is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhpInfo {
    /// PHP's version, such as `8.2.30`.
    pub version: String,
    /// Whether PHP was built thread-safe.
    pub zts: bool,
    /// Whether opcache is up.
    pub opcache: bool,
}

/// Why there is no zygote.
#[derive(Debug, thiserror::Error)]
pub enum ZygoteError {
    /// The PHP host is not there or may not be run.
    #[error(
        "cannot run the PHP host {host:?}: {error} (it is installed beside pogo; POGO_PHP names another)"
    )]
    Host {
        /// Its path.
        host: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is of another build.
    #[error(
        "the PHP host {host:?} speaks version {theirs} of the wire and pogo version {ours}: install both from one build"
    )]
    Version {
        /// Its path.
        host: PathBuf,
        /// Its version.
        theirs: u32,
        /// Our version.
        ours: u32,
    },
    /// PHP did not start.
    #[error("PHP did not start: the PHP host {host:?} {how}")]
    Boot {
        /// The PHP host's path.
        host: PathBuf,
        /// What it did or said.
        how: String,
    },
    /// The link to it failed.
    #[error("cannot reach the PHP host: {0}")]
    Io(#[from] io::Error),
}

impl Zygote {
    /// Starts the PHP host and waits until PHP is up.
    pub(crate) async fn start(
        host: &Path,
        ini: &[(String, String)],
    ) -> Result<(Self, PhpInfo), ZygoteError> {
        let (ours, theirs) = frame::pair().map_err(ZygoteError::Io)?;
        let (lifeline, held) =
            rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;
        let child = Command::new(host)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::from(lifeline))
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| ZygoteError::Host { host: host.into(), error })?;
        let mut zygote =
            Self { control: watched(ours, Interest::READABLE)?, child, lifeline: held };
        let boot = ToZygote::Boot { version: php_wire::VERSION, ini: ini.to_vec() };
        let booted = match zygote.order(&boot) {
            Ok(()) => timeout(BOOT_MAX, zygote.report()).await,
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                let how = format!("cannot be told its settings: {e}");
                return Err(ZygoteError::Boot { host: host.into(), how });
            }
            // It ended before it read anything; how it ended says more.
            Err(_) => Ok(Ok(None)),
        };
        let info = match booted {
            Err(_elapsed) => {
                let how = format!("said nothing for {}s", BOOT_MAX.as_secs());
                Err(ZygoteError::Boot { host: host.into(), how })
            }
            Ok(report) => zygote.judge(host, report?.map(|(report, _)| report)).await,
        }?;
        Ok((zygote, info))
    }

    /// One whose part is played at the other end of `control`.
    #[cfg(test)]
    pub(crate) fn puppet(control: OwnedFd) -> Self {
        let mut command = Command::new("cat");
        let child = command.stdin(Stdio::piped()).kill_on_drop(true).spawn().expect("cat runs");
        let (_, held) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
        Self {
            control: watched(control, Interest::READABLE).expect("a socket"),
            child,
            lifeline: held,
        }
    }

    /// What the first report means.
    async fn judge(
        &mut self,
        host: &Path,
        report: Option<FromZygote>,
    ) -> Result<PhpInfo, ZygoteError> {
        let failed = |how| Err(ZygoteError::Boot { host: host.into(), how });
        match report {
            Some(FromZygote::Booted { version, php, zts, opcache }) => {
                if version == php_wire::VERSION {
                    return Ok(PhpInfo { version: php, zts, opcache });
                }
                let (host, ours) = (host.into(), php_wire::VERSION);
                Err(ZygoteError::Version { host, theirs: version, ours })
            }
            Some(FromZygote::Failed { error }) => failed(format!("said: {error}")),
            Some(other) => failed(format!("answered {other:?} to its start")),
            None => {
                let status = timeout(END_MAX, self.child.wait()).await;
                let how = status.ok().and_then(Result::ok).map_or_else(
                    || "closed its link".to_owned(),
                    |status| format!("ended with {status}"),
                );
                failed(how)
            }
        }
    }

    /// Gives an order.
    ///
    /// # Errors
    /// `WouldBlock` when so many orders wait that the zygote must be stuck, `InvalidInput`
    /// when the order is too long, any other when the zygote is gone.
    pub(crate) fn order(&self, order: &ToZygote) -> io::Result<()> {
        php_wire::control::send(self.control.get_ref(), order, &[])
    }

    /// Asks for a worker; `sockets` are its end of its link, and the memory of its inbox.
    ///
    /// # Errors
    /// As [`Self::order`].
    pub(crate) fn fork(&self, spec: WorkerSpec, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        php_wire::control::send(self.control.get_ref(), &ToZygote::Fork(spec), sockets)
    }

    /// The next report, and the descriptor that came with it; `None` when the zygote is
    /// gone. May be dropped and called again.
    pub(crate) async fn report(&self) -> io::Result<Option<(FromZygote, Option<OwnedFd>)>> {
        loop {
            let mut guard = self.control.readable().await?;
            let got = guard.try_io(|control| {
                php_wire::control::receive::<FromZygote>(control, RecvFlags::DONTWAIT)
            });
            match got {
                Err(_would_block) => {}
                Ok(Err(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some((report, mut fds)))) => return Ok(Some((report, fds.pop()))),
                Ok(Err(e)) => return Err(e),
            }
        }
    }

    /// Its process, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Gives it up, while its workers go on: they live as long as the lifeline, which is
    /// returned. Sees to it that the process is gone and reaped.
    pub(crate) fn outlived(self) -> OwnedFd {
        let Self { control, mut child, lifeline } = self;
        // An error means that it has ended already.
        let _ = child.start_kill();
        tokio::spawn(async move {
            let _ = child.wait().await;
            // Kept until now: a zygote that sees it closed would take its workers along.
            drop(control);
        });
        lifeline
    }

    /// Ends it, and with it every worker that is left, and waits until it is gone.
    pub(crate) async fn end(self) {
        let Self { control, mut child, lifeline: _held } = self;
        drop(control);
        if timeout(END_MAX, child.wait()).await.is_err() {
            // The lifeline ends the others; a zygote that ignores its link gets this.
            let _ = child.start_kill();
            let _ = child.wait().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &ZygoteError, expected: &str) {
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
    }

    #[tokio::test]
    async fn a_host_that_is_missing_is_one_clear_error() {
        let error = Zygote::start(Path::new("/nowhere/pogo-php"), &[]).await.expect_err("none");
        check(&error, "cannot run the PHP host \"/nowhere/pogo-php\": No such file or directory");
    }

    #[tokio::test]
    async fn settings_that_are_too_long_are_one_clear_error() {
        let ini = [("a".to_owned(), "x".repeat(php_wire::control::CONTROL_MAX))];
        let error = Zygote::start(Path::new("/bin/cat"), &ini).await.expect_err("no PHP");
        check(&error, "cannot be told its settings: control message too long");
    }

    #[tokio::test]
    async fn a_host_that_ends_at_once_is_one_clear_error() {
        let error = Zygote::start(Path::new("/bin/false"), &[]).await.expect_err("no PHP");
        check(&error, "PHP did not start: the PHP host \"/bin/false\" ended with exit status: 1");
    }
}
