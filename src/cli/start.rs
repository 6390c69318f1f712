//! `pogo start`: serves in the background, and returns once it does.
//!
//! The server is `pogo run --pingback ADDRESS`: when it serves, it sends back what it was
//! given on standard input, so that nobody else can say that it does.

use super::args::Args;
use super::load::Source;
use super::{help, terminal};
use anyhow::{Context, bail};
use rustix::rand::{GetRandomFlags, getrandom};
use std::ffi::OsString;
use std::process::{ExitCode, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// Starts it and waits.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut source = Source::default();
    let (mut pid_file, mut watch) = (None, false);
    let mut args = Args::new("start", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("start"),
            "--pidfile" => pid_file = Some(args.value()?),
            "--watch" | "-w" => watch = args.switch()?,
            name if source.flag(name, &mut args)? => {}
            _ => return Err(args.unknown(&flag)),
        }
    }
    let mut run: Vec<String> = vec!["run".to_owned()];
    let named = [("--config", source.file), ("--adapter", source.adapter), ("--pidfile", pid_file)];
    for (flag, value) in named {
        run.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    }
    run.extend(source.env_files.into_iter().flat_map(|file| ["--envfile".to_owned(), file]));
    run.extend(watch.then(|| "--watch".to_owned()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting to wait for the server")?;
    let pid = runtime.block_on(start(run))?;
    terminal::print(format!(
        "Successfully started Pogo (pid={pid}) - Pogo is running in the background\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The process number of a server that serves.
async fn start(mut words: Vec<String>) -> anyhow::Result<u32> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("opening listener for success confirmation")?;
    words.extend(["--pingback".to_owned(), listener.local_addr()?.to_string()]);
    let mut expected = [0; 32];
    getrandom(&mut expected, GetRandomFlags::empty())
        .context("generating random confirmation bytes")?;
    let mut child = Command::new(std::env::current_exe().context("finding pogo itself")?)
        .args(words)
        .stdin(Stdio::piped())
        // A terminal's signals are for us, not for what runs in the background.
        .process_group(0)
        .spawn()
        .context("starting pogo process")?;
    let pid = child.id().unwrap_or_default();
    confirm(&mut child, &listener, &expected).await?;
    Ok(pid)
}

/// Waits until somebody sends back what only the server knows, or the server has ended.
async fn confirm(
    child: &mut Child,
    listener: &TcpListener,
    expected: &[u8; 32],
) -> anyhow::Result<()> {
    if let Some(mut input) = child.stdin.take() {
        // A server that has ended already says so below.
        let _ = input.write_all(expected).await;
    }
    loop {
        let mut connection = tokio::select! {
            accepted = listener.accept() => accepted.context("waiting for the server")?.0,
            ended = child.wait() => bail!("pogo process exited with error: {}", ended?),
        };
        let mut got = Vec::new();
        let read = (&mut connection).take(64).read_to_end(&mut got).await;
        if read.is_ok() && got == expected {
            return Ok(());
        }
    }
}
