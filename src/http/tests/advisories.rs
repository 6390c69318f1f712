//! What advisories about Caddy, FrankenPHP and their kind were about: a test for each, named
//! after what it prevents.

use super::{Running, check, respond, routes, start};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A folder with files, for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[&str]) -> Self {
        let path = std::env::temp_dir().join(format!("pogo-{name}-{}", std::process::id()));
        for file in files {
            let file = path.join(file);
            let folder = file.parent().expect("a folder");
            std::fs::create_dir_all(folder).expect("created");
            std::fs::write(&file, file.file_name().map_or("", |n| n.to_str().unwrap_or("")))
                .expect("written");
        }
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over is the system's to clean.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server whose route for `matcher` answers `closed`, and everybody else's `open`.
fn guarded(matcher: &Value) -> Running {
    routes(&json!([
        {"match": [matcher], "handle": [respond("closed")], "terminal": true},
        {"handle": [respond("open")]},
    ]))
}

#[track_caller]
fn check_body(answer: &str, body: &str) {
    check(answer, "200 OK", &[], body);
}

#[tokio::test]
async fn a_path_matcher_is_not_passed_by_another_spelling() {
    // CVE-2026-27587: escapes in a pattern made its letters' case matter.
    let server = guarded(&json!({"path": ["/admin*", "/Sec%2Fret/*", "*.key"]}));
    for path in [
        "/admin",
        "/ADMIN/x",
        "/%61dmin",
        "/admin%2Fx",
        "//admin",
        "/x/../admin",
        "/./admin",
        "/x//../admin",
        "/x%2f..%2fadmin",
        "/%2e%2e/admin",
        "/%2e/admin",
        "/Sec%2Fret/x",
        "/sec%2fret/x",
        "/SEC%2FRET/x",
        "/a/B.KEY",
    ] {
        check_body(&server.get(path).await, "closed");
    }
    for path in ["/Sec/ret/x", "/..;/admin", "/key", "/%61%2564min"] {
        check_body(&server.get(path).await, "open");
    }
}

#[tokio::test]
async fn a_long_list_of_hosts_is_not_passed_in_other_letters() {
    // CVE-2026-27588: from 100 hosts on, the list was searched by the case of its letters.
    let hosts: Vec<String> = (0..200).map(|n| format!("Host{n}.Example.TEST")).collect();
    let server = start(json!({
        "automatic_https": {"disable": true},
        "routes": [
            {"match": [{"host": hosts}], "handle": [respond("closed")], "terminal": true},
            {"handle": [respond("open")]},
        ],
    }));
    for host in ["host7.example.test", "HOST199.EXAMPLE.TEST", "Host42.Example.Test:80"] {
        let get = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        check_body(&server.ask(&get).await, "closed");
    }
    let get = "GET / HTTP/1.1\r\nHost: host200.example.test\r\nConnection: close\r\n\r\n";
    check_body(&server.ask(get).await, "open");
}

#[tokio::test]
async fn a_file_that_cannot_be_looked_for_does_not_exist() {
    // CVE-2026-27589: a path that was no pattern matched, or did not match, by its error.
    let folder = Folder::new("file-matcher", &["a.txt", "b[1].txt", "dir/index.html"]);
    let file = json!({"file": {"root": folder.path(), "try_files": ["{http.request.uri.path}"]}});
    let server = guarded(&json!({"not": [file]}));
    for path in [
        "/nope",
        "/[",
        "/[a-",
        "/\\",
        "/*",
        "/a.tx%3F",
        "/%2a",
        "/..%2f..%2fetc/passwd",
        "/dir",
        "/dir/",
        "/a.txt/",
        "/%00",
        "/a.txt%00",
        &format!("/{}", "a".repeat(300)),
    ] {
        check_body(&server.get(path).await, "closed");
    }
    for path in ["/a.txt", "/b[1].txt", "/b%5B1%5D.txt", "/x/../a.txt"] {
        check_body(&server.get(path).await, "open");
    }
}

#[tokio::test]
async fn a_pattern_of_files_is_the_configurations_not_the_requests() {
    let folder = Folder::new("file-globs", &["data/one.json", "data/two.json"]);
    let file = json!({"file": {"root": folder.path(), "try_files": ["/data/{http.request.uri.query.f}.js*n"]}});
    let server = guarded(&file);
    check_body(&server.get("/?f=one").await, "closed");
    for query in ["*", "%5Bot%5D*", "t?o", "../data/*"] {
        check_body(&server.get(&format!("/?f={query}")).await, "open");
    }
}

#[tokio::test]
async fn what_a_request_says_is_not_read_as_a_placeholder() {
    // GHSA-j8px-rmrx-76h9: a rewrite put braces of the client into what was filled in next.
    let rewrite = json!({
        "handler": "rewrite",
        "uri": "/{http.request.header.X}?q={http.request.uri.query}&h={http.request.header.X}",
    });
    let server = routes(&json!([{"handle": [rewrite, respond("{http.request.uri}")]}]));
    let get = "GET /a?{env.HOME} HTTP/1.1\r\nHost: a\r\nX: {env.HOME}\r\nConnection: close\r\n\r\n";
    let seen = "/%7Benv.HOME%7D?q=%7Benv.HOME%7D&h=%7Benv.HOME%7D";
    check_body(&server.ask(get).await, seen);
    let both = json!({"handler": "rewrite", "uri": "{http.request.uri.query.p}"});
    let server =
        routes(&json!([{"handle": [both.clone(), both, respond("{http.request.uri.path}")]}]));
    check_body(&server.get("/?p=/%7Benv.HOME%7D").await, "/{env.HOME}");
}

#[tokio::test]
async fn a_value_in_a_rewritten_query_brings_no_pair() {
    let rewrite = json!({"handler": "rewrite", "uri": "/x?a={http.request.uri.query}"});
    let server = routes(&json!([{"handle": [rewrite, respond("{http.request.uri}")]}]));
    check_body(&server.get("/?x=1&y=%20z+w").await, "/x?a=x%3D1%26y%3D%2520z%2Bw");
    let whole = json!({"handler": "rewrite", "uri": "/x?{http.request.uri.query}&b=1"});
    let server = routes(&json!([{"handle": [whole, respond("{http.request.uri}")]}]));
    check_body(&server.get("/?x=1&y=2").await, "/x?x=1&y=2&b=1");
}

#[tokio::test]
async fn a_field_with_another_separator_is_not_the_field() {
    // GHSA-f59h-q822-g45g and GHSA-49wc-4hcv-v58q.
    let server = guarded(&json!({"header": {"Remote-User": ["admin"]}}));
    for name in ["Remote_User", "Remote.User", "Remote_.User"] {
        let get =
            format!("GET / HTTP/1.1\r\nHost: a\r\n{name}: admin\r\nConnection: close\r\n\r\n");
        check_body(&server.ask(&get).await, "open");
    }
    let seen = "{http.request.header.Remote_User}{http.request.header.Remote.User}";
    let server = routes(&json!([{"handle": [respond(seen)]}]));
    let get = "GET / HTTP/1.1\r\nHost: a\r\nRemote_User: a\r\nRemote.User: b\r\nConnection: close\r\n\r\n";
    check_body(&server.ask(get).await, "");
}

#[tokio::test]
async fn a_null_byte_names_no_file() {
    let folder = Folder::new("null", &["a.txt", "dir/index.html"]);
    let files = json!({"handler": "file_server", "root": folder.path(), "browse": {}});
    let server = routes(&json!([{"handle": [files]}]));
    for path in ["/%00", "/a.txt%00", "/a.txt%00.html", "/dir%00/", "/%00/../a.txt"] {
        let answer = server.get(path).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    check(&server.get("/a.txt%00").await, "400 Bad Request", &[], "");
}

#[tokio::test]
async fn no_spelling_of_a_path_leaves_the_root_or_finds_what_is_hidden() {
    let folder =
        Folder::new("hidden", &["a.txt", ".git/config", "sub/.git/config", "dir/index.html"]);
    let files =
        json!({"handler": "file_server", "root": folder.path(), "hide": [".git"], "browse": {}});
    let server = routes(&json!([{"handle": [files]}]));
    for path in [
        "/.git/config",
        "/%2egit/config",
        "/.git",
        "/.git/",
        "/x/../.git/config",
        "//.git/config",
        "/sub/.git/config",
        "/sub/%2e%67it/config",
        "/.git%2fconfig",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/dir/../../../../etc/passwd",
        "/a.txt/x",
        "/a.txt::$DATA",
    ] {
        check(&server.get(path).await, "404 Not Found", &[], "");
    }
    assert!(!server.get("/").await.contains(".git"));
    check_body(&server.get("/..%2fa.txt").await, "a.txt");
}

#[tokio::test]
async fn a_redirect_to_a_folder_stays_on_the_host() {
    let folder = Folder::new("redirects", &["a.txt", "dir/index.html"]);
    let files = json!({"handler": "file_server", "root": folder.path()});
    let server = routes(&json!([{"handle": [files]}]));
    for path in [
        "/dir",
        "//dir",
        "///dir",
        "//evil.test/..//dir",
        "//evil.test/%2e%2e/dir",
        "/%5Cevil.test/..%2fdir",
        "//dir/..//dir",
    ] {
        let answer = server.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{path}: {answer}");
        assert!(
            answer.to_ascii_lowercase().contains("\r\nlocation: /dir/\r\n"),
            "{path}: {answer}"
        );
    }
    let answer = server.get("//a.txt/").await.to_ascii_lowercase();
    assert!(answer.contains("\r\nlocation: /a.txt\r\n"), "{answer}");
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_names_the_client() {
    let server = guarded(&json!({"client_ip": {"ranges": ["10.0.0.0/8"]}}));
    for field in [
        "X-Forwarded-For: 10.1.2.3",
        "X-Real-IP: 10.1.2.3",
        "Forwarded: for=10.1.2.3",
        "X_Forwarded_For: 10.1.2.3",
    ] {
        let get = format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\nConnection: close\r\n\r\n");
        check_body(&server.ask(&get).await, "open");
    }
}

#[tokio::test]
async fn an_error_tells_nothing_of_the_server() {
    let server =
        routes(&json!([{"handle": [{"handler": "error", "error": "secret", "status_code": 500}]}]));
    let answer = server.get("/").await;
    check(&answer, "500 Internal Server Error", &["server: Caddy", "content-length: 0"], "");
    assert!(!answer.contains("secret"), "{answer}");
}

#[tokio::test]
async fn small_frames_do_not_become_a_large_head_over_http_2() {
    // What HPACK has in its table takes one byte each time it is named.
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = start(json!({"routes": [{"handle": [respond("ok")]}]}));
    let mut client = server.connect().await;
    let value = "x".repeat(100);
    let mut block = vec![0x82, 0x86, 0x84, 0x41, 1, b'a', 0x40, 1, b'x', 100];
    block.extend_from_slice(value.as_bytes());
    // The newest entry of the table, a thousand times.
    block.extend(std::iter::repeat_n(0xbe, 1000));
    let len = u32::try_from(block.len()).expect("a short block").to_be_bytes();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let frame = [&len[1..], &[1, 5, 0, 0, 0, 1], &block].concat();
    client.write_all(&[&preface[..], &frame].concat()).await.expect("sent");
    let mut head = [0; 9];
    let refused = loop {
        let read = client.read_exact(&mut head);
        let read = tokio::time::timeout(std::time::Duration::from_secs(10), read).await;
        if read.expect("in time").is_err() {
            break true;
        }
        let [a, b, c, kind, ..] = head;
        let mut payload =
            vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).expect("it fits")];
        client.read_exact(&mut payload).await.expect("a frame");
        match kind {
            // HEADERS whose status is not the table's 200.
            1 => break payload.first() != Some(&0x88),
            3 | 7 => break true,
            _ => {}
        }
    };
    assert!(refused, "a head of 100 KB was taken");
    check_body(&server.get("/").await, "ok");
}
