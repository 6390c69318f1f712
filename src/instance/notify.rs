//! Tells a service manager what we do, as systemd has it: datagrams to the socket that
//! `NOTIFY_SOCKET` names. Without that variable there is nobody to tell.

use crate::logging::{Level, Logs};
use rustix::time::{ClockId, clock_gettime};
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum News<'n> {
    /// A configuration is being loaded.
    Reloading,
    /// One runs.
    Ready,
    /// One could not be loaded, and why; the one before runs on.
    Failed(&'n str),
    /// The server ends.
    Stopping,
}

/// Tells the service manager.
pub(super) fn tell(news: News<'_>, logs: &Logs) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
        return;
    };
    if let Err(error) = send(&socket, &text(news)) {
        logs.write(Level::Error, "", "unable to notify service manager", |o| {
            o.str("error", &error.to_string());
        });
    }
}

fn send(socket: &OsString, text: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    // A manager that does not read must not hold us up.
    sender.set_nonblocking(true)?;
    sender.send_to_addr(text.as_bytes(), &address).map(drop)
}

fn text(news: News<'_>) -> String {
    match news {
        News::Reloading => {
            let now = clock_gettime(ClockId::Monotonic);
            // With the time the manager knows a later answer from an earlier one.
            format!("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1_000_000 + now.tv_nsec / 1000)
        }
        News::Ready => "READY=1".to_owned(),
        News::Failed(why) => format!("STATUS={}", why.replace('\n', " ")),
        News::Stopping => "STOPPING=1".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abstract_sockets_are_told_too() {
        let name = format!("pogo-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let receiver = UnixDatagram::bind_addr(&address).expect("a socket");
        send(&OsString::from(format!("@{name}")), &text(News::Failed("a\nb"))).expect("sent");
        let mut buffer = [0; 64];
        let length = receiver.recv(&mut buffer).expect("a datagram");
        assert_eq!(&buffer[..length], b"STATUS=a b");
        assert!(text(News::Reloading).starts_with("RELOADING=1\nMONOTONIC_USEC="));
    }
}
