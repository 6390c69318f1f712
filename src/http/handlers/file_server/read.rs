//! Bytes off the disk, without holding up other requests.
//!
//! What the page cache has is read at once; only what must come from the disk costs a
//! thread of the blocking pool.

use crate::blocking;
use bytes::{Bytes, BytesMut};
use rustix::fs::OFlags;
use rustix::io::{Errno, ReadWriteFlags};
use std::ffi::OsStr;
use std::fs::{Metadata, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// At most this much is read, and waits for a client, at a time.
const CHUNK_MAX: u64 = 64 * 1024;

/// The kernel sends about this much at a time.
const PART: u64 = 1024 * 1024;
/// From this length on, sending past our memory is cheaper than reading and writing.
pub(super) const SENT_MIN: u64 = 16 * 1024;

/// An open file.
#[derive(Debug)]
pub(super) struct File(Arc<std::fs::File>);

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Kind {
    Directory,
    /// A regular file, open.
    File(File, Metadata),
}

/// What is there; `None` when nothing is, or neither a file nor a directory.
///
/// # Errors
/// When it cannot be looked at or opened.
pub(super) fn find(name: &[u8]) -> io::Result<Option<Kind>> {
    blocking::look(|| look(name))
}

fn look(name: &[u8]) -> io::Result<Option<Kind>> {
    let path = Path::new(OsStr::from_bytes(name));
    // A named pipe would keep us waiting for its other end.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(e) => match e.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidInput => return Ok(None),
            // What is in a directory may be read without leave to list it.
            io::ErrorKind::PermissionDenied if path.is_dir() => return Ok(Some(Kind::Directory)),
            _ => return Err(e),
        },
    };
    let meta = file.metadata()?;
    Ok(match meta.file_type() {
        kind if kind.is_dir() => Some(Kind::Directory),
        kind if kind.is_file() => Some(Kind::File(File(Arc::new(file)), meta)),
        _ => None,
    })
}

impl File {
    /// The file itself.
    pub(super) fn handle(&self) -> &Arc<std::fs::File> {
        &self.0
    }

    /// Whether bytes at a place can be had without waiting for the disk, as far as a look at
    /// the first and the last of the next part tells.
    pub(super) fn is_cached(&self, at: u64, len: u64) -> bool {
        let is_there = |at: u64| {
            let mut byte = [0];
            let parts = &mut [IoSliceMut::new(&mut byte)];
            rustix::io::preadv2(&*self.0, parts, at, ReadWriteFlags::NOWAIT) == Ok(1)
        };
        is_there(at) && is_there(at + len.min(PART) - 1)
    }

    /// Reads bytes at a place: `len` of them or fewer, at least one.
    ///
    /// # Errors
    /// When the file cannot be read, or ends before.
    pub(super) async fn read(&self, at: u64, len: u64) -> io::Result<Bytes> {
        let len = usize::try_from(len.min(CHUNK_MAX)).unwrap_or(usize::MAX);
        let mut buffer = BytesMut::zeroed(len);
        let cached = rustix::io::preadv2(
            &*self.0,
            &mut [IoSliceMut::new(&mut buffer)],
            at,
            ReadWriteFlags::NOWAIT,
        );
        let read = match cached {
            Ok(read) => read,
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                let file = Arc::clone(&self.0);
                let slow = tokio::task::spawn_blocking(move || {
                    let read = file.read_at(&mut buffer, at);
                    (buffer, read)
                });
                let (filled, read) = slow.await.map_err(io::Error::other)?;
                buffer = filled;
                read?
            }
            Err(e) => return Err(e.into()),
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.truncate(read);
        Ok(buffer.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(name: &str) -> (File, u64) {
        match find(name.as_bytes()) {
            Ok(Some(Kind::File(file, meta))) => (file, meta.len()),
            other => panic!("{name} is {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_file_is_read_in_parts_and_its_end_is_an_error() {
        let (file, len) = open(file!());
        let start = file.read(0, 3).await.expect("three bytes");
        assert_eq!(&start[..], b"//!");
        let end = file.read(len, 1).await.map_err(|e| e.kind());
        assert_eq!(end, Err(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn what_is_neither_file_nor_directory_is_not_there() {
        assert!(matches!(find(b"src"), Ok(Some(Kind::Directory))));
        assert!(matches!(find(b"/dev/null"), Ok(None)));
        assert!(matches!(find(b"/dev/null/x"), Ok(None)));
        let pipe = std::env::temp_dir().join(format!("pogo-pipe-{}", std::process::id()));
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).expect("a pipe");
        let found = find(pipe.as_os_str().as_bytes());
        std::fs::remove_file(&pipe).expect("it is there");
        assert!(matches!(found, Ok(None)), "{found:?}");
    }
}
