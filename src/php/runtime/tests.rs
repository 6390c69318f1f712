//! A whole runtime over a zygote that is a thread of the test, and so are its workers:
//! the supervisor, the pools, the tasks and the links between them are real.

use super::super::inbox::tests::next_for_idle;
use super::super::log::Silent;
use super::super::{Client, Gone, Head as AnswerHead, Part, ServeError};
use super::*;
use bytes::Bytes;
use php_wire::codec::Writer;
use php_wire::control::{FromZygote, ToZygote};
use php_wire::frame::{FRAME_MAX, Header, Kind, flag, pair, receive, send};
use php_wire::request::Head;
use php_wire::response;
use php_wire::ring::Taking;
use php_wire::task::{Outcome, PoolTable, Spawn, task_id};
use rustix::net::{RecvFlags, SendFlags, Shutdown, shutdown};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc as std_mpsc;

/// How a puppet ends: with an exit code, or by a signal.
type End = Result<i32, i32>;

/// The zygote's end of the control link, and what its workers can be reached by.
struct Stage {
    control: OwnedFd,
    workers: Mutex<HashMap<u32, Reach>>,
    killed: Mutex<Vec<u32>>,
    /// The messages of all tasks that began.
    tasks: Mutex<Vec<Vec<u8>>>,
    /// Where `/meet` waits for the others.
    meeting: Barrier,
    /// Whether it plays dead: its workers go on when the server closes the link.
    dead: AtomicBool,
    /// Whether it forks without saying so.
    silent: AtomicBool,
}

/// A worker's socket, and the way to tell it to stop a job.
type Reach = (Arc<OwnedFd>, std_mpsc::Sender<u64>);

impl Stage {
    /// Plays the zygote until the server lets go.
    fn play(self: &Arc<Self>) {
        while let Ok(Some((order, fds))) =
            php_wire::control::receive(&self.control, RecvFlags::empty())
        {
            match order {
                ToZygote::Boot { .. } => {}
                ToZygote::Fork(spec) => self.fork(spec, fds),
                ToZygote::Stop { serial, job } => {
                    if let Some((_, stop)) = self.workers.lock().get(&serial) {
                        // A worker that has ended no longer listens.
                        let _ = stop.send(job);
                    }
                }
                ToZygote::Kill { serial } => {
                    let workers = self.workers.lock();
                    if let Some((socket, _)) = workers.get(&serial) {
                        shutdown(socket, Shutdown::Both).expect("a socket");
                    }
                    self.killed.lock().push(serial);
                }
            }
        }
        if self.dead.load(Ordering::Relaxed) {
            return;
        }
        for (socket, _) in self.workers.lock().values() {
            shutdown(socket, Shutdown::Both).expect("a socket");
        }
    }

    fn fork(self: &Arc<Self>, spec: WorkerSpec, sockets: Vec<OwnedFd>) {
        let mut sockets = sockets.into_iter();
        let (socket, inbox) = (sockets.next().expect("a link"), sockets.next().expect("an inbox"));
        let inbox = Taking::open(inbox).expect("an inbox");
        let (serial, pid) = (spec.serial, 1000 + i32::try_from(spec.serial).expect("few"));
        let (stop, stopped) = std_mpsc::channel();
        let socket = Arc::new(socket);
        self.workers.lock().insert(serial, (Arc::clone(&socket), stop));
        if !self.silent.load(Ordering::Relaxed) {
            self.report(&FromZygote::Forked { serial, pid });
        }
        let stage = Arc::clone(self);
        std::thread::spawn(move || {
            let spawned = AtomicU32::new(0);
            let on = Arc::clone(&stage);
            let puppet = Puppet { stage: on, spec, socket, inbox, stopped, spawned };
            let end = puppet.live().unwrap_or(Ok(90));
            drop(puppet);
            stage.workers.lock().remove(&serial);
            let killed = stage.killed.lock().contains(&serial);
            let end = if killed { Err(9) } else { end };
            let (code, signal) = (end.ok(), end.err());
            stage.report(&FromZygote::Exited { serial, pid, code, signal });
        });
    }

    fn report(&self, report: &FromZygote) {
        // A server that is gone hears nothing.
        let _ = php_wire::control::send(&self.control, report, &[]);
    }
}

/// A worker, played by a thread.
struct Puppet {
    stage: Arc<Stage>,
    spec: WorkerSpec,
    socket: Arc<OwnedFd>,
    inbox: Taking,
    stopped: std_mpsc::Receiver<u64>,
    /// How many tasks it spawned.
    spawned: AtomicU32,
}

impl Puppet {
    /// The whole life of a worker; `None` when the server is gone.
    fn live(&self) -> Option<End> {
        if self.spec.script.ends_with("fails.php") {
            let mut line = Writer::default();
            let source = response::Source::Output;
            response::Log { source, level: 6, message: b"PHP Parse error\n", context: b"" }
                .encode(&mut line);
            self.send(Kind::Log, 0, 0, &line.0);
            return Some(Ok(255));
        }
        self.send(Kind::Ready, 0, 0, b"");
        loop {
            let (header, payload) = self.work()?;
            match header.kind {
                Kind::Drain => return Some(Ok(0)),
                Kind::Request => {
                    let head = Head::decode(&payload).expect("well-formed");
                    if let Some(end) = self.request(header.id, &head)? {
                        return Some(end);
                    }
                }
                Kind::Task => {
                    if let Some(end) = self.task(header.id, &payload)? {
                        return Some(end);
                    }
                }
                _ => {}
            }
        }
    }

    /// `/crash` crashes, `/meet` waits until three do, `/spawn?m` answers what the task
    /// with the message `m` gave, `/leave?m` waits only until it has begun,
    /// everything else says who it is.
    fn request(&self, id: u64, head: &Head<'_>) -> Option<Option<End>> {
        let text = match head.request_uri {
            b"/crash" => return Some(Some(Err(11))),
            b"/spawn" => {
                let task = self.spawn(head.query);
                self.result(task)?
            }
            b"/meet" => {
                self.stage.meeting.wait();
                b"met".to_vec()
            }
            b"/leave" => {
                let begun = self.stage.tasks.lock().len();
                self.spawn(head.query);
                while self.stage.tasks.lock().len() == begun {
                    std::thread::yield_now();
                }
                b"left".to_vec()
            }
            _ => format!("{} {}", self.spec.title, self.spec.serial).into_bytes(),
        };
        let mut answer = Writer::default();
        response::Head { status: 200, lines: vec![] }.encode(&mut answer);
        answer.0.extend_from_slice(&text);
        let bits = flag::HEAD | flag::LAST | flag::DONE | flag::IDLE;
        self.send(Kind::Response, bits, id, &answer.0);
        Some(None)
    }

    /// `crash` crashes, `hang` waits until it is stopped, `stuck` longer, `again` spawns
    /// and awaits a task of its own, `break:N` breaks a rule, everything else comes back.
    fn task(&self, id: u64, message: &[u8]) -> Option<Option<End>> {
        self.stage.tasks.lock().push(message.to_vec());
        let text = match message {
            b"crash" => return Some(Some(Err(11))),
            b"hang" => {
                assert_eq!(self.stopped.recv(), Ok(id));
                b"stopped".to_vec()
            }
            b"stuck" => loop {
                self.next()?;
            },
            b"again" => {
                let task = self.spawn(b"deeper");
                self.send(Kind::Await, 0, task, b"");
                self.result(task)?
            }
            [b'b', b'r', b'e', b'a', b'k', b':', rule] => {
                self.break_rule(*rule, id);
                self.next()?;
                b"forgiven".to_vec()
            }
            other => other.to_vec(),
        };
        self.send(Kind::TaskDone, flag::IDLE, id, &[b"\0", &text[..]].concat());
        Some(None)
    }

    fn break_rule(&self, rule: u8, id: u64) {
        match rule {
            b'0' => self.send(Kind::TaskDone, 0, id + 1, b"\0another's"),
            b'1' => self.send(Kind::TaskDone, 0, id, b"\x09no outcome"),
            b'2' => self.send(Kind::Ready, 0, 0, b""),
            b'3' => self.send(Kind::Response, flag::HEAD, id, b""),
            b'4' => self.send(Kind::Result, 0, id, b"\0{}"),
            b'5' => self.send(Kind::Spawn, 0, task_id(self.spec.serial + 1, 1), b"\0\0another's"),
            _ => self.send(Kind::Spawn, 0, task_id(self.spec.serial, 1), b""),
        }
    }

    fn spawn(&self, message: &[u8]) -> u64 {
        let n = self.spawned.fetch_add(1, Ordering::Relaxed) + 1;
        let task = task_id(self.spec.serial, n);
        let mut payload = Writer::default();
        Spawn::encode_head(0, &mut payload);
        payload.0.extend_from_slice(message);
        self.send(Kind::Spawn, 0, task, &payload.0);
        task
    }

    /// The text of a task's outcome.
    fn result(&self, task: u64) -> Option<Vec<u8>> {
        loop {
            let (header, payload) = self.next()?;
            if header.kind == Kind::Result && header.id == task {
                return Some(Outcome::decode(&payload).expect("well-formed").text().to_vec());
            }
        }
    }

    fn send(&self, kind: Kind, bits: u8, id: u64, payload: &[u8]) {
        // A server that is gone hears nothing.
        let _ = send(&self.socket, (kind, bits, id), [payload, b""], SendFlags::empty());
    }

    /// The next request, task or whatever else comes to who is idle.
    fn work(&self) -> Option<(Header, Vec<u8>)> {
        next_for_idle(&self.inbox, &self.socket)
    }

    fn next(&self) -> Option<(Header, Vec<u8>)> {
        read(&self.socket)
    }
}

/// The next frame; `None` when the server is gone.
fn read(socket: &OwnedFd) -> Option<(Header, Vec<u8>)> {
    let mut buffer = vec![0; FRAME_MAX];
    let got = receive(socket, &mut buffer, RecvFlags::empty()).ok()?;
    got.map(|(h, p)| (h, p.to_vec()))
}

/// A client that keeps the body.
#[derive(Default)]
struct Browser(Vec<u8>);

impl Client for Browser {
    async fn read_body(&mut self) -> io::Result<Option<Bytes>> {
        Ok(None)
    }

    async fn inform(&mut self, _head: AnswerHead) -> Result<(), Gone> {
        Ok(())
    }

    async fn reply(&mut self, part: Part) -> Result<(), Gone> {
        self.0.extend_from_slice(&part.body);
        Ok(())
    }
}

/// Two classic workers, one worker of a worker script, and a task pool of `tasks` workers.
fn settings(script: &str, tasks: u32) -> Settings {
    let size = |num| Size { num, max: num };
    Settings {
        host: PathBuf::from("/nowhere/pogo-php"),
        ini: Vec::new(),
        classic: size(2),
        threads_max: 3,
        processors: 2,
        max_wait: Some(Duration::from_secs(5)),
        max_idle: Duration::from_secs(5),
        max_requests: 0,
        workers: vec![WorkerScript {
            name: "w".into(),
            script: PathBuf::from(script),
            size: size(1),
            env: Vec::new(),
            match_path: Vec::new(),
            max_failures: Some(0),
            scope: None,
        }],
        tasks: Some(vec![TaskPool {
            name: "default".into(),
            script: PathBuf::from("/srv/task.php"),
            num: tasks,
            max_wait: Duration::from_millis(300),
        }]),
    }
}

async fn start(settings: Settings) -> (Result<Arc<Runtime>, StartError>, Arc<Stage>) {
    start_over(settings, false).await
}

/// Starts over a zygote that says who it forked, or is `silent` about it.
async fn start_over(
    settings: Settings,
    silent: bool,
) -> (Result<Arc<Runtime>, StartError>, Arc<Stage>) {
    let (ours, theirs) = pair().expect("a socket pair");
    let stage = Arc::new(Stage {
        control: theirs,
        workers: Mutex::default(),
        killed: Mutex::default(),
        tasks: Mutex::default(),
        meeting: Barrier::new(3),
        dead: AtomicBool::new(false),
        silent: AtomicBool::new(silent),
    });
    let actor = Arc::clone(&stage);
    std::thread::spawn(move || actor.play());
    let php = PhpInfo { version: "8.2.0".into(), zts: false, opcache: true };
    let runtime = Runtime::over(Zygote::puppet(ours), php, settings, Arc::new(Silent)).await;
    (runtime, stage)
}

async fn started(tasks: u32) -> (Arc<Runtime>, Arc<Stage>) {
    let (runtime, stage) = start(settings("/srv/w.php", tasks)).await;
    (runtime.expect("it starts"), stage)
}

async fn get(pool: &Arc<Pool>, uri: &str, query: &str) -> Result<String, ServeError> {
    let (request_uri, query) = (uri.as_bytes(), query.as_bytes());
    let head = Head { request_uri, query, body_complete: true, ..Head::default() };
    let mut client = Browser::default();
    let served = tokio::time::timeout(Duration::from_secs(10), pool.serve(&head, &mut client));
    served.await.expect("an end in time")?;
    Ok(String::from_utf8(client.0).expect("text"))
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{what} does not come about");
}

#[tokio::test]
async fn all_pools_are_up_when_the_start_returns() {
    let (runtime, stage) = started(2).await;
    assert_eq!(stage.workers.lock().len(), 5);
    assert!(get(runtime.classic(), "/", "").await.expect("served").starts_with("worker classic "));
    let script = runtime.worker_for(b"/srv/w.php").expect("a worker script");
    assert!(get(script, "/", "").await.expect("served").starts_with("worker w "));
    assert!(runtime.worker_for(b"/srv/other.php").is_none());
    runtime.shutdown(Duration::from_secs(5)).await;
    assert!(stage.workers.lock().is_empty());
    assert_eq!(get(runtime.classic(), "/", "").await, Err(ServeError::Closing));
}

#[tokio::test]
async fn a_script_that_does_not_come_up_stops_the_start_with_its_output() {
    let (runtime, stage) = start(settings("/srv/fails.php", 1)).await;
    let error = runtime.expect_err("it does not start").to_string();
    let expected = "failed to initialize workers: too many consecutive failures: worker \
                    /srv/fails.php has not reached frankenphp_handle_request() (ended with exit \
                    code 255); its output:\nPHP Parse error";
    assert_eq!(error, expected);
    until("the end of all workers", || stage.workers.lock().is_empty()).await;
}

#[tokio::test]
async fn a_worker_that_crashes_costs_one_request_and_is_replaced() {
    let (runtime, stage) = started(1).await;
    let died = ServeError::Died("killed by signal 11 (SIGSEGV)".into());
    for _ in 0..3 {
        assert_eq!(get(runtime.classic(), "/crash", "").await, Err(died.clone()));
        assert!(get(runtime.classic(), "/", "").await.is_ok());
    }
    until("a full house", || stage.workers.lock().len() == 4).await;
}

#[tokio::test]
async fn a_worker_that_is_killed_while_idle_is_replaced_before_anybody_notices() {
    let (runtime, stage) = started(1).await;
    let killed: Vec<u32> = stage.workers.lock().keys().copied().collect();
    for serial in &killed {
        runtime.roster.tell(Event::Kill(*serial));
    }
    until("their end", || stage.killed.lock().len() == killed.len()).await;
    for _ in 0..10 {
        assert!(get(runtime.classic(), "/", "").await.is_ok());
    }
    until("new workers", || {
        let workers = stage.workers.lock();
        workers.len() == 4 && killed.iter().all(|serial| !workers.contains_key(serial))
    })
    .await;
}

#[tokio::test]
async fn running_workers_go_on_without_a_zygote() {
    let (runtime, stage) = started(1).await;
    stage.dead.store(true, Ordering::Relaxed);
    shutdown(&stage.control, Shutdown::Write).expect("a socket");
    for _ in 0..5 {
        assert!(get(runtime.classic(), "/", "").await.is_ok());
    }
    assert_eq!(get(runtime.classic(), "/spawn", "hi").await, Ok("hi".into()));
}

#[tokio::test]
async fn workers_that_the_zygote_died_too_early_to_tell_of_are_let_go() {
    let (runtime, stage) = start_over(settings("/srv/w.php", 1), true).await;
    let runtime = runtime.expect("it starts");
    stage.dead.store(true, Ordering::Relaxed);
    shutdown(&stage.control, Shutdown::Write).expect("a socket");
    until("the end of the workers", || stage.workers.lock().is_empty()).await;
    until("an empty roster", || runtime.roster.workers.is_empty()).await;
}

#[tokio::test]
async fn a_task_comes_back_to_who_spawned_it() {
    let (runtime, _stage) = started(1).await;
    for _ in 0..100 {
        assert_eq!(get(runtime.classic(), "/spawn", "hello").await, Ok("hello".into()));
    }
}

#[tokio::test]
async fn a_task_whose_worker_crashes_says_so_and_the_next_one_runs() {
    let (runtime, _stage) = started(1).await;
    let error = "Pogo worker returned an error: killed by signal 11 (SIGSEGV)";
    for _ in 0..3 {
        assert_eq!(get(runtime.classic(), "/spawn", "crash").await, Ok(error.into()));
    }
    assert_eq!(get(runtime.classic(), "/spawn", "hello").await, Ok("hello".into()));
}

#[tokio::test]
async fn a_task_worker_that_breaks_the_rules_is_killed_and_its_caller_told() {
    let (runtime, stage) = started(1).await;
    for rule in 0..=6 {
        let answer = get(runtime.classic(), "/spawn", &format!("break:{rule}")).await;
        let answer = answer.expect("served");
        assert!(answer.starts_with("Pogo worker returned an error"), "{rule}: {answer}");
        until("the kill", || stage.killed.lock().len() == rule + 1).await;
    }
    assert_eq!(get(runtime.classic(), "/spawn", "hello").await, Ok("hello".into()));
}

#[tokio::test]
async fn a_task_that_nobody_awaits_is_stopped_with_its_request() {
    let (runtime, _stage) = started(1).await;
    assert_eq!(get(runtime.classic(), "/leave", "hang").await, Ok("left".into()));
    assert_eq!(get(runtime.classic(), "/spawn", "hello").await, Ok("hello".into()));
}

#[tokio::test]
async fn a_task_that_does_not_stop_is_killed_within_a_second() {
    let (runtime, stage) = started(1).await;
    assert_eq!(get(runtime.classic(), "/leave", "stuck").await, Ok("left".into()));
    until("the kill", || !stage.killed.lock().is_empty()).await;
    until("a full house", || stage.workers.lock().len() == 4).await;
    assert_eq!(get(runtime.classic(), "/spawn", "hello").await, Ok("hello".into()));
}

#[tokio::test]
async fn a_task_that_finds_no_worker_in_time_fails() {
    let (runtime, stage) = started(1).await;
    let pool = Arc::clone(runtime.classic());
    let busy = tokio::spawn(async move { get(&pool, "/spawn", "hang").await });
    until("a busy worker", || !stage.tasks.lock().is_empty()).await;
    let error = "Pogo pool \"default\" had no free worker within 300ms";
    assert_eq!(get(runtime.classic(), "/spawn", "hello").await, Ok(error.into()));
    busy.abort();
}

#[tokio::test]
async fn a_pool_of_one_that_waits_on_itself_is_refused() {
    let (runtime, _stage) = started(1).await;
    let error = "Pogo pool \"default\" would wait on itself";
    assert_eq!(get(runtime.classic(), "/spawn", "again").await, Ok(error.into()));
    let (runtime, _stage) = started(2).await;
    assert_eq!(get(runtime.classic(), "/spawn", "again").await, Ok("deeper".into()));
}

#[tokio::test]
async fn a_pool_grows_while_requests_wait_and_shrinks_when_they_do_not() {
    let mut few = settings("/srv/w.php", 1);
    few.classic = Size { num: 1, max: 3 };
    few.threads_max = 4;
    few.max_idle = Duration::from_millis(50);
    let (runtime, stage) = start(few).await;
    let runtime = runtime.expect("it starts");
    assert_eq!(stage.workers.lock().len(), 3);
    let meet = || get(runtime.classic(), "/meet", "");
    let met = tokio::join!(meet(), meet(), meet());
    assert_eq!(met, (Ok("met".into()), Ok("met".into()), Ok("met".into())));
    until("the usual number", || stage.workers.lock().len() == 3).await;
    assert!(get(runtime.classic(), "/", "").await.is_ok());
}

#[tokio::test]
async fn workers_are_told_of_the_pools_before_anything_else() {
    let (ours, theirs) = pair().expect("a socket pair");
    let php = PhpInfo { version: "8.2.0".into(), zts: false, opcache: true };
    let log = Arc::new(Silent);
    let starting =
        tokio::spawn(Runtime::over(Zygote::puppet(ours), php, settings("/w.php", 3), log));
    let table = tokio::task::spawn_blocking(move || {
        let got = php_wire::control::receive::<ToZygote>(&theirs, RecvFlags::empty());
        let (_, fds) = got.expect("io").expect("an order");
        let mut buffer = vec![0; FRAME_MAX];
        let fd = fds.first().expect("a socket");
        let (header, payload) =
            receive(fd, &mut buffer, RecvFlags::empty()).expect("io").expect("a frame");
        assert_eq!(header.kind, Kind::Pools);
        payload.to_vec()
    });
    let table = table.await.expect("joined");
    let expected = PoolTable { closing: false, pools: vec![(b"default", 3)] };
    assert_eq!(PoolTable::decode(&table).expect("well-formed"), expected);
    starting.abort();
}
