//! Clients that mean no good, or break in odd places: each has a clean end, and the next
//! client is served.

use super::{Running, check, respond, routes, start};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

fn hello() -> Running {
    routes(&json!([{"handle": [respond("ok")]}]))
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_a_head() {
    let server = hello();
    let mut client = server.connect().await;
    for byte in b"\r\nGET / HTTP/1.1\nHost: a\nConnection: close\n\n" {
        client.write_all(&[*byte]).await.expect("sent");
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    check(&answer, "200 OK", &[], "ok");
}

#[tokio::test]
async fn a_first_line_is_refused_before_the_head_is_whole() {
    let bad = "400 Bad Request";
    for line in ["GET  / HTTP/1.1\r\n", "GET / x HTTP/1.1\r\n", "GET nowhere HTTP/1.1\r\n", "x\n"] {
        check(&hello().ask(line).await, bad, &[], bad);
    }
}

#[tokio::test]
async fn garbage_behind_a_request_is_refused_when_its_turn_comes() {
    let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = hello().ask(&(good.to_owned() + "\x07\x00garbage\n")).await;
    let (first, second) = answer.split_once("\r\n\r\nok").expect("an answer before the refusal");
    assert!(first.starts_with("HTTP/1.1 200 OK"), "{answer}");
    check(second, "400 Bad Request", &["connection: close"], "400 Bad Request");
}

#[tokio::test]
async fn a_head_without_end_is_refused_at_its_limit() {
    let server = start(json!({"max_header_bytes": 1000, "routes": [{"handle": [respond("ok")]}]}));
    let status = "431 Request Header Fields Too Large";
    for head in ["x".repeat(2_000_000), format!("GET / HTTP/1.1\r\n{}", "a: b\r\n".repeat(300_000))]
    {
        check(&server.ask(&head).await, status, &[], status);
    }
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "a: b\r\n".repeat(300));
    check(&server.ask(&many).await, status, &[], status);
}

#[tokio::test]
async fn a_body_whose_framing_is_unclear_is_refused() {
    let server = routes(&json!([{"handle": [respond("{http.request.body}")]}]));
    let post = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n0\r\n\r\n");
    let text = "Unsupported transfer encoding";
    for fields in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
    ] {
        check(&server.ask(&post(fields)).await, "501 Not Implemented", &[], text);
    }
    let bad = "400 Bad Request";
    for fields in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: +1",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999",
        "Content-Length : 1",
        "A: b\r\n folded: c",
    ] {
        check(&server.ask(&post(fields)).await, bad, &[], bad);
    }
}

#[tokio::test]
async fn half_a_body_costs_only_its_own_request() {
    let server = routes(&json!([{"handle": [respond("{http.request.body}")]}]));
    for framing in
        ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\nffff\r\nhalf"]
    {
        let mut client = server.connect().await;
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}");
        client.write_all(head.as_bytes()).await.expect("sent");
        client.shutdown().await.expect("the half");
        let mut answer = Vec::new();
        let read = timeout(SOON, client.read_to_end(&mut answer)).await.expect("in time");
        assert!(read.is_ok(), "{read:?}");
    }
    check(&server.get("/").await, "200 OK", &[], "");
}

#[tokio::test]
async fn a_client_that_pipelines_and_reads_nothing_is_let_go() {
    let server = start(json!({
        "write_timeout": 100_000_000,
        "routes": [{"handle": [respond(&"x".repeat(100_000))]}],
    }));
    let mut client = server.connect().await;
    let many = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000) + "garbage\n";
    client.write_all(many.as_bytes()).await.expect("sent");
    server.stop.send(true).expect("it runs");
    timeout(SOON, server.done).await.expect("given up").expect("no panic");
}

/// The preface of HTTP/2, and settings that name nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn an_http2_client_that_says_nothing_more_is_let_go() {
    let server = start(json!({
        "idle_timeout": 50_000_000,
        "routes": [{"handle": [respond("ok")]}],
    }));
    let mut client = server.connect().await;
    client.write_all(PREFACE).await.expect("sent");
    // It does not answer the ping that asks whether it saw the end coming, either.
    let mut said = Vec::new();
    timeout(SOON, client.read_to_end(&mut said)).await.expect("given up").expect("read");
}

#[tokio::test]
async fn broken_http2_frames_end_their_connection() {
    let server = hello();
    let frames: [&[u8]; 5] = [
        // A frame over the size that we take.
        b"\xff\xff\xff\0\0\0\0\0\x01",
        // DATA of a stream that nobody opened.
        b"\0\0\x01\0\0\0\0\0\x01x",
        // CONTINUATION without its HEADERS.
        b"\0\0\x01\x09\0\0\0\0\x01x",
        // HEADERS that HPACK cannot read.
        b"\0\0\x02\x01\x05\0\0\0\x01\xff\xff",
        // A window that overflows.
        b"\0\0\x04\x08\0\0\0\0\0\x7f\xff\xff\xff",
    ];
    for frame in frames {
        let mut client = server.connect().await;
        client.write_all(&[PREFACE, frame].concat()).await.expect("sent");
        let mut said = Vec::new();
        let read = timeout(SOON, client.read_to_end(&mut said)).await;
        read.unwrap_or_else(|_| panic!("{frame:?} is let live")).expect("closed in order");
    }
    check(&server.get("/").await, "200 OK", &[], "ok");
}

#[tokio::test]
async fn streams_that_are_taken_back_at_once_do_not_pile_up() {
    let server = hello();
    let tcp = server.connect().await;
    let (mut client, connection) = h2::client::handshake(tcp).await.expect("HTTP/2");
    let driving = tokio::spawn(connection);
    let ask = || {
        let request = http::Request::builder().method("POST").uri("http://a/");
        request.body(()).expect("a request")
    };
    for _ in 0..20_000 {
        let Ok(ready) = timeout(SOON, client.clone().ready()).await.expect("in time") else {
            break;
        };
        client = ready;
        let Ok((_, mut body)) = client.send_request(ask(), false) else { break };
        body.send_reset(h2::Reason::CANCEL);
    }
    drop(client);
    // In order or with a complaint: it ends.
    drop(timeout(SOON, driving).await.expect("in time").expect("no panic"));
    check(&server.get("/").await, "200 OK", &[], "ok");
    server.stop.send(true).expect("it runs");
    timeout(SOON, server.done).await.expect("nothing is left").expect("no panic");
}

#[tokio::test]
async fn nothing_behind_a_broken_body_is_taken_for_a_request() {
    let server = routes(&json!([
        {"match": [{"path": ["/skip"]}], "handle": [respond("skipped")]},
        {"handle": [respond("<{http.request.uri.path} {http.request.body}>")]},
    ]));
    let bodies =
        ["fffffffffffffffff\r\n", "1\r\nab\r\n0\r\n\r\n", "x\r\n", "-1\r\n", "1;\n", "2\r\nab"];
    for body in bodies {
        let fields = "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let evil = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";
        let read = server.ask(&format!("POST /first HTTP/1.1\r\n{fields}{body}{evil}")).await;
        assert!(!read.contains("</second"), "{body:?}: {read}");
        assert!(read.to_lowercase().contains("connection: close"), "{body:?}: {read}");
        let skipped = server.ask(&format!("POST /skip HTTP/1.1\r\n{fields}{body}{evil}")).await;
        assert!(!skipped.contains("</second"), "{body:?}: {skipped}");
    }
}
