//! Small handlers, asked over real sockets.

use super::{check, respond, routes};
use serde_json::{Value, json};

/// A server with a single route.
fn route(handle: &[Value]) -> super::Running {
    routes(&json!([{ "handle": handle }]))
}

/// What `echo` answers to a `POST` with this body.
async fn post(server: &super::Running, body: &str) -> String {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    server.ask(&format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await
}

#[tokio::test]
async fn a_password_lets_in_and_its_name_is_known() {
    let hash = bcrypt::hash("secret", 4).expect("a valid cost");
    let basic = json!({
        "hash": {"algorithm": "bcrypt"}, "hash_cache": {}, "realm": "vault",
        "accounts": [{"username": "alice", "password": hash}],
    });
    let handler = json!({"handler": "authentication", "providers": {"http_basic": basic}});
    let server = route(&[handler, respond("hello {http.auth.user.id}")]);
    let ask = |credentials: &str| {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
        format!("{head}Authorization: Basic {credentials}\r\n\r\n")
    };
    // The second time it is remembered.
    for _ in 0..2 {
        check(&server.ask(&ask("YWxpY2U6c2VjcmV0")).await, "200 OK", &[], "hello alice");
    }
    let challenge = ["www-authenticate: Basic realm=\"vault\""];
    for wrong in ["YWxpY2U6d3Jvbmc=", "Ym9iOnNlY3JldA==", "???"] {
        check(&server.ask(&ask(wrong)).await, "401 Unauthorized", &challenge, "");
    }
    check(&server.get("/").await, "401 Unauthorized", &challenge, "");
}

#[tokio::test]
async fn a_table_gives_placeholders_when_they_are_asked_for() {
    let map = json!({
        "handler": "map", "source": "{http.request.uri.path}",
        "destinations": ["{a}", "{b}"], "defaults": ["none {http.request.method}", "d"],
        "mappings": [
            {"input_regexp": "^/re/(\\w+)$", "outputs": ["<${1}>-{http.request.method}", null]},
            {"input": "/plain", "outputs": ["p {http.request.method}", 5]},
            {"input": "/self", "outputs": ["{a}", ""]},
        ],
    });
    let server = route(&[map, respond("{a}|{b}|{c}")]);
    let regexp = "<x>-{http.request.method}|d|{c}";
    check(&server.get("/re/x").await, "200 OK", &[], regexp);
    check(&server.get("/plain").await, "200 OK", &[], "p GET|5|{c}");
    check(&server.get("/other").await, "200 OK", &[], "none GET|d|{c}");
    check(&server.get("/self").await, "200 OK", &[], "||{c}");
}

#[tokio::test]
async fn a_query_is_changed_pair_by_pair() {
    let query = json!({
        "rename": [{"key": "a", "val": "z"}],
        "set": [{"key": "d", "val": "{http.request.method}"}],
        "add": [{"key": "b", "val": "new"}],
        "replace": [{"key": "e", "search": "x", "replace": "y"},
                    {"key": "*", "search_regexp": "q(\\d)", "replace": "${1}"}],
        "delete": ["c"],
    });
    let rewrite = json!({"handler": "rewrite", "query": query});
    let server = route(&[rewrite, respond("{http.request.uri}")]);
    let answer = server.get("/p?a=1&c=2&e=xx&f=q7&d=1&d=2").await;
    check(&answer, "200 OK", &[], "/p?b=new&d=GET&e=yy&f=7&z=1");
    check(&route(&[respond("{http.request.uri}")]).get("/p?").await, "200 OK", &[], "/p?");
}

#[tokio::test]
async fn a_body_is_bounded_or_replaced() {
    let echo = respond("{http.request.body}");
    let limit = json!({"handler": "request_body", "max_size": 3});
    let server = route(&[limit, echo.clone()]);
    check(&post(&server, "abcdef").await, "200 OK", &[], "abc");
    check(&post(&server, "ab").await, "200 OK", &[], "ab");
    let set = json!({"handler": "request_body", "set": "<{http.request.method}>"});
    check(&post(&route(&[set, echo]), "abc").await, "200 OK", &[], "<POST>");
}

#[tokio::test]
async fn a_body_that_comes_too_late_is_not_waited_for() {
    let timeouts = json!({"handler": "timeouts", "read_timeout": "50ms"});
    let server = route(&[timeouts, respond("<{http.request.body}>")]);
    let slow = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab";
    check(&server.ask(slow).await, "200 OK", &["connection: close"], "<ab>");
}

#[tokio::test]
async fn there_is_nothing_to_copy_without_an_upstream() {
    for name in ["copy_response", "copy_response_headers"] {
        let server = routes(&json!([{"handle": [{"handler": name}]}]));
        check(&server.get("/").await, "500 Internal Server Error", &[], "");
    }
}

#[tokio::test]
async fn files_of_a_system_that_is_not_there_are_not_found() {
    let vars = json!({"handler": "vars", "fs": "embedded"});
    let server = route(&[vars, json!({"handler": "file_server", "root": "src"})]);
    check(&server.get("/lib.rs").await, "404 Not Found", &[], "");
}

#[tokio::test]
async fn an_error_is_told_with_its_mark_and_status() {
    let server = super::start(json!({
        "routes": [{"handle": [{"handler": "error", "error": "no", "status_code": 418}]}],
        "errors": {"routes": [{"handle": [respond("{http.error}|{http.error.message}")]}]},
    }));
    let answer = server.get("/").await;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    assert!(body.starts_with("{id=") && body.ends_with("}: HTTP 418: no|no"), "{answer}");
    let server = super::start(json!({
        "routes": [{"handle": [{"handler": "file_server", "root": "src/none"}]}],
        "errors": {"routes": [{"handle": [respond("{http.error}|{http.error.message}")]}]},
    }));
    let answer = server.get("/").await;
    assert!(answer.ends_with("}: HTTP 404|Not Found"), "{answer}");
}

#[tokio::test]
async fn requests_are_counted_by_route_and_shown() {
    let config = json!({"routes": [
        {"handle": [{"handler": "vars", "a": "b"}]},
        {"match": [{"path": ["/metrics"]}], "handle": [{"handler": "metrics"}]},
        {"match": [{"path": ["/none"]}], "handle": [{"handler": "error", "status_code": 404}]},
        {"handle": [respond("x")]},
    ], "metrics": {}});
    let server = super::start(config);
    check(&server.get("/").await, "200 OK", &[], "x");
    check(&server.get("/none").await, "404 Not Found", &[], "");
    let text = server.get("/metrics").await;
    let prometheus = "Content-Type: text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
    let lines = [
        prometheus,
        "caddy_http_requests_total{handler=\"error\",server=\"srv0\"} 1",
        "caddy_http_requests_total{handler=\"vars\",server=\"srv0\"} 3",
        "caddy_http_request_errors_total{handler=\"vars\",server=\"srv0\"} 1",
        "caddy_http_requests_in_flight{handler=\"metrics\",server=\"srv0\"} 1",
        "caddy_http_requests_in_flight{handler=\"static_response\",server=\"srv0\"} 0",
        "caddy_http_request_size_bytes_sum\
         {code=\"200\",handler=\"static_response\",method=\"GET\",server=\"srv0\"} 36",
        "caddy_http_response_size_bytes_sum\
         {code=\"200\",handler=\"static_response\",method=\"GET\",server=\"srv0\"} 1",
        "caddy_http_response_duration_seconds_count\
         {code=\"200\",handler=\"vars\",method=\"GET\",server=\"srv0\"} 1",
        "caddy_http_request_duration_seconds_count\
         {code=\"404\",handler=\"vars\",method=\"GET\",server=\"srv0\"} 1",
    ];
    for line in lines {
        let has = text.lines().any(|l| l.eq_ignore_ascii_case(line));
        assert!(has, "{line} in\n{text}");
    }
    let accept = "Accept: application/openmetrics-text; version=1.0.0";
    let head = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let text = server.ask(&format!("{head}{accept}\r\n\r\n")).await;
    assert!(text.contains("# TYPE caddy_http_requests counter\n"), "{text}");
    assert!(text.contains(",le=\"1.0\"} 1\n") && text.contains("# EOF\n"), "{text}");
}
