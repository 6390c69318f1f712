//! Matchers and named routes, through whole requests.

use super::{check, respond, routes, start};
use serde_json::{Value, json};

/// A route that answers with `body` when `matcher` matches.
fn route(matcher: &Value, body: &str) -> Value {
    json!({"match": [matcher], "handle": [respond(body)], "terminal": true})
}

#[tokio::test]
async fn what_an_expression_captures_is_a_placeholder() {
    let server = routes(&json!([
        route(&json!({"path_regexp": {"name": "v", "pattern": "^/v(?P<major>\\d+)/(.*)$"}}),
            "{http.regexp.v.major} {http.regexp.2} {http.regexp.v.9}"),
        route(&json!({"header_regexp": {"Host": {"name": "h", "pattern": "^(local)"}},
            "vars_regexp": {"{http.request.uri.query}": {"pattern": "^a=(.)$"}}}),
            "{http.regexp.h.1} {http.regexp.1}"),
        {"handle": [respond("none")]},
    ]));
    check(&server.get("//v12/x/../y").await, "200 OK", &[], "12 y {http.regexp.v.9}");
    check(&server.get("/?a=b").await, "200 OK", &[], "local b");
    check(&server.get("/?b=b").await, "200 OK", &[], "none");
}

#[tokio::test]
async fn keys_of_a_query_must_all_match_and_their_values_are_alternatives() {
    let server = routes(&json!([
        route(&json!({"query": {"a": ["1", "2"], "b": ["*"]}}), "both"),
        route(&json!({"query": {}}), "nothing"),
        {"handle": [respond("other")]},
    ]));
    check(&server.get("/?b&a=2").await, "200 OK", &[], "both");
    check(&server.get("/?b=1&a=3").await, "200 OK", &[], "other");
    check(&server.get("/?b=1&a=1;x").await, "200 OK", &[], "other");
    check(&server.get("/?b=1&a=1&c=%zz").await, "200 OK", &[], "other");
    check(&server.get("/").await, "200 OK", &[], "nothing");
}

#[tokio::test]
async fn protocols_addresses_and_variables_match() {
    let server = routes(&json!([
        {"handle": [{"handler": "vars", "who": "{http.request.uri.query.who}"}]},
        route(&json!({"protocol": "https"}), "https"),
        route(&json!({"tls": {}}), "tls"),
        route(&json!({"protocol": "http/2+"}), "2"),
        route(&json!({"remote_ip": {"ranges": ["10.0.0.0/8"]}}), "far"),
        route(&json!({"vars": {"who": ["me"], "{http.request.method}": ["PUT"]}}), "me"),
        route(&json!({"protocol": "http/1.1+", "client_ip": {"ranges": ["127.0.0.0/8"]}}), "near"),
    ]));
    check(&server.get("/?who=me").await, "200 OK", &[], "me");
    check(&server.get("/?who={http.request.method}").await, "200 OK", &[], "near");
}

#[tokio::test]
async fn files_that_come_and_go_are_seen_by_the_next_request() {
    let root = std::env::temp_dir().join(format!("pogo-come-and-go-{}", std::process::id()));
    std::fs::create_dir_all(&root).expect("the root is made");
    let file = |names: &[&str]| json!({"file": {"root": root, "try_files": names}});
    let server = routes(&json!([
        route(&file(&["{http.request.uri.path}/index.php"]), "folder"),
        route(&file(&["{http.request.uri.path}", "{http.request.uri.path}/b.php"]),
            "{http.matchers.file.relative}"),
        {"handle": [respond("none")]},
    ]));
    check(&server.get("/a").await, "200 OK", &[], "none");
    std::fs::write(root.join("a"), "").expect("the file is written");
    check(&server.get("/a").await, "200 OK", &[], "/a");
    check(&server.get("/a/b.php").await, "200 OK", &[], "none");
    std::fs::remove_file(root.join("a")).expect("the file goes");
    check(&server.get("/a").await, "200 OK", &[], "none");
    std::fs::create_dir(root.join("a")).expect("the folder is made");
    check(&server.get("/a").await, "200 OK", &[], "none");
    std::fs::write(root.join("a/b.php"), "").expect("the file is written");
    check(&server.get("/a").await, "200 OK", &[], "/a/b.php");
    std::fs::write(root.join("a/index.php"), "").expect("the file is written");
    check(&server.get("/a").await, "200 OK", &[], "folder");
    std::fs::remove_dir_all(&root).expect("the root goes");
}

#[tokio::test]
async fn named_routes_are_invoked_and_end_where_they_invoke_each_other() {
    let invoke = |name: &str| json!({"handler": "invoke", "name": name});
    let on =
        |path: &str, name: &str| json!({"match": [{"path": [path]}], "handle": [invoke(name)]});
    let server = start(json!({
        "routes": [on("/one", "one"), on("/round", "round"), on("/none", "none"),
            {"handle": [respond("after")]}],
        "named_routes": {
            "one": {"handle": [{"handler": "subroute", "routes": [
                {"match": [{"query": {"x": ["1"]}}], "handle": [invoke("two")]}]}]},
            "two": {"handle": [respond("two")]},
            "round": {"handle": [invoke("round")]},
        },
    }));
    check(&server.get("/one?x=1").await, "200 OK", &[], "two");
    check(&server.get("/one").await, "200 OK", &[], "after");
    check(&server.get("/round").await, "500 Internal Server Error", &[], "");
    check(&server.get("/none").await, "500 Internal Server Error", &[], "");
}

#[tokio::test]
async fn expressions_know_placeholders_and_matchers() {
    let expression = |expr: &str, body: &str| route(&json!({"expression": expr}), body);
    let server = start(json!({
        "routes": [
            expression("path('/a*') && method('GET', 'PUT') && !query({'x': '*'})", "a"),
            expression("{http.request.uri.query}.contains('..') || {http.request.host} in ['x']",
                "contains"),
            expression("{http.request.uri.path}.matches('^/[0-9]+$') ? size('ab') == 2 : false",
                "digits"),
            route(&json!({"expression": {"expr": "path_regexp('^/n(.)')", "name": "n"}}),
                "{http.regexp.n.1}"),
            expression("{http.request.uri.path} < 1", "no such overload"),
        ],
        "errors": {"routes": [
            expression("{http.error.status_code} >= 400 && {http.error.status_code} <= 499 || \
                {http.error.status_code} in [500, 501]", "{http.error.status_code}"),
        ]},
    }));
    check(&server.get("/ab").await, "200 OK", &[], "a");
    check(&server.get("/ab?x=..").await, "200 OK", &[], "contains");
    check(&server.get("/12").await, "200 OK", &[], "digits");
    check(&server.get("/nx").await, "200 OK", &[], "x");
    check(&server.get("/other").await, "500 Internal Server Error", &[], "500");
}
