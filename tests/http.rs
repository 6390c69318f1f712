//! HTTP/1.1 as clients and attackers speak it, against fixed answers and files.

use super::support::{Client, Server, Site};
use rustix::process::Signal;

const CADDYFILE: &str = "{
	admin off
	servers {
		timeouts {
			read_header 1s
		}
		max_header_size 8KiB
	}
}
:{$PORT} {
	root public
	respond /hello \"hello\"
	redir /old /new
	handle_path /api/* {
		respond \"api {path}\"
	}
	header /x.txt X-Site yes
	encode gzip
	file_server
}
";

fn site() -> Site {
    Site::with_caddyfile(CADDYFILE).file("public/x.txt", "0123456789")
}

/// Sends bytes as they are; the answers' statuses, until the server closes.
#[track_caller]
fn check(server: &Server, bytes: &str, statuses: &[u16]) {
    let mut client = server.connect();
    client.send(bytes);
    let answers: Vec<u16> =
        std::iter::from_fn(|| client.try_receive().ok()).map(|answer| answer.status).collect();
    assert_eq!(answers, statuses, "{bytes:?}");
}

#[test]
fn a_connection_serves_one_request_after_another() {
    let site = site();
    let server = Server::start(site.folder());
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/hello").body, "hello");
        let file = client.get("/x.txt");
        assert_eq!((file.body.as_str(), file.header("x-site")), ("0123456789", Some("yes")));
        assert_eq!(client.get("/api/a/b").body, "api /a/b");
        let moved = client.get("/old");
        assert_eq!((moved.status, moved.header("location")), (302, Some("/new")));
        assert_eq!(client.get("/nothing").status, 404);
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let site = site();
    let server = Server::start(site.folder());
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let last = "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let all = [&get("/hello"), &get("/old"), &get("/nothing"), last].map(|s| s.to_owned()).concat();
    check(&server, &all, &[200, 302, 404, 200]);
}

#[test]
fn a_range_and_a_head_request() {
    let site = site();
    let server = Server::start(site.folder());
    let mut client = server.connect();
    client.send("GET /x.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n");
    let part = client.receive();
    assert_eq!((part.status, part.body.as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    let mut client = server.connect();
    client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let head = client.rest();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head:?}");
}

#[test]
fn malformed_heads_are_refused() {
    let site = site();
    let server = Server::start(site.folder());
    check(&server, "GET /hello HTTP/1.1\r\n\r\n", &[400]);
    check(&server, "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", &[400]);
    check(&server, "nonsense\r\n\r\n", &[400]);
    check(
        &server,
        "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        &[400],
    );
    let long = "x".repeat(40_000);
    check(&server, &format!("GET /hello HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), &[431]);
    assert_eq!(server.get("/hello").status, 200);
}

#[test]
fn a_slow_head_ends_the_connection() {
    let site = site();
    let server = Server::start(site.folder());
    let mut slow = server.connect();
    slow.send("GET /hello HTTP/1.1\r\nHost");
    // The server closes it after its second; an answer before that is up to it.
    while slow.try_receive().is_ok() {}
    assert_eq!(server.get("/hello").status, 200);
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let site = site();
    let mut server = Server::start(site.folder());
    let mut idle: Vec<Client> = (0..10).map(|_| server.connect()).collect();
    assert_eq!(idle[0].get("/hello").status, 200);
    server.signal(Signal::INT);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn every_request_is_logged_as_json() {
    let site =
        Site::with_caddyfile("{\n\tadmin off\n}\n:{$PORT} {\n\tlog\n\trespond \"hi\" 201\n}\n");
    let server = Server::start(site.folder());
    server.get("/a?b=c");
    let line = server.wait_for_log(&["http.log.access"]);
    let line: serde_json::Value = serde_json::from_str(&line).expect("a JSON line");
    assert_eq!(line["msg"], "handled request");
    assert_eq!((&line["status"], &line["size"]), (&201.into(), &2.into()));
    assert_eq!(line["request"]["uri"], "/a?b=c");
    assert_eq!(line["request"]["method"], "GET");
}

#[test]
fn the_body_of_an_answer_can_be_logged() {
    let site = Site::with_caddyfile(
        "{\n\tadmin off\n}\n:{$PORT} {\n\tlog\n\tlog_append text {http.response.body}\n\t\
         log_append bytes {http.response.body_base64}\n\trespond \"hi\"\n}\n",
    );
    let server = Server::start(site.folder());
    assert_eq!(server.get("/").body, "hi");
    let line = server.wait_for_log(&["http.log.access"]);
    let line: serde_json::Value = serde_json::from_str(&line).expect("a JSON line");
    assert_eq!((&line["text"], &line["bytes"]), (&"hi".into(), &"aGk=".into()));
    let headers = line["resp_headers"].as_object().expect("fields");
    assert!(!headers.contains_key("Content-Length"), "nobody but the connection set it: {line}");
}
