//! Requests of HTTP/1 that two readers may take for different ones. Each is answered as Caddy
//! does, or refused; what a client put behind a refused one is never answered.

use super::{Running, respond, routes};
use serde_json::json;

/// What stands behind each request under test.
const SECOND: &str = "GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
/// A chunked body, and the field that announces it.
const CHUNKED: &str = "Transfer-Encoding: chunked";
const ABC: &str = "3\r\nabc\r\n0\r\n\r\n";

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer<'a> {
    /// By the route, with what it saw of method, host, target and body; the second request
    /// follows.
    Served(&'a str),
    /// The same, and nothing follows: the connection ends.
    Last(&'a str),
    /// With an error, and the connection ends.
    Refused(u16),
    /// With an error of this request alone.
    Failed(u16),
}

use Answer::{Failed, Last, Refused, Served};

fn echo() -> Running {
    let seen = "<{http.request.method} {http.request.host} {http.request.uri} {http.request.body}>";
    routes(&json!([
        {"match": [{"path": ["/unread"]}], "handle": [respond("<unread>")]},
        {"handle": [respond(seen)]},
    ]))
}

/// Sends a request with the second one behind it, and compares what comes back.
async fn check(server: &Running, request: &str, expected: Answer<'_>) {
    let read = server.ask(&format!("{request}{SECOND}")).await;
    let second = read.contains("<GET a /second >");
    let status = |n: usize| {
        let line = read.match_indices("HTTP/1.").nth(n).map(|(at, _)| at + "HTTP/1.x ".len())?;
        read.get(line..line + 3)?.parse::<u16>().ok()
    };
    let first = read.split("\r\n\r\n").nth(1).unwrap_or_default();
    let first = first.split_inclusive('>').next().unwrap_or_default();
    let got = match (status(0), second) {
        (Some(200), true) => Served(first),
        (Some(200), false) => Last(first),
        (Some(other), true) => Failed(other),
        (Some(other), false) => Refused(other),
        (None, _) => panic!("{request:?}: {read:?}"),
    };
    assert_eq!(got, expected, "{request:?}: {read:?}");
    if matches!(expected, Refused(_)) {
        assert_eq!(status(1), None, "{request:?}: {read:?}");
        assert!(read.to_ascii_lowercase().contains("connection: close"), "{request:?}: {read:?}");
    }
}

fn post(fields: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")
}

#[tokio::test]
async fn a_length_beside_a_coding_is_overridden_and_ends_the_connection() {
    let server = echo();
    let seen = Last("<POST a / abc>");
    check(&server, &post(&format!("Content-Length: 5\r\n{CHUNKED}"), ABC), seen).await;
    check(&server, &post(&format!("{CHUNKED}\r\nContent-Length: 5"), ABC), seen).await;
    check(&server, &post(&format!("Content-Length: 0\r\n{CHUNKED}"), ABC), seen).await;
    for lengths in ["Content-Length: x", "Content-Length: 1\r\nContent-Length: 2"] {
        check(&server, &post(&format!("{lengths}\r\n{CHUNKED}"), ABC), Refused(400)).await;
        check(&server, &post(&format!("{CHUNKED}\r\n{lengths}"), ABC), Refused(400)).await;
    }
}

#[tokio::test]
async fn a_length_is_one_number() {
    let server = echo();
    for good in [" 3", "3", "3 ", "\t3", "00003"] {
        let request = post(&format!("Content-Length:{good}"), "abc");
        check(&server, &request, Served("<POST a / abc>")).await;
    }
    let twice = post("Content-Length: 3\r\nContent-Length: 3", "abc");
    check(&server, &twice, Served("<POST a / abc>")).await;
    for bad in [
        "+3",
        "-3",
        "-0",
        "0x3",
        "3 3",
        "3;",
        "",
        "3.0",
        "1e1",
        "3, 3",
        "3, 4",
        "'3'",
        "\x0b3",
        "3\0",
        "\u{663}",
        "9223372036854775808",
        "99999999999999999999",
    ] {
        check(&server, &post(&format!("Content-Length: {bad}"), "abc"), Refused(400)).await;
    }
    for bad in ["3\r\nContent-Length: 4", "3\r\nContent-Length: 03", "\r\n 3"] {
        check(&server, &post(&format!("Content-Length: {bad}"), "abc"), Refused(400)).await;
    }
}

#[tokio::test]
async fn a_coding_is_chunked_and_nothing_else() {
    let server = echo();
    for good in ["chunked", "Chunked", "CHUNKED", "\tchunked", "chunked \t"] {
        let request = post(&format!("Transfer-Encoding: {good}"), ABC);
        check(&server, &request, Served("<POST a / abc>")).await;
    }
    for bad in [
        "chunked, identity",
        "identity, chunked",
        "identity",
        "xchunked",
        "chunkedx",
        "chunked, chunked",
        "gzip, chunked",
        "gzip",
        "\"chunked\"",
        "chunked;a=b",
        "chunked,",
        ",chunked",
        "chu\tnked",
        "trailers",
        "",
        "chunked\r\nTransfer-Encoding: chunked",
        "identity\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: identity",
        "\r\nTransfer-Encoding: chunked",
    ] {
        check(&server, &post(&format!("Transfer-Encoding: {bad}"), ABC), Refused(501)).await;
    }
    for bad in ["\x0bchunked", "\x0cchunked", "chunked\0", "chunked\x7f", "\r\n chunked"] {
        let answer = server.ask(&post(&format!("Transfer-Encoding: {bad}"), ABC)).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 501 "),
            "{answer}"
        );
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    for name in ["Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding"] {
        let request = post(&format!("{name}: chunked\r\nContent-Length: 3"), "abc");
        check(&server, &request, Refused(400)).await;
    }
    let alias = post("Transfer_Encoding: chunked\r\nContent-Length: 3", "abc");
    check(&server, &alias, Served("<POST a / abc>")).await;
}

#[tokio::test]
async fn the_old_version_has_no_codings() {
    let server = echo();
    for fields in
        [CHUNKED, "Transfer-Encoding: gzip", "Content-Length: 3\r\nTransfer-Encoding: chunked"]
    {
        let head =
            format!("POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n{fields}\r\n\r\n");
        check(&server, &(head + ABC), Refused(400)).await;
    }
}

#[tokio::test]
async fn a_field_is_a_name_a_colon_and_text() {
    let server = echo();
    let get = |field: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
    for bad in [
        "X: a\r\n folded",
        "X: a\r\n\tfolded",
        "X: a\rb",
        "X: a\rTransfer-Encoding: chunked",
        "X: a\r",
        "X: a\0b",
        "X: a\x01b",
        "X: a\x7fb",
        "X\0: a",
        "X : a",
        "X\t: a",
        "X Y: a",
        "X",
        ": a",
        "X(: a",
        "\"X\": a",
        "X\u{e4}: a",
        "\r\r",
    ] {
        check(&server, &get(bad), Refused(400)).await;
    }
    let folded = "GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n";
    check(&server, folded, Refused(400)).await;
    for good in ["X: a\tb", "X: a\u{e4}b", "X:", "X:\t a \t"] {
        check(&server, &get(good), Served("<GET a / >")).await;
    }
}

#[tokio::test]
async fn lines_may_end_with_a_bare_lf_in_a_head_and_nowhere_with_a_bare_cr() {
    let server = echo();
    check(&server, "GET / HTTP/1.1\nHost: a\n\n", Served("<GET a / >")).await;
    check(&server, "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\n", Served("<GET a / >")).await;
    check(&server, "GET / HTTP/1.1\rHost: a\r\r", Refused(400)).await;
    let chunked = format!("POST / HTTP/1.1\nHost: a\n{CHUNKED}\n\n{ABC}");
    check(&server, &chunked, Served("<POST a / abc>")).await;
    let broken = format!("POST / HTTP/1.1\nHost: a\n{CHUNKED}\n\n3\nabc\n0\n\n");
    check(&server, &broken, Last("<POST a / >")).await;
}

#[tokio::test]
async fn a_chunk_is_what_the_rfc_says_and_nothing_follows_a_broken_one() {
    let server = echo();
    let whole = [
        ("3\r\nabc\r\n0\r\n\r\n", "abc"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("0000003;x=y \t\r\nabc\r\n00;z\r\n\r\n", "abc"),
        ("3 \t\r\nabc\r\n0\r\nX: t\r\nContent-Length: 100\r\n\r\n", "abc"),
        ("0\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\r\n", ""),
    ];
    for (body, seen) in whole {
        let seen = format!("<POST a / {seen}>");
        check(&server, &post(CHUNKED, body), Served(&seen)).await;
    }
    let (long, many) = ("a".repeat(5000), format!("1;{}\r\nx\r\n", "a".repeat(2000)).repeat(40));
    let broken = [
        "\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "g\r\nabc\r\n0\r\n\r\n",
        "1_0\r\nabc\r\n0\r\n\r\n",
        "00000000000000003\r\nabc\r\n0\r\n\r\n",
        "10000000000000003\r\nabc\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        "3;a\nabc\r\n0\r\n\r\n",
        "3;a\rb\r\nabc\r\n0\r\n\r\n",
        "3;\0\r\nabc\r\n0\r\n\r\n",
        &format!("3;{long}\r\nabc\r\n0\r\n\r\n"),
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\n\n",
        "3\r\nabc\r\n0\r\nno field\r\n\r\n",
        "3\r\nabc\r\n0\r\nX : t\r\n\r\n",
        "3\r\nabc\r\n0\r\nX: t\n\n",
        &format!("3\r\nabc\r\n0\r\nX: {long}\r\n\r\n"),
    ];
    for body in broken {
        let answer = server.ask(&(post(CHUNKED, body) + SECOND)).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{body:?}: {answer}");
        assert!(!answer.contains("/second"), "{body:?}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{body:?}: {answer}");
    }
    let answer = server.ask(&(post(CHUNKED, &format!("{many}0\r\n\r\n")) + SECOND)).await;
    assert!(!answer.contains("/second"), "{answer}");
    // A body that nobody reads is no request, either.
    for body in whole.iter().map(|(body, _)| body).chain(&broken) {
        let request = post(CHUNKED, body).replacen("POST /", "POST /unread", 1);
        check(&server, &request, Last("<unread>")).await;
    }
}

#[tokio::test]
async fn a_chunked_body_that_comes_in_parts_is_watched_as_well() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = echo();
    for (body, seen) in [(ABC, "<POST a / abc>"), ("3\nabc\r\n0\r\n\r\n", "<POST a / >")] {
        let mut client = server.connect().await;
        for byte in (post(CHUNKED, body) + SECOND).bytes() {
            // It may have closed the connection by now.
            if client.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains(seen), "{body:?}: {answer}");
        assert_eq!(answer.contains("/second"), body == ABC, "{body:?}: {answer}");
    }
}

#[tokio::test]
async fn a_target_has_one_host_and_one_path() {
    let server = echo();
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    for (target, seen) in [
        ("http://b/x", "<GET b /x >"),
        ("HTTP://b/x", "<GET b /x >"),
        ("http://b", "<GET b / >"),
        ("http://b?q", "<GET b /?q >"),
        ("http://u:p@b/x", "<GET b /x >"),
        ("https://b:1/x", "<GET b /x >"),
        ("http:///x", "<GET a /x >"),
        ("http://[::1]/x", "<GET [::1] /x >"),
        ("http://[::1]:80/x", "<GET ::1 /x >"),
        ("//b/x", "<GET a //b/x >"),
        ("*", "<GET a * >"),
        ("/#f", "<GET a /%23f >"),
        ("/a/../b", "<GET a /a/../b >"),
    ] {
        check(&server, &get(target), Served(seen)).await;
    }
    for target in [
        "http://b:x/",
        "http://[::1/x",
        "http://b /x",
        "http://b\\c/x",
        "http://%62/x",
        "http://b%00/x",
        "http://b\u{e4}/x",
        "://b/",
        "1http://b/",
        "b:80",
        "b",
        "?q",
        "/a b",
        "/a\tb",
        "/\0",
        "mailto:x",
        "http:x",
        "/%",
        "/%zz",
    ] {
        check(&server, &get(target), Refused(400)).await;
    }
    let mixed = "GET http://b/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    check(&server, mixed, Refused(400)).await;
}

#[tokio::test]
async fn authorities_and_asterisks_stand_where_they_belong() {
    let server = echo();
    let ask = |line: &str, host: &str| format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    check(&server, &ask("CONNECT b:80", "b:80"), Served("<CONNECT b / >")).await;
    check(&server, &ask("CONNECT b", "a"), Served("<CONNECT b / >")).await;
    for line in ["CONNECT http://b/", "CONNECT b:80/x", "CONNECT b:x", "CONNECT  "] {
        check(&server, &ask(line, "a"), Refused(400)).await;
    }
    // The server itself is asked, and has nothing to say.
    let answer = server.ask(&(ask("OPTIONS *", "a") + SECOND)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), "{answer}");
    assert!(answer.ends_with("<GET a /second >"), "{answer}");
    check(&server, "OPTIONS * HTTP/1.1\r\n\r\n", Refused(400)).await;
    let body = "OPTIONS * HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n";
    check(&server, body, Refused(501)).await;
}

#[tokio::test]
async fn a_request_names_one_host_that_is_one() {
    let server = echo();
    let get = |fields: &str| format!("GET / HTTP/1.1\r\n{fields}\r\n");
    for (host, seen) in [
        ("a:99999", "a"),
        ("a:", "a"),
        ("[::1]:80", "::1"),
        ("[::1]", "[::1]"),
        ("%61", "%61"),
        ("a.", "a."),
        ("a,b", "a,b"),
        ("*", "*"),
        ("a..b", "a..b"),
    ] {
        let seen = format!("<GET {seen} / >");
        check(&server, &get(&format!("Host: {host}\r\n")), Served(&seen)).await;
    }
    for fields in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nHost: b\r\n",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: u@a\r\n",
        "Host: a#b\r\n",
        "Host: a?b\r\n",
        "Host: \"a\"\r\n",
        "Host: <a>\r\n",
        "Host: a\\b\r\n",
        "Host: {a}\r\n",
        "Host: \u{e4}\r\n",
        "Host: a\r\n b\r\n",
    ] {
        check(&server, &get(fields), Refused(400)).await;
    }
    // They would lead out of `root /srv/{host}`.
    for host in ["", " ", ".", "..", "...:80"] {
        check(&server, &get(&format!("Host: {host}\r\n")), Failed(400)).await;
    }
    let old = "GET / HTTP/1.0\r\nHost: ..\r\nConnection: keep-alive\r\n\r\n";
    check(&server, old, Failed(400)).await;
}

#[tokio::test]
async fn a_version_is_one_that_is_spoken() {
    let server = echo();
    let get = |version: &str| format!("GET / {version}\r\nHost: a\r\n\r\n");
    check(&server, &get("HTTP/1.2"), Served("<GET a / >")).await;
    for version in ["HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"] {
        check(&server, &get(version), Refused(505)).await;
    }
    for version in [
        "HTTP/1.10",
        "HTTP/01.1",
        "HTTP/2",
        "HTTP/1",
        "http/1.1",
        "HTTP/1,1",
        "HTTP/1.1 ",
        "HTTP/ 1.1",
        "HTTP/-1.1",
        "XTTP/1.1",
        "HTTP/1.x",
        "",
    ] {
        check(&server, &get(version), Refused(400)).await;
    }
    for old in ["GET /\r\n", "GET /\n"] {
        check(&server, old, Refused(400)).await;
    }
    for line in [
        "GET  / HTTP/1.1",
        " GET / HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "G\0T / HTTP/1.1",
        "G@T / HTTP/1.1",
    ] {
        check(&server, &format!("{line}\r\nHost: a\r\n\r\n"), Refused(400)).await;
    }
}

#[tokio::test]
async fn nobody_is_upgraded_to_http_2() {
    let server = echo();
    let settings = "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    for connection in [
        "Connection: Upgrade, HTTP2-Settings\r\n",
        "Connection: Upgrade\r\nConnection: HTTP2-Settings\r\n",
    ] {
        let fields = format!("{connection}Upgrade: h2c\r\n{settings}");
        let get = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        check(&server, &get, Served("<GET a / >")).await;
        let body = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: 3\r\n\r\nabc");
        check(&server, &body, Served("<POST a / abc>")).await;
    }
    // The preface counts at the beginning of a connection only.
    let later = "GET / HTTP/1.1\r\nHost: a\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let answer = server.ask(&(later.to_owned() + SECOND)).await;
    assert!(answer.contains("<GET a / >") && answer.contains("505 HTTP Version"), "{answer}");
    assert!(!answer.contains("/second"), "{answer}");
    check(&server, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", Refused(505)).await;
}

#[tokio::test]
async fn a_head_is_no_longer_than_16_kib_and_what_go_adds() {
    let server = echo();
    let head = |len: usize| {
        let rest = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(len - rest))
    };
    check(&server, &head(20_000), Served("<GET a / >")).await;
    check(&server, &head(21_000), Refused(431)).await;
    check(&server, &format!("GET /{} HTTP/1.1\r\n", "a".repeat(30_000)), Refused(431)).await;
}
