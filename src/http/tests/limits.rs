//! What a server's settings allow a client: time, pace, names of fields.

use super::{Running, check, respond, start};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);
const MS: i64 = 1_000_000;

fn server(mut settings: Value, body: &str) -> Running {
    settings["routes"] = json!([{"handle": [respond(body)]}]);
    start(settings)
}

/// Sends a body of 20 bytes, one in 20 ms; what comes back until the server closes.
async fn trickle(server: &Running) -> String {
    let mut client = server.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 20\r\n\r\n";
    client.write_all(head.as_bytes()).await.expect("sent");
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..20 {
        ticks.tick().await;
        // Whoever is too slow is not listened to.
        if client.write_all(b"x").await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    drop(timeout(SOON, client.read_to_end(&mut answer)).await.expect("in time"));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_may_be_slow_but_not_stop() {
    let body = "<{http.request.body}>";
    let patient = server(json!({"read_idle_timeout": 200 * MS}), body);
    let whole = format!("<{}>", "x".repeat(20));
    check(&trickle(&patient).await, "200 OK", &[], &whole);
    let stops = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab";
    check(&patient.ask(stops).await, "200 OK", &["connection: close"], "<ab>");
}

#[tokio::test]
async fn a_body_must_hold_its_rate_and_meet_its_end() {
    let body = "<{http.request.body}>";
    for settings in [
        json!({"read_idle_timeout": 200 * MS, "read_min_rate": 1_000_000}),
        json!({"read_timeout": 200 * MS}),
    ] {
        let answer = trickle(&server(settings, body)).await;
        let (head, got) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(got.starts_with("<x") && got.len() < 20, "{answer}");
    }
    let fast = server(json!({"read_idle_timeout": 200 * MS, "read_min_rate": 10}), body);
    check(&trickle(&fast).await, "200 OK", &[], &format!("<{}>", "x".repeat(20)));
}

#[tokio::test]
async fn a_client_that_takes_its_answer_too_slowly_is_let_go() {
    let body = "x".repeat(16 * 1024 * 1024);
    for settings in [
        json!({"write_idle_timeout": 100 * MS}),
        json!({"write_timeout": 100 * MS}),
        json!({"write_idle_timeout": 100 * MS, "write_min_rate": 100_000_000}),
    ] {
        let server = server(settings, &body);
        let mut client = server.connect().await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        server.stop.send(true).expect("it runs");
        timeout(SOON, server.done).await.expect("given up").expect("no panic");
    }
}

#[tokio::test]
async fn a_client_that_takes_a_byte_now_and_then_is_too_slow_on_http_2_as_well() {
    let server = server(json!({"write_idle_timeout": 200 * MS}), &"x".repeat(1024 * 1024));
    let (mut client, connection) = h2::client::Builder::new()
        .initial_window_size(1)
        .handshake::<_, bytes::Bytes>(server.connect().await)
        .await
        .expect("HTTP/2");
    let driving = tokio::spawn(connection);
    let request = http::Request::builder().uri("http://a/").body(()).expect("a request");
    let (answer, _) = client.send_request(request, true).expect("sent");
    let mut body = answer.await.expect("a head").into_body();
    let taking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while let Some(Ok(part)) = body.data().await {
            ticks.tick().await;
            body.flow_control().release_capacity(part.len()).expect("it was taken");
        }
    };
    timeout(SOON, taking).await.expect("it was let go");
    drop((client, body));
    drop(timeout(SOON, driving).await.expect("it ends"));
}

#[tokio::test]
async fn names_that_scripts_mistake_are_dropped_unless_they_are_expected() {
    let seen = "[{http.request.header.X_User}][{http.request.header.X-User}][{http.request.header.X.User}]";
    let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX_User: under\r\nX-User: hyphen\r\n\
               X.User: dot\r\n\r\n";
    let plain = server(json!({}), seen);
    check(&plain.ask(ask).await, "200 OK", &[], "[][hyphen][]");
    let under = server(json!({"expected_underscore_headers": ["x_user"]}), seen);
    check(&under.ask(ask).await, "200 OK", &[], "[under][][]");
    let dot = server(json!({"expected_dot_headers": ["X.*"]}), seen);
    check(&dot.ask(ask).await, "200 OK", &[], "[][][dot]");
    let twice = ask.replace("X_User: under", "X_User: under\r\nX_User: again");
    check(&under.ask(&twice).await, "200 OK", &[], "[][][]");
}
