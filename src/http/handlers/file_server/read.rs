//! Bytes off the disk, without holding up other requests.
//!
//! What the page cache has is read at once; only what must come from the disk costs a
//! thread of the blocking pool.

use bytes::{Bytes, BytesMut};
use rustix::io::{Errno, ReadWriteFlags};
use std::ffi::OsStr;
use std::io::{self, IoSliceMut};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// At most this much is read, and waits for a client, at a time.
const CHUNK_MAX: u64 = 256 * 1024;

/// An open file.
#[derive(Debug)]
pub(super) struct File(Arc<std::fs::File>);

impl File {
    pub(super) fn open(name: &[u8]) -> io::Result<Self> {
        std::fs::File::open(Path::new(OsStr::from_bytes(name))).map(|f| Self(Arc::new(f)))
    }

    /// Reads bytes at a place: `len` of them or fewer, at least one.
    ///
    /// # Errors
    /// When the file cannot be read, or ends before.
    pub(super) async fn read(&mut self, at: u64, len: u64) -> io::Result<Bytes> {
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

    #[tokio::test]
    async fn a_file_is_read_in_parts_and_its_end_is_an_error() {
        let name = file!().as_bytes();
        let len = std::fs::metadata(file!()).expect("this file").len();
        let mut file = File::open(name).expect("this file");
        let start = file.read(0, 3).await.expect("three bytes");
        assert_eq!(&start[..], b"//!");
        let end = file.read(len, 1).await.map_err(|e| e.kind());
        assert_eq!(end, Err(io::ErrorKind::UnexpectedEof));
    }
}
