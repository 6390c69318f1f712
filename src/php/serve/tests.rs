//! Requests against a worker that is a thread of the test, at the other end of a real link.

mod ahead;

use super::super::floor::{Exit, Roster};
use super::super::inbox::Inbox;
use super::super::inbox::tests::next_for_idle;
use super::super::link::Link;
use super::super::log::Silent;
use super::*;
use php_wire::frame::{FRAME_MAX, pair, send};
use php_wire::response;
use php_wire::ring::Taking;
use rustix::net::{RecvFlags, SendFlags};
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// A pool, and the ear of a supervisor that does nothing.
struct Rig {
    pool: Arc<Pool>,
    events: mpsc::UnboundedReceiver<Event>,
    serials: u32,
}

impl Rig {
    fn new(max_wait: Option<Duration>) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let floor = Floor::new(Roster::new(sender), None, Arc::new(Silent));
        let pool = Pool::new("test".into(), 0, max_wait, false, 2, floor);
        Self { pool, events, serials: 0 }
    }

    /// Adds an idle worker that does this.
    fn worker(&mut self, does: impl FnOnce(Puppet) + Send + 'static) -> JoinHandle<()> {
        let (ours, theirs) = pair().expect("a socket pair");
        let link = Arc::new(Link::new(ours).expect("a link"));
        let (inbox, receiver) = Inbox::new(Arc::clone(&link)).expect("memory");
        let receiver = Taking::open(receiver).expect("an inbox");
        self.serials += 1;
        let worker = Arc::new(Worker::new(self.serials, 0, 1, link, inbox));
        self.pool.floor.roster.workers.insert(self.serials, Arc::clone(&worker));
        self.pool.put(worker);
        std::thread::spawn(move || does(Puppet { link: theirs, inbox: receiver }))
    }

    async fn serve(&self, head: &Head<'_>, client: &mut Browser) -> Result<Served, ServeError> {
        tokio::time::timeout(Duration::from_secs(10), self.pool.serve(head, client))
            .await
            .expect("an end in time")
    }

    /// Waits until this many workers are idle.
    async fn idle(&self, count: usize) {
        for _ in 0..10_000 {
            if self.pool.idle_count() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{} workers are idle, not {count}", self.pool.idle_count());
    }
}

/// The worker's ends of its link and its inbox.
struct Puppet {
    link: OwnedFd,
    inbox: Taking,
}

impl Puppet {
    /// The next frame, out of the inbox if there is one; `None` when the server is gone.
    fn next(&self) -> Option<(Header, Vec<u8>)> {
        next_for_idle(&self.inbox, &self.link)
    }

    /// The id of the next request.
    fn request(&self) -> u64 {
        let (header, payload) = self.next().expect("a frame");
        assert_eq!(header.kind, Kind::Request);
        Head::decode(&payload).expect("well-formed");
        header.id
    }

    fn send(&self, kind: Kind, bits: u8, id: u64, payload: &[u8]) {
        send(&self.link, (kind, bits, id), [payload, b""], SendFlags::empty()).expect("sent");
    }

    /// Sends a datagram as it is.
    fn send_raw(&self, bytes: &[u8]) {
        rustix::net::send(&self.link, bytes, SendFlags::empty()).expect("sent");
    }

    /// A part of the answer, with a head.
    fn answer(&self, bits: u8, id: u64, body: &[u8]) {
        let mut w = Writer::default();
        response::Head { status: 200, lines: vec![b"X-A: b"] }.encode(&mut w);
        w.0.extend_from_slice(body);
        self.send(Kind::Response, bits | flag::HEAD, id, &w.0);
    }
}

/// The header of a part of an answer that announces so many bytes.
fn header(bits: u8, id: u64, len: usize) -> [u8; Header::SIZE] {
    let mut header = Header::new(Kind::Response, bits, id, 0);
    header.len = u32::try_from(len).expect("it fits");
    header.to_bytes()
}

const ALL: u8 = flag::LAST | flag::DONE | flag::IDLE;

/// A client that keeps what it gets.
#[derive(Default)]
struct Browser {
    body: Vec<Result<&'static [u8], ()>>,
    got: Vec<Part>,
    /// After how many parts it goes away.
    gone_after: Option<usize>,
}

impl Browser {
    fn text(&self) -> String {
        let bytes: Vec<u8> = self.got.iter().flat_map(|p| p.body.to_vec()).collect();
        String::from_utf8(bytes).expect("text")
    }
}

impl Client for Browser {
    async fn read_body(&mut self) -> io::Result<Option<Bytes>> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let part = self.body.remove(0).map_err(|()| io::ErrorKind::TimedOut)?;
        Ok(Some(Bytes::from_static(part)))
    }

    async fn inform(&mut self, head: AnswerHead) -> Result<(), Gone> {
        self.got.push(Part { head: Some(head), ..Part::default() });
        Ok(())
    }

    async fn reply(&mut self, part: Part) -> Result<(), Gone> {
        self.got.push(part);
        if self.gone_after.is_some_and(|n| self.got.len() >= n) { Err(Gone) } else { Ok(()) }
    }
}

fn get() -> Head<'static> {
    Head { method: b"GET", request_uri: b"/a.php", body_complete: true, ..Head::default() }
}

fn post(length: i64) -> Head<'static> {
    Head { method: b"POST", content_length: length, body_complete: false, ..get() }
}

#[tokio::test]
async fn a_short_page_is_one_frame_and_its_worker_is_idle_again() {
    let mut rig = Rig::new(None);
    let worker = rig.worker(|w| {
        for _ in 0..2 {
            let id = w.request();
            w.answer(ALL, id, b"hello");
        }
    });
    for _ in 0..2 {
        let mut client = Browser::default();
        assert_eq!(rig.serve(&get(), &mut client).await, Ok(Served { gone: false }));
        assert_eq!((client.text().as_str(), client.got.len()), ("hello", 1));
        let part = &client.got[0];
        assert_eq!((part.last, part.head.as_ref().map(|h| h.status)), (true, Some(200)));
        assert_eq!(rig.pool.idle_count(), 1);
    }
    worker.join().expect("worker");
}

#[tokio::test]
async fn a_streamed_answer_arrives_in_parts_and_ready_follows() {
    let mut rig = Rig::new(None);
    let worker = rig.worker(|w| {
        let id = w.request();
        w.send(Kind::Inform, 0, id, &{
            let mut early = Writer::default();
            response::Head { status: 103, lines: vec![b"Link: </a.css>"] }.encode(&mut early);
            early.0
        });
        w.answer(flag::FLUSH, id, b"one ");
        w.send(Kind::Response, 0, id, b"two ");
        w.send(Kind::Response, flag::LAST, id, b"three");
        w.send(Kind::Response, flag::DONE, id, b"");
        w.send(Kind::Ready, 0, 0, b"");
    });
    let mut client = Browser::default();
    rig.serve(&get(), &mut client).await.expect("served");
    assert_eq!(client.text(), "one two three");
    let flags: Vec<_> = client.got.iter().map(|p| (p.flush, p.last)).collect();
    assert_eq!(flags, [(false, false), (true, false), (false, false), (false, true)]);
    rig.idle(1).await;
    worker.join().expect("worker");
}

#[tokio::test]
async fn a_body_is_fed_as_it_is_wanted() {
    let mut rig = Rig::new(None);
    let worker = rig.worker(|w| {
        let id = w.request();
        let mut got = Vec::new();
        loop {
            w.send(Kind::Want, 0, id, &4_u32.to_le_bytes());
            let (header, payload) = w.next().expect("a frame");
            assert!(header.kind == Kind::Body && payload.len() <= 4);
            got.extend(payload);
            if header.has(flag::LAST) {
                break;
            }
        }
        w.answer(ALL, id, &got);
    });
    let mut client =
        Browser { body: vec![Ok(b"abcdef"), Ok(b""), Ok(b"ghi")], ..Browser::default() };
    rig.serve(&post(9), &mut client).await.expect("served");
    assert_eq!(client.text(), "abcdefghi");
    worker.join().expect("worker");
}

#[tokio::test]
async fn a_body_that_is_cut_short_says_so() {
    let mut rig = Rig::new(None);
    let worker = rig.worker(|w| {
        let id = w.request();
        for expected in [0, flag::ABORT | flag::LAST] {
            w.send(Kind::Want, 0, id, &99_u32.to_le_bytes());
            assert_eq!(w.next().expect("a frame").0.flags, expected);
        }
        w.answer(ALL, id, b"");
    });
    let mut client = Browser { body: vec![Ok(b"abc"), Err(())], ..Browser::default() };
    rig.serve(&post(9), &mut client).await.expect("served");
    worker.join().expect("worker");
}

#[tokio::test]
async fn a_worker_that_ended_while_idle_costs_its_next_request_nothing() {
    let mut rig = Rig::new(None);
    rig.worker(|w| {
        let id = w.request();
        w.answer(ALL, id, b"from the second");
    });
    rig.worker(drop).join().expect("it ends");
    let mut client = Browser::default();
    rig.serve(&get(), &mut client).await.expect("served");
    assert_eq!(client.text(), "from the second");
    assert!(matches!(rig.events.recv().await, Some(Event::Lost(w)) if w.serial == 2));
}

#[tokio::test]
async fn a_worker_that_ends_before_it_reads_its_request_costs_nothing() {
    let mut rig = Rig::new(None);
    rig.worker(|w| {
        let id = w.request();
        w.answer(ALL, id, b"from the second");
    });
    // It sees that a request is there, and ends without reading it.
    rig.worker(|w| {
        while w.inbox.sleeps() {
            let mut byte = [0; 1];
            rustix::net::recv(&w.link, &mut byte[..], RecvFlags::PEEK).expect("io");
        }
    });
    let mut client = Browser::default();
    rig.serve(&get(), &mut client).await.expect("served");
    assert_eq!(client.text(), "from the second");
}

#[tokio::test]
async fn a_worker_that_crashes_fails_its_request_and_no_other_takes_it() {
    for (exit, expected) in [
        (
            Exit { code: None, signal: Some(11) },
            ServeError::Died("killed by signal 11 (SIGSEGV)".into()),
        ),
        (Exit { code: Some(91), signal: None }, ServeError::OverLimit),
        (Exit { code: Some(3), signal: None }, ServeError::Died("ended with exit code 3".into())),
    ] {
        let mut rig = Rig::new(None);
        rig.worker(|_| ());
        let crashing = rig.worker(|w| {
            w.request();
        });
        let worker = rig.pool.floor.roster.workers.get(&2).map(|w| Arc::clone(&w));
        worker.expect("it is there").has_ended(exit);
        let mut client = Browser::default();
        assert_eq!(rig.serve(&get(), &mut client).await, Err(expected));
        assert!(client.got.is_empty());
        crashing.join().expect("worker");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_is_reported_and_the_worker_stays() {
    let mut rig = Rig::new(None);
    let worker = rig.worker(|w| {
        let id = w.request();
        w.answer(flag::FLUSH, id, b"one");
        let (header, _) = w.next().expect("a frame");
        assert_eq!((header.kind, header.id), (Kind::Abort, id));
        w.send(Kind::Want, 0, id, &9_u32.to_le_bytes());
        assert!(w.next().expect("a frame").0.has(flag::ABORT));
        w.send(Kind::Response, ALL, id, b"unheard");
    });
    let mut client = Browser { gone_after: Some(1), ..Browser::default() };
    assert_eq!(rig.serve(&get(), &mut client).await, Ok(Served { gone: true }));
    rig.idle(1).await;
    worker.join().expect("worker");
    assert_eq!(client.got.len(), 1);
}

#[tokio::test]
async fn a_request_that_is_dropped_lets_its_worker_finish() {
    let mut rig = Rig::new(None);
    let (seen, is_seen) = std::sync::mpsc::channel();
    let worker = rig.worker(move |w| {
        let id = w.request();
        seen.send(()).expect("the test waits");
        assert_eq!(w.next().expect("a frame").0.kind, Kind::Abort);
        w.answer(ALL, id, b"");
    });
    let pool = Arc::clone(&rig.pool);
    let request = tokio::spawn(async move { pool.serve(&get(), &mut Browser::default()).await });
    tokio::task::spawn_blocking(move || is_seen.recv()).await.expect("joined").expect("a request");
    request.abort();
    rig.idle(1).await;
    worker.join().expect("worker");
}

#[tokio::test]
async fn a_request_that_finds_no_worker_in_time_is_refused() {
    let rig = Rig::new(Some(Duration::from_millis(20)));
    let mut client = Browser::default();
    let error = rig.serve(&get(), &mut client).await.expect_err("nobody is there");
    assert_eq!((error.status(), error.body()), (503, "maximum request handling time exceeded"));
}

#[tokio::test]
async fn a_request_that_waits_gets_the_next_worker_unless_it_left() {
    let mut rig = Rig::new(None);
    let waiting = |rig: &Rig| {
        let pool = Arc::clone(&rig.pool);
        tokio::spawn(async move {
            let mut client = Browser::default();
            pool.serve(&get(), &mut client).await.map(|_| client.text())
        })
    };
    let (leaves, stays) = (waiting(&rig), waiting(&rig));
    tokio::task::yield_now().await;
    leaves.abort();
    assert!(leaves.await.expect_err("aborted").is_cancelled());
    rig.worker(|w| {
        let id = w.request();
        w.answer(ALL, id, b"served");
    });
    assert_eq!(stays.await.expect("joined"), Ok("served".to_owned()));
}

#[tokio::test]
async fn a_closed_pool_refuses_who_waits_and_who_comes() {
    let rig = Rig::new(None);
    let pool = Arc::clone(&rig.pool);
    let waits = tokio::spawn(async move { pool.serve(&get(), &mut Browser::default()).await });
    tokio::task::yield_now().await;
    rig.pool.close();
    assert_eq!(waits.await.expect("joined"), Err(ServeError::Closing));
    assert_eq!(rig.serve(&get(), &mut Browser::default()).await, Err(ServeError::Closing));
}

#[tokio::test]
async fn a_worker_that_breaks_the_rules_is_killed() {
    type Breaks = fn(&Puppet, u64);
    let breaks: [Breaks; 20] = [
        // Flags out of order.
        |w, id| w.send(Kind::Response, ALL, id, b"no head"),
        |w, id| w.send(Kind::Response, 0, id, b"no head"),
        |w, id| (0..2).for_each(|_| w.answer(flag::FLUSH, id, b"two heads")),
        |w, _| w.send(Kind::Ready, 0, 0, b""),
        // Of another request, or what no server is sent.
        |w, id| w.answer(ALL, id + 1, b"another's answer"),
        |w, id| w.send(Kind::Want, 0, id + 1, &[1, 0, 0, 0]),
        |w, id| w.send(Kind::Inform, 0, id + 1, &[103, 0, 0, 0]),
        |w, id| w.send(Kind::Request, 0, id, b""),
        |w, id| w.send(Kind::Result, 0, id, b"\0{}"),
        |w, id| w.send(Kind::TaskDone, flag::IDLE, id, b"\0{}"),
        |w, id| w.send(Kind::Spawn, 0, id, b"\0\0{}"),
        // Payloads that end early, or say that there is more than there is.
        |w, id| w.send(Kind::Response, flag::HEAD, id, b"\xff"),
        |w, id| w.send(Kind::Response, flag::HEAD, id, b"\xc8\0\xff\xff\xff\xff\xff\xff"),
        |w, id| w.send(Kind::Want, 0, id, b"\0"),
        |w, id| w.send(Kind::Log, 0, id, b"\x09"),
        // No frames.
        |w, _| w.send_raw(b"short"),
        |w, _| w.send_raw(&[0; 16]),
        |w, id| w.send_raw(&[&header(flag::LAST, id, 9)[..], b"less"].concat()),
        |w, id| w.send_raw(&[&header(flag::LAST, id, FRAME_MAX)[..], &[0; FRAME_MAX]].concat()),
        // A message without an end.
        |w, id| w.send_raw(&header(flag::HEAD | flag::MORE, id, 0)),
    ];
    for (n, breaks) in breaks.into_iter().enumerate() {
        let mut rig = Rig::new(None);
        rig.worker(move |w| {
            let id = w.request();
            breaks(&w, id);
        });
        let got = rig.serve(&get(), &mut Browser::default()).await;
        assert!(matches!(got, Err(ServeError::Protocol(_))), "{n}: {got:?}");
        assert!(matches!(rig.events.recv().await, Some(Event::Kill(1))), "{n}");
    }
}

#[tokio::test]
async fn a_worker_that_never_stops_logging_holds_up_its_own_request_only() {
    let mut rig = Rig::new(None);
    let good = rig.worker(|w| {
        let id = w.request();
        w.answer(ALL, id, b"hello");
    });
    let mut line = Writer::default();
    let source = response::Source::ErrorLog;
    response::Log { source, level: 3, message: b"again", context: b"" }.encode(&mut line);
    let flood = rig.worker(move |w| {
        let id = w.request();
        let log = (Kind::Log, 0, id);
        while send(&w.link, log, [&line.0, b""], SendFlags::empty()).is_ok() {}
    });
    let pool = Arc::clone(&rig.pool);
    let held = tokio::spawn(async move { pool.serve(&get(), &mut Browser::default()).await });
    tokio::task::yield_now().await;
    let mut client = Browser::default();
    rig.serve(&get(), &mut client).await.expect("served");
    assert_eq!(client.text(), "hello");
    good.join().expect("worker");
    let loud = rig.pool.floor.roster.worker(2).expect("it is there");
    loud.link.hang_up();
    loud.has_ended(Exit { code: None, signal: Some(9) });
    assert!(matches!(held.await.expect("joined"), Err(ServeError::Died(_))));
    flood.join().expect("worker");
}

#[tokio::test]
async fn a_worker_that_wants_the_body_and_never_reads_it_is_killed() {
    /// A body without an end.
    struct Endless;
    impl Client for Endless {
        async fn read_body(&mut self) -> io::Result<Option<Bytes>> {
            Ok(Some(Bytes::from_static(&[0; 60_000])))
        }
        async fn inform(&mut self, _head: AnswerHead) -> Result<(), Gone> {
            Ok(())
        }
        async fn reply(&mut self, _part: Part) -> Result<(), Gone> {
            Ok(())
        }
    }
    let mut rig = Rig::new(None);
    let worker = rig.worker(|w| {
        let id = w.request();
        let want = (Kind::Want, 0, id);
        while send(&w.link, want, [&[0xff; 4], b""], SendFlags::empty()).is_ok() {}
    });
    let got = rig.pool.serve(&post(-1), &mut Endless).await;
    let why = "does not read what it is sent";
    assert_eq!(got, Err(ServeError::Protocol(why.to_owned())));
    assert!(matches!(rig.events.recv().await, Some(Event::Kill(1))));
    worker.join().expect("worker");
}

#[tokio::test]
async fn a_request_does_not_wait_anew_after_each_worker_that_died() {
    let mut rig = Rig::new(Some(Duration::from_millis(100)));
    let pool = Arc::clone(&rig.pool);
    let began = std::time::Instant::now();
    let waits = tokio::spawn(async move { pool.serve(&get(), &mut Browser::default()).await });
    while !waits.is_finished() && began.elapsed() < Duration::from_secs(5) {
        rig.worker(drop).join().expect("it ends");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(waits.await.expect("joined"), Err(ServeError::Busy));
}

#[tokio::test]
async fn an_answer_that_is_given_up_is_broken_and_the_worker_stays() {
    let mut rig = Rig::new(None);
    let worker = rig.worker(|w| {
        let id = w.request();
        w.answer(0, id, b"a part");
        w.send(Kind::Response, flag::DONE | flag::IDLE, id, b"");
        let id = w.request();
        w.send(Kind::Response, flag::DONE | flag::IDLE, id, b"");
    });
    for parts in [1, 0] {
        let mut client = Browser::default();
        assert_eq!(rig.serve(&get(), &mut client).await, Err(ServeError::OverLimit));
        assert_eq!((client.got.len(), rig.pool.idle_count()), (parts, 1));
    }
    worker.join().expect("worker");
}

#[tokio::test]
async fn a_script_that_leaves_its_loop_after_a_request_is_no_failure() {
    let mut rig = Rig::new(None);
    let worker = rig.worker(|w| {
        let id = w.request();
        w.answer(flag::LAST | flag::DONE, id, b"last words");
    });
    let mut client = Browser::default();
    assert_eq!(rig.serve(&get(), &mut client).await, Ok(Served { gone: false }));
    assert_eq!(client.text(), "last words");
    worker.join().expect("worker");
    assert!(matches!(rig.events.recv().await, Some(Event::Lost(_))));
}
