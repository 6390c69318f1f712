//! The example that the project exists for.

use super::support::server::free_port;
use super::support::{Server, get};
use std::path::Path;

fn start() -> Server {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fan-out");
    let port = free_port();
    // The example listens on a port of its own, which a test must not take.
    let caddyfile =
        std::fs::read_to_string(folder.join("Caddyfile")).expect("the example's Caddyfile");
    assert!(caddyfile.contains("\n:8080 {"), "the example serves :8080");
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fan-out-{port}.caddyfile"));
    std::fs::write(&ours, caddyfile.replace(":8080", ":{$PORT}")).expect("written");
    let file = ours.to_str().expect("a path in UTF-8");
    Server::start_with(&folder, port, &["run", "--config", file], &[])
}

#[test]
fn three_tasks_run_side_by_side() {
    let server = start();
    let answer = get(server.port, "/").json();
    assert_eq!(answer["workers"], serde_json::json!({"default": 4, "cpu": 2}));
    let results = answer["results"].as_array().expect("a list");
    assert_eq!(results.len(), 3);
    assert_eq!(results.iter().filter(|r| r["slept_ms"] == 250).count(), 2);
    assert_eq!(results.iter().filter(|r| r["primes"] == 1229).count(), 1);
    let elapsed = answer["elapsed_ms"].as_u64().expect("a number");
    assert!((250..500).contains(&elapsed), "took {elapsed} ms");
}

#[test]
fn a_refused_timeout_leaves_the_task_awaitable() {
    let server = start();
    let answer = get(server.port, "/negative-timeout.php").json();
    assert_eq!(answer["caught_invalid_timeout"], true);
    assert_eq!(answer["message"], "Pogo await timeout must be greater than or equal to zero");
    assert_eq!(answer["result"]["slept_ms"], 25);
}

#[test]
fn an_unknown_pool_is_an_exception() {
    let server = start();
    let answer = get(server.port, "/pool-size-error.php").json();
    assert_eq!(answer["caught_unknown_pool"], true);
    assert_eq!(answer["message"], "unknown Pogo pool \"missing\"");
}
