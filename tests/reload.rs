//! Configurations that replace one another under load: no request is lost, and nothing of
//! the replaced ones stays.

use super::support::endpoint::{Endpoint, Holdings};
use super::support::server::free_port;
use super::support::{Client, poll};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Clients at work, 64 at a time.
const CLIENTS: usize = 64;
/// A body that takes several parts.
const BODY_LEN: usize = 64 * 1024;

/// What a client does as long as its load goes on.
type Work = fn(u16, &Load);

/// What the clients of one test know of it.
#[derive(Debug, Default)]
struct Load {
    stop: AtomicBool,
    /// Configurations that were loaded so far.
    loads: AtomicU32,
    served: AtomicU64,
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Waits until another configuration runs, or the end has come.
    fn wait_for_a_load(&self) {
        let now = self.loads.load(Ordering::Relaxed);
        poll("the next load", || {
            (self.loads.load(Ordering::Relaxed) != now || !self.goes_on()).then_some(())
        });
    }

    fn loaded(&self) {
        self.loads.fetch_add(1, Ordering::Relaxed);
    }

    fn served(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks on a connection that stays open.
fn ask_again_and_again(port: u16, load: &Load) {
    let mut client = Client::connect(port);
    while load.goes_on() {
        let answer = client.get("/");
        assert_eq!((answer.status, &answer.body[..5]), (200, "load "), "{answer:?}");
        load.served();
    }
}

/// Connects for each request.
fn connect_again_and_again(port: u16, load: &Load) {
    while load.goes_on() {
        let mut client = Client::connect(port);
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = client.receive();
        assert_eq!((answer.status, &answer.body[..5]), (200, "load "), "{answer:?}");
        load.served();
    }
}

/// Sends half a body under one configuration and the rest under the next.
fn upload_across_loads(port: u16, load: &Load) {
    let body = "x".repeat(BODY_LEN);
    let (first, rest) = body.split_at(BODY_LEN / 2);
    let mut client = Client::connect(port);
    while load.goes_on() {
        client.send(&format!(
            "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY_LEN}\r\n\r\n{first}"
        ));
        load.wait_for_a_load();
        client.send(rest);
        let answer = client.receive();
        assert_eq!((answer.status, answer.body.len()), (200, BODY_LEN));
        load.served();
    }
}

/// Takes half an answer under one configuration and the rest under the next.
fn download_across_loads(port: u16, load: &Load) {
    while load.goes_on() {
        let mut client = Client::connect(port);
        client.send("GET /big.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        load.wait_for_a_load();
        let answer = client.receive();
        assert_eq!((answer.status, answer.body.len()), (200, 64 * BODY_LEN));
        load.served();
    }
}

/// Is idle for a few loads, then asks on the same connection.
fn rest_and_ask(port: u16, load: &Load) {
    let mut client = Client::connect(port);
    while load.goes_on() {
        assert_eq!(client.get("/").status, 200);
        (0..5).for_each(|_| load.wait_for_a_load());
        load.served();
    }
}

fn spawn(
    load: &Arc<Load>,
    clients: impl IntoIterator<Item = Work>,
    port: u16,
) -> Vec<JoinHandle<()>> {
    let start = |client: Work| {
        let load = Arc::clone(load);
        std::thread::spawn(move || client(port, &load))
    };
    clients.into_iter().map(start).collect()
}

/// Ends the clients, each of which has got all its answers.
#[track_caller]
fn join(load: &Load, clients: Vec<JoinHandle<()>>) {
    load.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("no request was lost");
    }
}

/// Waits until a server holds no more than it did.
#[track_caller]
fn settled(endpoint: &Endpoint, before: &Holdings) {
    let mut last = *before;
    let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        poll("everything to be given back", || {
            last = endpoint.holdings();
            last.is_within(before).then_some(())
        });
    }));
    assert!(waited.is_ok(), "before: {before:?}\nafter: {last:?}");
}

#[test]
fn a_hundred_loads_under_64_connections_lose_and_leave_nothing() {
    let endpoint = Endpoint::start();
    let (kept, even, odd) = (free_port(), free_port(), free_port());
    let folder = endpoint.site.folder().canonicalize().expect("it is there");
    std::fs::write(folder.join("big.txt"), "x".repeat(64 * BODY_LEN)).expect("written");
    let log = folder.join("access.log");
    let caddyfile = |n: u32| {
        // Two addresses come and go.
        let other = if n.is_multiple_of(2) { even } else { odd };
        format!(
            "{{\n\tadmin ADMIN\n}}\n:{kept} {{\n\tlog {{\n\t\toutput file {}\n\t}}\n\troot {}\n\t\
             handle /upload {{\n\t\trespond \"{{http.request.body}}\"\n\t}}\n\thandle /big.txt {{\n\t\tfile_server\n\t}}\n\t\
             handle {{\n\t\trespond \"load {n}\"\n\t}}\n}}\n:{other} {{\n\trespond x\n}}\n",
            log.display(),
            folder.display(),
        )
    };
    for n in 0..2 {
        let answer = endpoint.load(&caddyfile(n));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let before = endpoint.holdings();
    let load = Arc::new(Load::default());
    let kinds: [(usize, Work); 5] = [
        (32, ask_again_and_again),
        (12, connect_again_and_again),
        (8, upload_across_loads),
        (8, download_across_loads),
        (4, rest_and_ask),
    ];
    assert_eq!(kinds.iter().map(|(count, _)| count).sum::<usize>(), CLIENTS);
    let all = kinds.into_iter().flat_map(|(count, kind)| std::iter::repeat_n(kind, count));
    let clients = spawn(&load, all, kept);
    for n in 2..102 {
        let answer = endpoint.load(&caddyfile(n));
        assert_eq!(answer.status, 200, "{}", answer.body);
        load.loaded();
        assert_eq!(Client::connect(kept).get("/").body, format!("load {n}"));
        let other = if n.is_multiple_of(2) { even } else { odd };
        assert_eq!(Client::connect(other).get("/").body, "x");
    }
    join(&load, clients);
    assert!(load.served.load(Ordering::Relaxed) > 1000);
    settled(&endpoint, &before);
    assert!(std::fs::metadata(&log).expect("a log").len() > 0);
}

#[test]
fn addresses_that_overlap_replace_one_another_without_a_gap() {
    let endpoint = Endpoint::start();
    let port = free_port();
    let caddyfile = |n: u32, address: &str| {
        format!("{{\n\tadmin ADMIN\n}}\nhttp:// {{\n\tbind {address}\n\trespond \"load {n}\"\n}}\n")
            .replace("http:// ", &format!("http://:{port} "))
    };
    assert_eq!(endpoint.load(&caddyfile(0, "127.0.0.1")).status, 200);
    assert_eq!(endpoint.load(&caddyfile(1, "127.0.0.1")).status, 200);
    let before = endpoint.holdings();
    let load = Arc::new(Load::default());
    let clients = spawn(&load, [connect_again_and_again as Work; 16], port);
    // Whoever connects to 127.0.0.1 must be answered throughout.
    let addresses = ["::", "127.0.0.1", "0.0.0.0", "127.0.0.1 [::1]", "tcp4/0.0.0.0", "localhost"];
    for (n, address) in (2..50).zip(addresses.iter().cycle()) {
        let answer = endpoint.load(&caddyfile(n, address));
        assert_eq!(answer.status, 200, "{address}: {}", answer.body);
        load.loaded();
        assert_eq!(Client::connect(port).get("/").body, format!("load {n}"), "{address}");
    }
    join(&load, clients);
    assert_eq!(endpoint.load(&caddyfile(99, "127.0.0.1")).status, 200);
    settled(&endpoint, &before);
}

#[test]
fn php_is_replaced_without_losing_a_request() {
    let endpoint = Endpoint::start();
    let port = free_port();
    let folder = endpoint.site.folder().canonicalize().expect("it is there");
    let script = folder.join("public/index.php");
    std::fs::create_dir_all(folder.join("public")).expect("a folder");
    let worker = "<?php $n = 0; while (frankenphp_handle_request(function () use (&$n) {
        usleep(2000); echo ++$n, ' ', ini_get('memory_limit'); })) {}";
    std::fs::write(&script, worker).expect("written");
    let caddyfile = |limit: &str| {
        format!(
            "{{\n\tadmin ADMIN\n\tfrankenphp {{\n\t\tnum_threads 3\n\t\tphp_ini memory_limit \
             {limit}\n\t\tworker {} 2\n\t}}\n}}\n:{port} {{\n\troot {}\n\tphp_server\n}}\n",
            script.display(),
            folder.join("public").display()
        )
    };
    let loaded = endpoint.load(&caddyfile("100M"));
    assert_eq!(loaded.status, 200, "{}", loaded.body);
    // The second one is beside the first for a moment, as all that follow are.
    assert_eq!(endpoint.load(&caddyfile("100M")).status, 200);
    poll("the first to end", || (endpoint.holdings().retiring == 0).then_some(()));
    let before = endpoint.holdings();
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut client = Client::connect(port);
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.get("/");
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            })
        })
        .collect();
    for n in 101..106 {
        let loaded = endpoint.load(&caddyfile(&format!("{n}M")));
        assert_eq!(loaded.status, 200, "{}", loaded.body);
        let answer = Client::connect(port).get("/").body;
        assert!(answer.ends_with(&format!(" {n}M")), "{answer}");
    }
    let restarted = endpoint.ask("POST", "/frankenphp/workers/restart", "", "");
    assert_eq!(restarted.body, "workers restarted successfully\n");
    let threads = endpoint.ask("GET", "/frankenphp/threads", "", "").json();
    assert_eq!(threads["ThreadDebugStates"].as_array().map(Vec::len), Some(3));
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("no request was lost");
    }
    settled(&endpoint, &before);
}
