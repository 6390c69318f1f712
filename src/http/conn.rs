//! A client's connection as pingora's session sees it: a stream with a write buffer.
//!
//! A response's head, its chunk and the last chunk are separate writes of the session;
//! here they become one system call. What is larger than the buffer goes out beside it in
//! one vectored write, without a copy; bytes of a file go out without passing through our
//! memory. A connection can be asked for bytes before anybody
//! reads them: to find out which protocol is spoken, or to wait for a whole head. A client
//! that does not take what is written for too long is given up here, whoever writes.

use super::chunks::{Chunks, Seen};
use super::connection::Peer;
use super::socket::Stream;
use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID,
};
use rustix::net::RecvFlags;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::time::Sleep;

/// Writes up to this many bytes wait for more or for a flush.
const BUFFER_SIZE: usize = 16 * 1024;
/// Received at once before a request begins: most heads are shorter.
const FILL_SIZE: usize = 4096;
/// An idle connection keeps a write buffer of this size, no larger one.
const IDLE_SIZE: usize = 1024;
/// How long a closing connection waits for what the client still sends, for each read
/// and in all.
const LINGER_READ: Duration = Duration::from_millis(500);
const LINGER_TOTAL: Duration = Duration::from_secs(5);

/// One client's connection.
#[derive(Debug)]
pub(super) struct Conn {
    stream: Arc<Stream>,
    /// Received before anybody read it.
    waiting: BytesMut,
    /// Written, not sent.
    out: BytesMut,
    /// Bytes of a file, from a place on, that go out instead of those that are written.
    file: Mutex<Option<(Arc<File>, u64)>>,
    held: AtomicBool,
    eager: AtomicBool,
    /// How long the client may take for the next part of what is written; as long as it
    /// likes when absent.
    write_limit: Mutex<Option<Duration>>,
    /// Bytes of such a part.
    part: usize,
    /// When the write that waits is given up.
    give_up: Option<Pin<Box<Sleep>>>,
    /// Bytes that went out since that was set.
    taken: usize,
    /// The framing of the body that is being read.
    reading: Mutex<Reading>,
    digest: Arc<SocketDigest>,
}

/// What may be read.
#[derive(Debug)]
enum Reading {
    /// All that comes.
    Anything,
    /// A chunked body, and what follows it.
    Chunks(Chunks),
    /// Nothing more: the body was none.
    Nothing,
}

impl Conn {
    /// A connection whose client may take `write_limit` for each `part` bytes.
    pub(super) fn new(
        stream: Stream,
        remote: &Peer,
        write_limit: Option<Duration>,
        part: usize,
    ) -> Self {
        let digest = SocketDigest::from_raw_fd(stream.as_raw_fd());
        // It is empty, so this does not fail.
        let _ = digest.peer_addr.set(remote.socket_addr().map(Into::into));
        Self {
            stream: Arc::new(stream),
            waiting: BytesMut::new(),
            out: BytesMut::new(),
            file: Mutex::new(None),
            held: AtomicBool::new(false),
            eager: AtomicBool::new(false),
            write_limit: Mutex::new(write_limit),
            part,
            give_up: None,
            taken: 0,
            reading: Mutex::new(Reading::Anything),
            digest: Arc::new(digest),
        }
    }

    /// Waits for more bytes than those that wait to be read, and keeps them for the
    /// reader; false at the end. Loses nothing when it is dropped.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        loop {
            self.stream.readable().await?;
            // Not before the wait: it would be a part of each idle connection.
            let mut buffer = [0; FILL_SIZE];
            match receive(&self.stream, &mut buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) => return Ok(false),
                read => {
                    self.waiting.extend_from_slice(&buffer[..read?]);
                    return Ok(true);
                }
            }
        }
    }

    /// What [`Self::fill`] brought and nobody has read.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.waiting
    }

    /// The same, to be changed or taken.
    pub(super) fn waiting_mut(&mut self) -> &mut BytesMut {
        &mut self.waiting
    }

    /// Gives back bytes that were read and belong to the next request.
    pub(super) fn unread(&mut self, mut bytes: BytesMut) {
        bytes.unsplit(std::mem::take(&mut self.waiting));
        self.waiting = bytes;
    }

    /// Lets go of what an idle connection does not need.
    pub(super) fn rest(&mut self) {
        if self.out.is_empty() && self.out.capacity() > IDLE_SIZE {
            self.out = BytesMut::new();
        }
    }

    /// Ignores flushes while true.
    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    /// Sends each write at once while true.
    pub(super) fn send_at_once(&self, eager: bool) {
        self.eager.store(eager, Ordering::Relaxed);
    }

    /// Sends bytes of a file, from this place on, in the place of what is written.
    pub(super) fn send_instead(&self, file: Option<(Arc<File>, u64)>) {
        *self.file.lock() = file;
    }

    /// How long the client may take for the next part of what is written, from now on.
    pub(super) fn limit_writes(&self, limit: Option<Duration>) {
        *self.write_limit.lock() = limit;
    }

    /// Watches over a chunked body that is read from now on. Of the bytes that were received
    /// already nothing stays from the place on where they are no body.
    pub(super) fn expect_chunks(&self, received: &mut BytesMut, from: usize) {
        let mut chunks = Chunks::default();
        *self.reading.lock() = match chunks.see(&received[from..]) {
            Seen::Part => Reading::Chunks(chunks),
            Seen::End(_) => Reading::Anything,
            Seen::Broken(at) => {
                received.truncate(from + at);
                Reading::Nothing
            }
        };
    }

    /// How much of some bytes may be handed to who reads.
    fn pass(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let reading = self.reading.get_mut();
        let passed = match reading {
            Reading::Anything => return Ok(bytes.len()),
            Reading::Nothing => return Err(malformed()),
            Reading::Chunks(chunks) => match chunks.see(bytes) {
                Seen::Part => return Ok(bytes.len()),
                Seen::End(_) => {
                    *reading = Reading::Anything;
                    return Ok(bytes.len());
                }
                Seen::Broken(at) => at,
            },
        };
        *reading = Reading::Nothing;
        if passed == 0 { Err(malformed()) } else { Ok(passed) }
    }

    /// An eye on the client that does not keep the connection from its work.
    pub(super) fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.stream))
    }

    /// Sends what waits, with `more` behind it; returns how much of `more` went out.
    fn poll_send(&mut self, cx: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        let sent = self.poll_send_all(cx, more);
        self.bound(cx, sent, more.len())
    }

    /// Sends what waits, and then bytes of the file; returns how many of these went out.
    fn poll_send_file(&mut self, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx, &[]))?;
        let sent = self.poll_file(cx, len);
        self.bound(cx, sent, len)
    }

    /// Gives up a write of `len` bytes that waits for too long.
    fn bound(
        &mut self,
        cx: &mut Context<'_>,
        sent: Poll<io::Result<usize>>,
        len: usize,
    ) -> Poll<io::Result<usize>> {
        match sent {
            Poll::Pending => {
                let Some(limit) = *self.write_limit.get_mut() else { return Poll::Pending };
                if self.taken >= self.part {
                    self.give_up = None;
                }
                let taken = &mut self.taken;
                let give_up = self.give_up.get_or_insert_with(|| {
                    *taken = 0;
                    Box::pin(tokio::time::sleep(limit))
                });
                ready!(give_up.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Ok(sent)) if sent < len => Poll::Ready(Ok(sent)),
            done => {
                self.give_up = None;
                done
            }
        }
    }

    fn poll_file(&mut self, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<usize>> {
        let Self { stream, file, taken, .. } = self;
        let Some((file, at)) = file.get_mut() else { return Poll::Ready(Ok(0)) };
        loop {
            ready!(stream.poll_write_ready(cx))?;
            let sent = stream.try_io(Interest::WRITABLE, || {
                Ok(rustix::fs::sendfile(&**stream, &**file, Some(&mut *at), len)?)
            });
            return Poll::Ready(match sent {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(sent) => {
                    *taken += sent;
                    Ok(sent)
                }
                failed => failed,
            });
        }
    }

    fn poll_send_all(&mut self, cx: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        while !self.out.is_empty() || !more.is_empty() {
            ready!(self.stream.poll_write_ready(cx))?;
            let slices = [IoSlice::new(&self.out), IoSlice::new(more)];
            let sent = match self.stream.try_write_vectored(&slices) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                sent => sent?,
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.taken += sent;
            let ours = sent.min(self.out.len());
            self.out.advance(ours);
            if sent > ours {
                return Poll::Ready(Ok(sent - ours));
            }
        }
        Poll::Ready(Ok(0))
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed chunked body")
}

/// Sees whether the client is still there.
#[derive(Debug)]
pub(super) struct Watch(Arc<Stream>);

impl Watch {
    /// Waits until the client has closed its end. Never returns while bytes of it are
    /// unread, which is also how a client that sends its next request looks.
    pub(super) async fn closed_by_client(&self) {
        let mut probe = [0];
        loop {
            let Ok(ready) = self.0.ready(Interest::READABLE).await else { return };
            if ready.is_read_closed() {
                return;
            }
            match self.0.try_io(Interest::READABLE, || {
                rustix::net::recv(&*self.0, &mut probe[..], RecvFlags::PEEK)
                    .map_err(io::Error::from)
            }) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Ok((1.., _)) => std::future::pending().await,
                Ok(_) | Err(_) => return,
            }
        }
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if matches!(self.reading.get_mut(), Reading::Nothing) {
            return Poll::Ready(Err(malformed()));
        }
        if !self.waiting.is_empty() {
            let len = self.waiting.len().min(buf.remaining());
            let waiting = std::mem::take(&mut self.waiting);
            let passed = self.pass(&waiting[..len]);
            self.waiting = waiting;
            buf.put_slice(&self.waiting[..passed?]);
            self.waiting.advance(len);
            if self.waiting.is_empty() {
                // An idle connection holds no buffer.
                self.waiting = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let before = buf.filled().len();
            let read = if buf.remaining() <= FILL_SIZE {
                receive(&self.stream, buf.initialize_unfilled()).map(|n| buf.advance(n))
            } else {
                // Clearing a large buffer costs more than one more system call.
                self.stream.try_read_buf(buf).map(drop)
            };
            match read {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                read => {
                    read?;
                    let passed = self.pass(&buf.filled()[before..])?;
                    buf.set_filled(before + passed);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

/// Receives what is there. A short read means that there is no more, so that the next
/// one waits for news instead of asking in vain.
fn receive(stream: &Stream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut short = None;
    let len = buffer.len();
    let received = stream.try_io(Interest::READABLE, || {
        let (_, read) = rustix::net::recv(stream, &mut *buffer, RecvFlags::empty())?;
        if (1..len).contains(&read) {
            short = Some(read);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(read)
    });
    short.map_or(received, Ok)
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.file.get_mut().is_some() {
            return self.poll_send_file(cx, data.len());
        }
        let eager = self.eager.load(Ordering::Relaxed);
        if !eager && self.out.len() + data.len() <= BUFFER_SIZE {
            self.out.extend_from_slice(data);
            return Poll::Ready(Ok(data.len()));
        }
        self.poll_send(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held.load(Ordering::Relaxed) || self.out.is_empty() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send(cx, &[]))?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx, &[]))?;
        // A client that is gone needs not be told.
        let _ = rustix::net::shutdown(&*self.stream, rustix::net::Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Shutdown for Conn {
    /// Sends what waits and ends our direction, then reads until the client ends its own:
    /// closing a socket with unread bytes resets the connection, and a client that is
    /// still sending would lose our answer.
    async fn shutdown(&mut self) {
        // What comes now is not a body any more.
        *self.reading.get_mut() = Reading::Anything;
        if AsyncWriteExt::shutdown(self).await.is_err() {
            return;
        }
        let mut sink = [0; 4096];
        let drained = async {
            while let Ok(Ok(1..)) = tokio::time::timeout(LINGER_READ, self.read(&mut sink)).await {}
        };
        // Whoever sends for longer than this loses our answer.
        let _ = tokio::time::timeout(LINGER_TOTAL, drained).await;
    }
}

impl UniqueID for Conn {
    fn id(&self) -> i32 {
        self.stream.as_raw_fd()
    }
}

impl Ssl for Conn {}

impl GetTimingDigest for Conn {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Conn {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Conn {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.digest))
    }
}

impl Peek for Conn {}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    async fn pair() -> (Conn, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let client = TcpStream::connect(address).await.expect("it listens");
        let (tcp, remote) = listener.accept().await.expect("the client is there");
        let limit = Some(Duration::from_millis(100));
        (Conn::new(Stream::Tcp(tcp), &Peer::from(remote), limit, 1024), client)
    }

    #[tokio::test]
    async fn bytes_that_were_awaited_are_read_first() {
        let (mut conn, mut client) = pair().await;
        client.write_all(b"ab").await.expect("sent");
        assert!(conn.fill().await.expect("two bytes"));
        client.write_all(b"cd").await.expect("sent");
        let mut got = [0; 4];
        conn.read_exact(&mut got).await.expect("four bytes");
        assert_eq!((&got, conn.waiting()), (b"abcd", &b""[..]));
        drop(client);
        assert!(!conn.fill().await.expect("the end"));
    }

    #[tokio::test]
    async fn small_and_large_writes_arrive_in_order() {
        let (mut conn, mut client) = pair().await;
        let large = vec![b'x'; 3 * BUFFER_SIZE];
        conn.hold(true);
        conn.write_all(b"head").await.expect("buffered");
        conn.flush().await.expect("ignored");
        assert_eq!(conn.out.len(), 4);
        conn.hold(false);
        conn.write_all(&large).await.expect("sent");
        conn.write_all(b"tail").await.expect("buffered");
        Shutdown::shutdown(&mut conn).await;
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.expect("all of it");
        assert_eq!(got, [&b"head"[..], &large, b"tail"].concat());
    }

    #[tokio::test]
    async fn bytes_of_a_file_go_out_in_the_place_of_what_is_written() {
        let (mut conn, mut client) = pair().await;
        let file = Arc::new(File::open(file!()).expect("this file"));
        conn.write_all(b"head").await.expect("buffered");
        conn.send_instead(Some((Arc::clone(&file), 4)));
        conn.write_all(&[0; 6]).await.expect("sent");
        conn.send_instead(None);
        conn.write_all(b"tail").await.expect("buffered");
        conn.send_instead(Some((file, 1 << 30)));
        let past = conn.write_all(&[0; 6]).await;
        assert_eq!(past.map_err(|e| e.kind()), Err(io::ErrorKind::UnexpectedEof));
        conn.send_instead(None);
        Shutdown::shutdown(&mut conn).await;
        let mut got = String::new();
        client.read_to_string(&mut got).await.expect("all of it");
        assert_eq!(got, "headA clietail");
    }

    #[tokio::test]
    async fn bytes_that_are_given_back_come_first() {
        let (mut conn, mut client) = pair().await;
        client.write_all(b"cd").await.expect("sent");
        assert!(conn.fill().await.expect("two bytes"));
        conn.unread(BytesMut::from(&b"ab"[..]));
        assert_eq!(conn.waiting(), b"abcd");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (mut conn, client) = pair().await;
        let large = vec![b'x'; 32 * 1024 * 1024];
        let sent = conn.write_all(&large).await;
        assert_eq!(sent.map_err(|e| e.kind()), Err(io::ErrorKind::TimedOut));
        drop(client);
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_noticed_and_one_that_sends_is_not_gone() {
        let (conn, client) = pair().await;
        drop(client);
        conn.watch().closed_by_client().await;
        let (conn, mut client) = pair().await;
        client.write_all(b"x").await.expect("sent");
        conn.stream.readable().await.expect("readable");
        let watch = conn.watch();
        let gone = tokio::time::timeout(Duration::from_millis(20), watch.closed_by_client());
        assert!(gone.await.is_err());
    }
}
