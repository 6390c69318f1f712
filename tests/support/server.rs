//! The real binary: run to its end, or started and stopped.

use super::{Client, Response, poll};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// The program under test. Its PHP host must lie beside it.
pub(crate) fn pogo() -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_pogo"));
    assert!(
        path.with_file_name("pogo-php").exists(),
        "there is no pogo-php beside {}: `cargo build --workspace` builds it",
        path.display()
    );
    let mut command = Command::new(path);
    // The distribution's php.ini may say anything; these tests want PHP's own defaults.
    command.env("PHPRC", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"));
    command.env_remove("POGO_PHP");
    command
}

/// Runs a command to its end, which must come by itself.
#[track_caller]
pub(crate) fn run(folder: &Path, words: &[&str]) -> Output {
    let mut command = pogo();
    command.args(words).current_dir(folder).stdin(Stdio::null());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("pogo starts");
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| {
        poll("the command to end", || child.try_wait().expect("its state"))
    }));
    if ended.is_err() {
        // What was waited for in vain must not go on behind the test's back.
        let _ = child.kill();
        panic!("{words:?} did not end: {:?}", child.wait_with_output());
    }
    child.wait_with_output().expect("its output")
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

/// A running server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) port: u16,
    log: PathBuf,
}

impl Server {
    /// Serves a folder's Caddyfile, in which `{$PORT}` is the port, and waits until it answers.
    #[track_caller]
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, free_port(), &["run"], &[])
    }

    /// The same with other words on the command line and more environment.
    #[track_caller]
    pub(crate) fn start_with(
        folder: &Path,
        port: u16,
        words: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let mut server = Self::spawn(folder, port, words, env);
        poll("the server to listen", || {
            let ended = server.child.try_wait().expect("its state");
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", server.log());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        server
    }

    /// Starts it without waiting.
    pub(crate) fn spawn(folder: &Path, port: u16, words: &[&str], env: &[(&str, &str)]) -> Self {
        let log = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("log-{}-{port}", std::process::id()));
        let file = File::create(&log).expect("a log file");
        let child = pogo()
            .args(words)
            .current_dir(folder)
            .env("PORT", port.to_string())
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("pogo starts");
        Self { child, port, log }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read(&self.log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }

    /// Waits for a log line that holds all of these.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, parts: &[&str]) -> String {
        poll(&format!("a log line with {parts:?} in:\n{}", self.log()), || {
            let log = self.log();
            log.lines().find(|line| parts.iter().all(|p| line.contains(p))).map(str::to_owned)
        })
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Response {
        super::get(self.port, path)
    }

    /// A connection.
    #[track_caller]
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.port)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id fits")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        signal_process(self.pid(), signal);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        poll("the server to end", || self.child.try_wait().expect("its state"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way there is nothing more to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.log);
    }
}

/// Sends a signal to a process; one that is gone does not mind.
pub(crate) fn signal_process(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("a process id is not 0");
    let _ = kill_process(pid, signal);
}
