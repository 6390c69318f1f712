//! Servers from hand-written configurations, asked over real sockets.

mod answers;
mod clients;
mod handlers;
mod hostile;
mod limits;
mod matchers;
mod smuggling;
mod smuggling_h2;

use super::{Live, Server};
use crate::logging::Logs;
use crate::metrics::Figures;
use crate::tracing::Tracers;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A server that runs for one test.
struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    done: JoinHandle<()>,
}

fn start(server: Value) -> Running {
    let mut server = server;
    server["listen"] = json!(["127.0.0.1:0"]);
    let config = json!({"apps": {"http": {"servers": {"srv0": server}}}});
    let config = serde_json::from_value(config).expect("a configuration");
    let figures = Arc::new(Figures::default());
    let logs = Logs::silent();
    let tracers = Tracers::new(Arc::clone(&logs));
    let server = Server::provision(&config, None, &logs, &figures, &tracers).expect("valid");
    figures.count(server.requests().cloned());
    let mut live = Live::default();
    let prepared = live.prepare(server).expect("a free port");
    drop(live.publish(prepared));
    let address = live.addresses()[0].parse().expect("an address");
    let (stop, mut stopping) = watch::channel(false);
    let done = tokio::spawn(async move {
        // A test that is over drops its end, and so everything ends.
        let _ = stopping.wait_for(|stop| *stop).await;
        live.retire().drain().await;
    });
    Running { address, stop, done }
}

fn routes(routes: &Value) -> Running {
    start(json!({"routes": routes}))
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }

    /// Everything that comes back for these bytes, until the server closes.
    async fn ask(&self, request: &str) -> String {
        let mut client = self.connect().await;
        client.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        let all = client.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(10), all).await.expect("in time").expect("read");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Asks for a path on a connection of its own.
    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            .await
    }
}

/// Compares status line, the named fields and the body.
#[track_caller]
fn check(answer: &str, status: &str, fields: &[&str], body: &str) {
    let (head, got) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    assert_eq!(head.lines().next(), Some(format!("HTTP/1.1 {status}").as_str()), "{answer}");
    for field in fields {
        let has = head.lines().any(|line| line.eq_ignore_ascii_case(field));
        assert!(has, "{field} in {answer}");
    }
    assert_eq!(got, body, "{answer}");
}

fn respond(body: &str) -> Value {
    json!({"handler": "static_response", "body": body})
}

#[tokio::test]
async fn a_fixed_answer_has_type_length_and_server() {
    let server = routes(&json!([{"handle": [respond("hello {http.request.method}")]}]));
    let fields = ["content-type: text/plain; charset=utf-8", "content-length: 9", "server: Caddy"];
    check(&server.get("/").await, "200 OK", &fields, "hello GET");
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    check(&server.ask(head).await, "200 OK", &["content-length: 10"], "");
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_order_even_when_sent_at_once() {
    let server = routes(&json!([{"handle": [respond("<{http.request.uri.path}>")]}]));
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let last = "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = server.ask(&(one("/1") + &one("/2") + last)).await;
    let order: Vec<_> = ["</1>", "</2>", "</3>"].iter().map(|p| answer.find(p)).collect();
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{answer}");
}

#[tokio::test]
async fn malformed_heads_are_refused_in_gos_words() {
    let body = "ok {http.request.host} {http.request.uri} {http.request.proto}";
    let server = routes(&json!([{"handle": [respond(body)]}]));
    let text = ["content-type: text/plain; charset=utf-8", "connection: close"];
    for request in
        ["GET /\r\nHost: a\r\n\r\n", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\r\n\r\n"]
    {
        check(&server.ask(request).await, "400 Bad Request", &text, "400 Bad Request");
    }
    let no_host = "400 Bad Request: missing required Host header";
    check(&server.ask("GET / HTTP/1.1\r\n\r\n").await, no_host, &text, no_host);
    let empty_host = "GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n";
    check(&server.ask(empty_host).await, "400 Bad Request", &[], "");
    let odd = "GET http://one.test/a?b HTTP/1.2\r\nHost: two.test\r\nConnection: close\r\n\r\n";
    check(&server.ask(odd).await, "200 OK", &[], "ok one.test /a?b HTTP/1.2");
    let version = "505 HTTP Version Not Supported: unsupported protocol version";
    check(&server.ask("GET / HTTP/9.9\r\nHost: a\r\n\r\n").await, version, &text, version);
    let bad_path = server.get("/%zz").await;
    check(&bad_path, "400 Bad Request", &text, "400 Bad Request");
}

#[tokio::test]
async fn a_head_over_its_limit_is_431() {
    let server = start(json!({"max_header_bytes": 1000, "routes": [{"handle": [respond("ok")]}]}));
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(6000));
    let status = "431 Request Header Fields Too Large";
    check(&server.ask(&long).await, status, &[], status);
}

#[tokio::test]
async fn a_client_that_is_still_sending_gets_its_refusal() {
    let server = routes(&json!([{"handle": [respond("too much")]}]));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n";
    let answer = server.ask(&(head.to_owned() + &"x".repeat(3_000_000))).await;
    check(&answer, "200 OK", &["connection: close"], "too much");
}

#[tokio::test]
async fn a_slow_head_ends_the_connection() {
    let server = start(json!({
        "read_header_timeout": 50_000_000,
        "routes": [{"handle": [respond("ok")]}],
    }));
    assert_eq!(server.ask("GET / HTTP/1.1\r\nHost: a").await, "");
}

#[tokio::test]
async fn a_client_that_waits_is_told_to_continue_only_when_its_body_is_read() {
    let server = routes(&json!([
        {"match": [{"path": ["/read"]}], "handle": [respond("read {http.request.body}")]},
        {"handle": [respond("not read")]},
    ]));
    let ask = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n\
             Content-Length: 5\r\n\r\nhello"
        )
    };
    let answer = server.ask(&ask("/read")).await;
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("read hello"), "{answer}");
    check(&server.ask(&ask("/skip")).await, "200 OK", &[], "not read");
}

#[tokio::test]
async fn chunked_bodies_are_read_and_the_connection_goes_on() {
    let server = routes(&json!([{"handle": [respond("[{http.request.body}]")]}]));
    let first = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
    let second = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = server.ask(&(first.to_owned() + second)).await;
    assert!(answer.contains("[abcde]") && answer.ends_with("[]"), "{answer}");
}

#[tokio::test]
async fn routes_groups_and_errors_go_caddys_way() {
    let server = start(json!({
        "routes": [
            {"handle": [{"handler": "headers", "response": {"set": {"X-Now": ["1"]}}},
                        {"handler": "headers", "response": {"deferred": true, "delete": ["Server"]}}]},
            {"group": "g", "match": [{"path": ["/one*"]}],
             "handle": [{"handler": "rewrite", "uri": "/two"}]},
            {"group": "g", "match": [{"path": ["/two*"]}],
             "handle": [{"handler": "rewrite", "uri": "/three"}]},
            {"match": [{"path": ["/boom"]}],
             "handle": [{"handler": "error", "error": "kaput", "status_code": 403}]},
            {"match": [{"not": [{"path": ["/none"]}]}],
             "handle": [{"handler": "subroute", "routes": [
                {"handle": [respond("{http.request.uri.path}")], "terminal": true}]}]},
        ],
        "errors": {"routes": [{"handle": [respond("{http.error.status_code} {http.error.message}")]}]},
    }));
    check(&server.get("/one").await, "200 OK", &["x-now: 1"], "/two");
    check(&server.get("/two").await, "200 OK", &[], "/three");
    assert!(!server.get("/one").await.to_lowercase().contains("server:"));
    // What wraps the failed handlers does not wrap the error routes.
    check(&server.get("/boom").await, "403 Forbidden", &["server: Caddy", "x-now: 1"], "403 kaput");
    check(&server.get("/none").await, "200 OK", &["content-length: 0"], "");
}

#[tokio::test]
async fn an_aborted_answer_is_a_closed_connection() {
    let server = routes(&json!([{"handle": [{"handler": "static_response", "abort": true}]}]));
    assert_eq!(server.get("/").await, "");
}

fn site() -> Value {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    json!([{"handle": [{"handler": "vars", "root": root}, {"handler": "encode", "encodings": {"gzip": {}}},
                       {"handler": "file_server", "hide": ["*.secret"]}]}])
}

#[tokio::test]
async fn files_come_with_their_conditions_and_ranges() {
    let server = routes(&site());
    let text = include_str!("../http.rs");
    let answer = server.get("/http.rs").await;
    let length = format!("content-length: {}", text.len());
    check(&answer, "200 OK", &["accept-ranges: bytes", "vary: Accept-Encoding", &length], text);
    let tag = answer.lines().find_map(|l| l.strip_prefix("Etag: ")).expect("an ETag").to_owned();
    let ask = |fields: String| {
        format!("GET /http.rs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n\r\n")
    };
    let same = server.ask(&ask(format!("If-None-Match: {tag}"))).await;
    check(&same, "304 Not Modified", &[&format!("etag: {tag}")], "");
    let range = server.ask(&ask("Range: bytes=0-2".into())).await;
    let total = format!("content-range: bytes 0-2/{}", text.len());
    check(&range, "206 Partial Content", &[&total, "content-length: 3"], "//!");
    check(&server.get("/http").await, "404 Not Found", &["content-length: 0"], "");
    check(&server.get("/../Cargo.toml").await, "404 Not Found", &[], "");
    let post = "POST /http.rs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    check(&server.ask(post).await, "405 Method Not Allowed", &["allow: GET, HEAD"], "");
}

#[tokio::test]
async fn a_file_larger_than_any_buffer_arrives_as_it_is() {
    let folder = std::env::temp_dir().join(format!("pogo-large-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let text: String = (0..400_000).map(|n| format!("{n:07}\n")).collect();
    std::fs::write(folder.join("large.bin"), &text).expect("a file");
    let server = routes(&json!([
        {"match": [{"path": ["/framed*"]}],
         "handle": [{"handler": "headers", "response": {"deferred": true, "delete": ["Content-Length"]}},
                    {"handler": "rewrite", "uri": "/large.bin"}]},
        {"handle": [{"handler": "file_server", "root": folder, "browse": {}}]},
    ]));
    let whole = server.get("/large.bin").await;
    let length = format!("content-length: {}", text.len());
    check(&whole, "200 OK", &[&length], &text);
    let ask = |path: &str, fields: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n\r\n")
    };
    let range = server.ask(&ask("/large.bin", "Range: bytes=1000-3000999")).await;
    check(&range, "206 Partial Content", &["content-length: 3000000"], &text[1000..3_001_000]);
    // Without a length the body is framed, and goes through our hands.
    let framed = server.ask(&ask("/framed", "A: b")).await;
    let (head, body) = framed.split_once("\r\n\r\n").expect("a head");
    assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
    assert!(body.len() > text.len() && body.ends_with("0\r\n\r\n"), "{}", body.len());
    let listing = server.ask(&ask("/", "Accept: application/json")).await;
    assert!(listing.contains("[{\"name\":\"large.bin\",\"size\":3200000,"), "{listing}");
    let page = server.get("/").await;
    assert!(page.contains("<a href=\"./large.bin\">"), "{page}");
    std::fs::remove_dir_all(&folder).expect("it is there");
}

#[tokio::test]
async fn a_client_that_accepts_gzip_gets_it() {
    let body = "x".repeat(5000);
    let server = routes(
        &json!([{"handle": [{"handler": "encode", "encodings": {"gzip": {}}}, respond(&body)]}]),
    );
    let mut client = server.connect().await;
    let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n";
    client.write_all(ask.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("read");
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    assert!(
        head.contains("content-encoding: gzip") && head.contains("vary: accept-encoding"),
        "{head}"
    );
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&answer[end..]);
    std::io::Read::read_to_string(&mut decoder, &mut text).expect("gzip");
    assert_eq!(text, body);
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_finishes_what_runs() {
    let server = routes(&json!([{"handle": [respond("[{http.request.body}]")]}]));
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.expect("an answer");
    let half = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab";
    busy.write_all(half).await.expect("sent");
    // The head has been read when a second connection's request has been answered.
    server.get("/").await;
    server.stop.send(true).expect("it runs");
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("closed in order");
    busy.write_all(b"cd").await.expect("sent");
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.expect("an answer");
    assert!(
        answer.contains("connection: close") || answer.contains("Connection: close"),
        "{answer}"
    );
    assert!(answer.ends_with("[abcd]"), "{answer}");
    let done = tokio::time::timeout(Duration::from_secs(10), server.done).await;
    done.expect("in time").expect("no panic");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_the_same_server() {
    let server = routes(&json!([
        {"match": [{"path": ["/read"]}], "handle": [respond("{http.request.proto} {http.request.host} {http.request.body}")]},
        {"handle": [{"handler": "static_response", "status_code": 404}]},
    ]));
    let (mut client, connection) =
        h2::client::handshake(server.connect().await).await.expect("HTTP/2");
    let driving = tokio::spawn(connection);
    let ask = |method: &str, path: &str| {
        let uri = format!("http://a.test{path}");
        http::Request::builder().method(method).uri(uri).body(()).expect("a request")
    };
    let (first, mut body) = client.send_request(ask("POST", "/read"), false).expect("sent");
    let (second, _) = client.send_request(ask("GET", "/none"), true).expect("sent");
    let second = second.await.expect("an answer");
    assert_eq!(second.status(), 404);
    assert_eq!(second.headers()["content-length"], "0");
    body.send_data(bytes::Bytes::from_static(b"body"), true).expect("sent");
    let mut first = first.await.expect("an answer");
    let mut text = Vec::new();
    while let Some(part) = first.body_mut().data().await {
        text.extend_from_slice(&part.expect("a part"));
    }
    assert_eq!(String::from_utf8_lossy(&text), "HTTP/2.0 a.test body");
    server.stop.send(true).expect("it runs");
    drop(client);
    driving.await.expect("no panic").expect("a clean end");
    server.done.await.expect("no panic");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let body = "x".repeat(16 * 1024 * 1024);
    let server = start(json!({
        "write_timeout": 100_000_000,
        "routes": [{"handle": [respond(&body)]}],
    }));
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    server.stop.send(true).expect("it runs");
    let done = tokio::time::timeout(Duration::from_secs(10), server.done).await;
    done.expect("the connection was given up").expect("no panic");
}
