//! Requests that are sent to a worker that still has others.

use super::*;

impl Puppet {
    /// The next request: its id and its URI; `None` when it is told to end, or its server is
    /// gone.
    fn order(&self) -> Option<(u64, String)> {
        loop {
            let (header, payload) = self.next()?;
            match header.kind {
                Kind::Request => {
                    let head = Head::decode(&payload).expect("well-formed");
                    let uri = String::from_utf8_lossy(head.request_uri).into_owned();
                    return Some((header.id, uri));
                }
                Kind::Drain => return None,
                _ => {}
            }
        }
    }

    /// Answers with a text, as one that had the request for a few microseconds.
    fn answer_soon(&self, bits: u8, id: u64, text: &str) {
        let mut w = Writer::default();
        response::Head { status: 200, lines: vec![] }.encode(&mut w);
        w.0.extend_from_slice(text.as_bytes());
        let header = Header::new(Kind::Response, bits | flag::HEAD, id, w.0.len());
        let frame = [&Header { took: 5, ..header }.to_bytes(), &w.0[..]].concat();
        self.send_raw(&frame);
    }
}

/// A request for `uri` in a task of its own.
fn ask(rig: &Rig, uri: &str) -> tokio::task::JoinHandle<Result<String, ServeError>> {
    let (pool, uri) = (Arc::clone(&rig.pool), uri.to_owned());
    tokio::spawn(async move {
        let head = Head { request_uri: uri.as_bytes(), ..get() };
        let mut client = Browser::default();
        pool.serve(&head, &mut client).await.map(|_| client.text())
    })
}

/// Waits until so many requests have been sent ahead and stand.
async fn standing(rig: &Rig, count: usize) {
    for _ in 0..10_000 {
        if rig.pool.standing_count() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{} requests stand, not {count}", rig.pool.standing_count());
}

/// A rig with one worker, whose requests are known to be swift. When it is told so it answers
/// a request with its URI; `/crash` it does not answer, and ends.
async fn swift(count: u64) -> (Rig, std::sync::mpsc::Sender<()>) {
    swift_within(count, None).await
}

/// The same, where nobody waits longer than this for the worker.
async fn swift_within(
    count: u64,
    max_wait: Option<Duration>,
) -> (Rig, std::sync::mpsc::Sender<()>) {
    let mut rig = Rig::new(max_wait);
    let (go, told) = std::sync::mpsc::channel::<()>();
    rig.worker(move |w| {
        while let Some((id, uri)) = w.order() {
            if told.recv().is_err() || uri == "/crash" {
                return;
            }
            w.answer_soon(ALL, id, &uri);
        }
    });
    for _ in 0..count {
        go.send(()).expect("the worker lives");
        assert_eq!(ask(&rig, "/first").await.expect("joined"), Ok("/first".to_owned()));
    }
    (rig, go)
}

/// More than it takes to be known as swift.
const MANY: u64 = 64;

#[tokio::test]
async fn requests_stand_behind_a_swift_one_and_come_in_order() {
    let (rig, go) = swift(MANY).await;
    let asked: Vec<_> = ["/a", "/b", "/c"].map(|uri| ask(&rig, uri)).into();
    standing(&rig, 2).await;
    for (asked, uri) in asked.into_iter().zip(["/a", "/b", "/c"]) {
        go.send(()).expect("the worker lives");
        assert_eq!(asked.await.expect("joined"), Ok(uri.to_owned()));
    }
    rig.idle(1).await;
}

#[tokio::test]
async fn long_requests_stand_like_short_ones() {
    let (rig, go) = swift(MANY).await;
    let long = "x".repeat(15_000);
    let uris: Vec<_> = (0..40).map(|n| format!("/{n}/{}", [&*long, ""][n % 2])).collect();
    let asked: Vec<_> = uris.iter().map(|uri| ask(&rig, uri)).collect();
    uris.iter().for_each(|_| go.send(()).expect("the worker lives"));
    for (asked, uri) in asked.into_iter().zip(uris) {
        assert_eq!(asked.await.expect("joined"), Ok(uri));
    }
    rig.idle(1).await;
}

#[tokio::test]
async fn who_finds_the_inbox_full_does_not_stand_behind_a_slow_request() {
    let (mut rig, go) = swift(MANY).await;
    let slow = ask(&rig, "/slow");
    let long = "x".repeat(15_000);
    let uris: Vec<_> = (0..6).map(|n| format!("/{n}/{long}")).collect();
    let asked: Vec<_> = uris.iter().map(|uri| ask(&rig, uri)).collect();
    while !rig.pool.is_pressed() {
        tokio::task::yield_now().await;
    }
    rig.worker(|w| {
        while let Some((id, uri)) = w.order() {
            w.answer_soon(ALL, id, &uri);
        }
    });
    for (asked, uri) in asked.into_iter().zip(uris) {
        let answer = tokio::time::timeout(Duration::from_secs(10), asked).await;
        assert_eq!(answer.expect("an answer in time").expect("joined"), Ok(uri));
    }
    assert!(!slow.is_finished());
    go.send(()).expect("the worker lives");
    assert_eq!(slow.await.expect("joined"), Ok("/slow".to_owned()));
}

#[tokio::test]
async fn who_stands_waits_no_longer_than_others() {
    let (rig, _go) = swift_within(MANY, Some(Duration::from_millis(200))).await;
    let (first, second) = (ask(&rig, "/a"), ask(&rig, "/b"));
    assert_eq!(second.await.expect("joined"), Err(ServeError::Busy));
    assert!(!first.is_finished());
}

#[tokio::test]
async fn nobody_stands_behind_a_request_of_unknown_length() {
    let (rig, go) = swift(1).await;
    let (first, second) = (ask(&rig, "/a"), ask(&rig, "/b"));
    while !rig.pool.is_pressed() {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.pool.standing_count(), 0);
    for asked in [first, second] {
        go.send(()).expect("the worker lives");
        asked.await.expect("joined").expect("an answer");
    }
}

#[tokio::test]
async fn who_stands_behind_a_slow_request_gets_another_worker() {
    let (mut rig, go) = swift(MANY).await;
    let (slow, behind) = (ask(&rig, "/slow"), ask(&rig, "/behind"));
    standing(&rig, 1).await;
    rig.worker(|w| {
        let (id, uri) = w.order().expect("a request");
        w.answer_soon(ALL, id, &uri);
        w.order();
    });
    assert_eq!(behind.await.expect("joined"), Ok("/behind".to_owned()));
    assert!(!slow.is_finished());
    go.send(()).expect("the worker lives");
    assert_eq!(slow.await.expect("joined"), Ok("/slow".to_owned()));
    rig.idle(2).await;
}

#[tokio::test]
async fn a_crash_costs_only_the_request_that_the_worker_had() {
    let (mut rig, go) = swift(MANY).await;
    let (crash, behind) = (ask(&rig, "/crash"), ask(&rig, "/behind"));
    standing(&rig, 1).await;
    rig.pool.floor.roster.worker(1).expect("it is there").has_ended(Exit::default());
    go.send(()).expect("the worker lives");
    let died = ServeError::Died("ended, nobody saw how".into());
    assert_eq!(crash.await.expect("joined"), Err(died));
    rig.worker(|w| {
        let (id, uri) = w.order().expect("a request");
        w.answer_soon(ALL, id, &uri);
    });
    assert_eq!(behind.await.expect("joined"), Ok("/behind".to_owned()));
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_along_before_its_turn() {
    let (rig, go) = swift(MANY).await;
    let (first, leaves, last) = (ask(&rig, "/a"), ask(&rig, "/leaves"), ask(&rig, "/c"));
    standing(&rig, 2).await;
    leaves.abort();
    assert!(leaves.await.expect_err("aborted").is_cancelled());
    // One word for each that is served; the one that left needs none.
    for (asked, uri) in [(first, "/a"), (last, "/c")] {
        go.send(()).expect("the worker lives");
        assert_eq!(asked.await.expect("joined"), Ok(uri.to_owned()));
    }
    rig.idle(1).await;
}

/// Serves with all the ways that a worker has, in turn: most answers are the end of their
/// request, some take long, and after some it takes long, or a word more, until it is idle.
fn serve_in_turn(w: &Puppet, first: u32) {
    let pause = || std::thread::sleep(Duration::from_millis(5));
    for served in first.. {
        let Some((id, uri)) = w.order() else { return };
        let way = served % 97;
        if way == 0 {
            pause();
        }
        if (1..9).contains(&way) {
            w.answer_soon(flag::LAST | flag::DONE, id, &uri);
            w.send(Kind::Ready, 0, 0, b"");
        } else {
            w.answer_soon(ALL, id, &uri);
        }
        if way == 9 {
            pause();
        }
    }
}

/// Asks again and again, and leaves now and then, at any point.
async fn ask_much(pool: Arc<Pool>, client: u32) {
    for n in 0..1000 {
        let uri = format!("/{client}/{n}");
        let head = Head { request_uri: uri.as_bytes(), ..get() };
        let mut browser = Browser::default();
        let patience = if n % 50 == 49 { Duration::from_micros(n) } else { Duration::MAX };
        let served = tokio::time::timeout(patience, pool.serve(&head, &mut browser)).await;
        if let Ok(served) = served {
            assert_eq!((served, browser.text()), (Ok(Served { gone: false }), uri));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn whatever_workers_do_every_request_gets_its_own_answer() {
    let mut rig = Rig::new(None);
    for n in 0..4 {
        rig.worker(move |w| serve_in_turn(&w, n * 11));
    }
    let ask = |client| tokio::spawn(ask_much(Arc::clone(&rig.pool), client));
    let clients: Vec<_> = (0..16).map(ask).collect();
    for client in clients {
        client.await.expect("each its own answer");
    }
    rig.idle(4).await;
    assert_eq!(rig.pool.standing_count(), 0);
    rig.pool.close();
}
