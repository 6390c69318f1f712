//! What answers say that no handler said, and what of a request handlers see: as Go does it.

use super::{check, respond, routes, start};
use serde_json::{Value, json};

/// A handler that changes fields of the answer.
fn header(response: &Value) -> Value {
    json!({"handler": "headers", "response": response})
}

/// Whether the head has a line, in any case.
fn has(answer: &str, line: &str) -> bool {
    answer.lines().take_while(|l| !l.is_empty()).any(|l| l.eq_ignore_ascii_case(line))
}

#[tokio::test]
async fn a_body_without_a_type_gets_one_by_its_first_bytes() {
    let untyped = header(&json!({"delete": ["Content-Type"], "deferred": true}));
    for (body, kind) in [("plain", "text/plain"), ("<html>", "text/html")] {
        let server = routes(&json!([{"handle": [untyped, respond(body)]}]));
        let line = format!("content-type: {kind}; charset=utf-8");
        check(&server.get("/").await, "200 OK", &[&line], body);
    }
    let files = json!({"handler": "file_server", "root": "."});
    let server = routes(&json!([{"handle": [files]}]));
    let answer = server.get("/LICENSE-MIT").await;
    assert!(!answer.to_ascii_lowercase().contains("content-type"), "{answer}");
}

#[tokio::test]
async fn an_empty_type_is_as_good_as_none() {
    let empty = header(&json!({"set": {"Content-Type": [""]}}));
    let server = routes(&json!([{"handle": [empty, respond("[1]")]}]));
    check(&server.get("/").await, "200 OK", &["content-type: application/json"], "[1]");
}

#[tokio::test]
async fn a_handler_may_end_the_connection_and_not_frame_the_body() {
    let close = header(&json!({"set": {"Connection": ["Close"]}}));
    let server = routes(&json!([{"handle": [close, respond("bye")]}]));
    // It ends although the client did not ask for it.
    let answer = server.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    check(&answer, "200 OK", &["content-length: 3"], "bye");
    let coded = header(&json!({"set": {"Transfer-Encoding": ["chunked"]}}));
    let server = routes(&json!([{"handle": [coded, respond("abc")]}]));
    let answer = server.get("/").await;
    check(&answer, "200 OK", &["transfer-encoding: chunked"], "3\r\nabc\r\n0\r\n\r\n");
    assert!(!answer.to_ascii_lowercase().contains("content-length"), "{answer}");
}

#[tokio::test]
async fn an_interim_status_goes_ahead_of_the_answer() {
    let early =
        json!({"handler": "static_response", "status_code": 103, "headers": {"Link": ["</a>"]}});
    let server = routes(&json!([{"handle": [early, respond("then")]}]));
    let answer = server.get("/").await;
    let (interim, rest) = answer.split_once("\r\n\r\n").expect("two heads");
    assert!(has(interim, "HTTP/1.1 103 Early Hints") && has(interim, "link: </a>"), "{answer}");
    check(rest, "200 OK", &["link: </a>"], "then");
    let odd = json!({"handler": "static_response", "status_code": 123, "body": "x"});
    let answer = routes(&json!([{"handle": [odd]}])).get("/").await;
    let (interim, rest) = answer.split_once("\r\n\r\n").expect("two heads");
    assert!(has(interim, "HTTP/1.1 123 status code 123"), "{answer}");
    check(rest, "200 OK", &[], "x");
}

#[tokio::test]
async fn changes_wait_for_somebody_to_answer() {
    let now = header(&json!({"set": {"X-Now": ["1"]}}));
    let later = header(&json!({"set": {"X-Later": ["1"]}, "deferred": true}));
    let server = start(json!({
        "routes": [
            {"handle": [now, later]},
            {"match": [{"path": ["/answered"]}], "handle": [respond("ok")]},
            {"match": [{"path": ["/error"]}], "handle": [{"handler": "error", "status_code": 404}]},
        ],
        "errors": {"routes": [{"handle": [later]}]},
    }));
    check(&server.get("/answered").await, "200 OK", &["x-now: 1", "x-later: 1"], "ok");
    // The status of an error is an answer.
    check(&server.get("/error").await, "404 Not Found", &["x-now: 1", "x-later: 1"], "");
    let answer = server.get("/nothing").await;
    check(&answer, "200 OK", &["x-now: 1"], "");
    assert!(!has(&answer, "x-later: 1"), "{answer}");
}

#[tokio::test]
async fn error_routes_of_a_subroute_answer_what_fails_behind_it() {
    let subroute = |name: &str, inner: Value| {
        let answer = respond(&format!("{name} {{http.error.status_code}}"));
        let errors = json!({"routes": [{"handle": [answer]}]});
        json!({"handler": "subroute", "routes": inner, "errors": errors})
    };
    let fail = |path: &str, status| json!({"match": [{"path": [path]}], "handle": [{"handler": "error", "status_code": status}]});
    let inner = json!([{"handle": [subroute("inner", json!([fail("/a", 410)]))]}, fail("/b", 411)]);
    let outer = subroute("outer", inner);
    let server = start(json!({
        "routes": [{"handle": [outer]}, fail("/c", 412), {"handle": [respond("ok")]}],
        "errors": {"routes": [{"handle": [respond("site")]}]},
    }));
    check(&server.get("/a").await, "410 Gone", &[], "inner 410");
    check(&server.get("/b").await, "411 Length Required", &[], "inner 411");
    check(&server.get("/c").await, "412 Precondition Failed", &[], "inner 412");
    check(&server.get("/d").await, "200 OK", &[], "ok");
}

#[tokio::test]
async fn a_target_is_shown_as_it_came() {
    let shown = "{http.request.uri}|{http.request.uri.path}|{http.request.orig_uri}";
    let server = routes(&json!([{"handle": [respond(shown)]}]));
    for (target, expected) in [
        ("/a#b", "/a%23b|/a#b|/a#b"),
        ("/a?b#c", "/a?b#c|/a|/a?b#c"),
        ("/\u{e9}", "/%C3%A9|/\u{e9}|/\u{e9}"),
        ("/<a>`", "/%3Ca%3E%60|/<a>`|/<a>`"),
        ("http://a?b", "/?b||http://a?b"),
        ("http://a/b%2f", "/b%2f|/b/|http://a/b%2f"),
    ] {
        check(&server.get(target).await, "200 OK", &[], expected);
    }
}

#[tokio::test]
async fn handlers_do_not_see_how_a_body_was_framed() {
    let shown = "{http.request.header.Transfer-Encoding}|{http.request.header.Content-Length}|{http.request.body}";
    let chunked = json!([{"header": {"Transfer-Encoding": ["chunked"]}}]);
    let server = routes(&json!([
        {"match": chunked, "handle": [respond(&format!("chunked {shown}"))]},
        {"handle": [respond(shown)]},
    ]));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect:\r\n";
    let body = "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    check(&server.ask(&format!("{head}{body}")).await, "200 OK", &[], "chunked ||abc");
    let twice = "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc";
    check(&server.ask(&format!("{head}{twice}")).await, "200 OK", &[], "|3|abc");
}

#[tokio::test]
async fn a_cookie_is_what_go_takes_for_one() {
    let server = routes(&json!([{"handle": [respond("{http.request.cookie.a}")]}]));
    for (cookies, expected) in [
        ("b=1; A=2", "2"),
        ("a=\"x y\"", "x y"),
        ("a", ""),
        ("a=q\"q; a=3", "3"),
        ("b=1", "{http.request.cookie.a}"),
    ] {
        let request =
            format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: {cookies}\r\n\r\n");
        check(&server.ask(&request).await, "200 OK", &[], expected);
    }
}

#[tokio::test]
async fn an_error_does_not_have_the_length_of_what_failed() {
    let length = header(&json!({"set": {"Content-Length": ["5"]}}));
    let error = json!({"handler": "error", "status_code": 404});
    let server = routes(&json!([{"handle": [length, error]}]));
    check(&server.get("/").await, "404 Not Found", &["content-length: 0"], "");
}
