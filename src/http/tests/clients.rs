//! Who the client is: what proxies say in header fields, and in front of a connection.

use super::{check, start};
use serde_json::{Value, json};

fn server(settings: Value) -> Value {
    let mut server = settings;
    server["routes"] = json!([{"handle": [{
        "handler": "static_response",
        "body": "{http.request.remote.host} {http.vars.client_ip} {http.vars.trusted_proxy}",
    }]}]);
    server
}

fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n")
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client() {
    let trusting = json!({"trusted_proxies": {"source": "static", "ranges": ["127.0.0.0/8"]}});
    let running = start(server(trusting));
    let answer = running.ask(&get("X-Forwarded-For: 203.0.113.7\r\n")).await;
    check(&answer, "200 OK", &[], "127.0.0.1 203.0.113.7 true");
    let answer = running.ask(&get("")).await;
    check(&answer, "200 OK", &[], "127.0.0.1 127.0.0.1 true");
}

#[tokio::test]
async fn nobody_else_does() {
    let running = start(server(json!({})));
    let answer = running.ask(&get("X-Forwarded-For: 203.0.113.7\r\n")).await;
    check(&answer, "200 OK", &[], "127.0.0.1 127.0.0.1 false");
}

#[tokio::test]
async fn a_header_of_the_proxy_protocol_is_used_as_the_policy_says() {
    let wrapped = |settings: Value| {
        let mut wrapper = settings;
        wrapper["wrapper"] = json!("proxy_protocol");
        start(server(json!({"listener_wrappers": [wrapper]})))
    };
    let line = "PROXY TCP4 203.0.113.7 192.0.2.1 5678 80\r\n";
    let with_header = format!("{line}{}", get(""));
    let used = "203.0.113.7 203.0.113.7 false";
    let bare = "127.0.0.1 127.0.0.1 false";

    let running = wrapped(json!({"allow": ["127.0.0.0/8"]}));
    check(&running.ask(&with_header).await, "200 OK", &[], used);
    check(&running.ask(&get("")).await, "200 OK", &[], bare);
    let running = wrapped(json!({}));
    check(&running.ask(&with_header).await, "200 OK", &[], bare);
    let running = wrapped(json!({"deny": ["127.0.0.1"]}));
    assert_eq!(running.ask(&with_header).await, "");
    check(&running.ask(&get("")).await, "200 OK", &[], bare);
    let running = wrapped(json!({"fallback_policy": "REQUIRE"}));
    check(&running.ask(&with_header).await, "200 OK", &[], used);
    assert_eq!(running.ask(&get("")).await, "");
    let running = wrapped(json!({"fallback_policy": "SKIP"}));
    assert!(running.ask(&with_header).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn plain_http_is_redirected_where_the_wrapper_says_so() {
    let running = start(server(json!({"listener_wrappers": [{"wrapper": "http_redirect"}]})));
    let answer = running.ask("GET /a?b HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let expected = "HTTP/1.0 308 Permanent Redirect\r\nLocation: https://a.test/a?b\r\n\
                    Content-Length: 0\r\n\r\n";
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_server_of_http_2_alone_speaks_no_http_1() {
    let running = start(server(json!({"protocols": ["h2c"]})));
    assert_eq!(running.ask(&get("")).await, "");
}
