//! A client's connection as pingora's session sees it: a stream with a write buffer.
//!
//! A response's head, its chunk and the last chunk are separate writes of the session;
//! here they become one system call. What is larger than the buffer goes out beside it in
//! one vectored write, without a copy; bytes of a file go out without passing through our
//! memory. A connection can be asked for bytes before anybody
//! reads them: to find out which protocol is spoken, or to wait for a whole head. A client
//! that does not take what is written for too long is given up here, whoever writes.

use super::chunks::{Chunks, Seen};
use super::socket::Stream;
use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID,
};
use rustix::buffer::Buffer;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use std::fs::File;
use std::io::{self, IoSlice};
use std::mem::{self, MaybeUninit};
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
    out: Mutex<BytesMut>,
    /// Bytes of a file, from a place on, that go out instead of those that are written.
    file: Mutex<Option<(Arc<File>, u64)>>,
    held: AtomicBool,
    eager: AtomicBool,
    /// What goes out in the place of the next write.
    head: Mutex<Option<BytesMut>>,
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
    pub(super) fn new(stream: Stream, write_limit: Option<Duration>, part: usize) -> Self {
        Self {
            stream: Arc::new(stream),
            waiting: BytesMut::new(),
            out: Mutex::new(BytesMut::new()),
            file: Mutex::new(None),
            held: AtomicBool::new(false),
            eager: AtomicBool::new(false),
            head: Mutex::new(None),
            write_limit: Mutex::new(write_limit),
            part,
            give_up: None,
            taken: 0,
            reading: Mutex::new(Reading::Anything),
        }
    }

    /// Waits for more bytes than those that wait to be read, and keeps them for the
    /// reader; false at the end. Loses nothing when it is dropped.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        loop {
            self.stream.readable().await?;
            // Not before the wait: it would be a part of each idle connection.
            let mut buffer = [MaybeUninit::uninit(); FILL_SIZE];
            match receive(&self.stream, &mut buffer[..], FILL_SIZE) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                received => {
                    let ((filled, _), _) = received?;
                    self.waiting.extend_from_slice(filled);
                    return Ok(!filled.is_empty());
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
        bytes.unsplit(mem::take(&mut self.waiting));
        self.waiting = bytes;
    }

    /// Lets go of what an idle connection does not need.
    pub(super) fn rest(&mut self) {
        let out = self.out.get_mut();
        if out.is_empty() && out.capacity() > IDLE_SIZE {
            *out = BytesMut::new();
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

    /// Sends this head in the place of the one that is written next.
    pub(super) fn put_head(&self, head: BytesMut) {
        *self.head.lock() = Some(head);
    }

    /// Lets something be written that goes out with the next flush.
    pub(super) fn put(&self, write: impl FnOnce(&mut BytesMut)) {
        write(&mut self.out.lock());
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
        // What goes in front of a file's bytes goes out with them.
        let follows = self.file.get_mut().is_some();
        let flags =
            if follows { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        let out = self.out.get_mut();
        while !out.is_empty() || !more.is_empty() {
            ready!(self.stream.poll_write_ready(cx))?;
            let stream = &*self.stream;
            let sent = stream.try_io(Interest::WRITABLE, || {
                Ok(match (&**out, more) {
                    (one, []) | ([], one) => rustix::net::send(stream, one, flags)?,
                    (first, second) => {
                        let parts = [IoSlice::new(first), IoSlice::new(second)];
                        let nothing = &mut SendAncillaryBuffer::default();
                        rustix::net::sendmsg(stream, &parts, nothing, flags)?
                    }
                })
            });
            let sent = match sent {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                sent => sent?,
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.taken += sent;
            let ours = sent.min(out.len());
            out.advance(ours);
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
            let waiting = mem::take(&mut self.waiting);
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
            let len = buf.remaining();
            let read = if len <= FILL_SIZE {
                receive(&self.stream, buf.initialize_unfilled(), len).map(|(_, n)| buf.advance(n))
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

/// Receives what is there into a buffer of this length. A short read means that there is no
/// more, so that the next one waits for news instead of asking in vain.
fn receive<B: Buffer<u8>>(
    stream: &Stream,
    buffer: B,
    len: usize,
) -> io::Result<(B::Output, usize)> {
    let mut short = None;
    let received = stream.try_io(Interest::READABLE, || {
        let (filled, read) = rustix::net::recv(stream, buffer, RecvFlags::empty())?;
        if (1..len).contains(&read) {
            short = Some((filled, read));
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok((filled, read))
    });
    short.map_or(received, Ok)
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(head) = self.head.get_mut().take() {
            self.out.get_mut().unsplit(head);
            if *self.eager.get_mut() {
                // What does not go out now does so with the next write or flush.
                if let Poll::Ready(sent) = self.poll_send(cx, &[]) {
                    sent?;
                }
            }
            return Poll::Ready(Ok(data.len()));
        }
        if self.file.get_mut().is_some() {
            return self.poll_send_file(cx, data.len());
        }
        let eager = self.eager.load(Ordering::Relaxed);
        let out = self.out.get_mut();
        if !eager && out.len() + data.len() <= BUFFER_SIZE {
            out.extend_from_slice(data);
            return Poll::Ready(Ok(data.len()));
        }
        self.poll_send(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held.load(Ordering::Relaxed) || self.out.get_mut().is_empty() {
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
        None
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
        let (tcp, _) = listener.accept().await.expect("the client is there");
        let limit = Some(Duration::from_millis(100));
        (Conn::new(Stream::Tcp(tcp), limit, 1024), client)
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
        assert_eq!(conn.out.lock().len(), 4);
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
