//! Time limits by the wall clock, and stops from outside.

use crate::server::{Answer, Worker, Zygote};
use php_wire::control::{EXIT_BAILOUT, EXIT_OVER_LIMIT, ToZygote, WorkerKind};
use php_wire::frame::{Kind, flag};
use std::time::{Duration, Instant};

const SHOWN: &[(&str, &str)] =
    &[("display_errors", "1"), ("html_errors", "0"), ("log_errors", "1")];

fn classic(zygote: &Zygote) -> Worker {
    let mut worker = zygote.classic();
    worker.expect_ready();
    worker
}

/// Runs a script that must be over after about a second.
#[track_caller]
fn limited(code: &str) -> Answer {
    let zygote = Zygote::start(SHOWN);
    let script = zygote.script("limited.php", code);
    let mut worker = classic(&zygote);
    let start = Instant::now();
    let answer = worker.get(&script);
    let took = start.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?}");
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_BAILOUT), None));
    answer
}

#[test]
fn a_loop_ends_by_php_s_own_error() {
    let answer = limited(
        "register_shutdown_function(fn () => print('[shutdown]')); set_time_limit(1); echo 'go'; while (true);",
    );
    assert!(
        answer.body.starts_with("go\nFatal error: Maximum execution time of 1 second exceeded")
    );
    assert!(answer.body.ends_with("[shutdown]"), "{}", answer.body);
    assert!(answer.whole && answer.flags & flag::EXIT != 0);
    assert!(
        answer.logs[0].1.contains("PHP Fatal error:  Maximum execution time of 1 second exceeded")
    );
}

#[test]
fn a_sleep_counts() {
    let answer = limited("set_time_limit(1); echo 'go'; sleep(30); echo 'woke';");
    assert!(answer.body.contains("Maximum execution time of 1 second exceeded"), "{}", answer.body);
    assert!(!answer.body.contains("woke"), "{}", answer.body);
}

#[test]
fn the_ini_limit_counts_from_the_request_on() {
    let zygote = Zygote::start(&[
        ("max_execution_time", "1"),
        ("display_errors", "1"),
        ("html_errors", "0"),
    ]);
    let quick = zygote.script("quick.php", "usleep(400000); echo ini_get('max_execution_time');");
    let slow = zygote.script("slow.php", "usleep(8000000); echo 'woke';");
    let mut worker = classic(&zygote);
    for _ in 0..4 {
        assert_eq!(worker.get(&quick).body, "1");
    }
    let start = Instant::now();
    let answer = worker.get(&slow);
    assert!(answer.body.contains("Maximum execution time of 1 second exceeded"), "{}", answer.body);
    let took = start.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_new_limit_starts_the_clock_anew() {
    let zygote = Zygote::start(SHOWN);
    let script = zygote.script(
        "renew.php",
        "for ($i = 0; $i < 3; $i++) { set_time_limit(1); usleep(600000); } set_time_limit(0); echo $i;",
    );
    assert_eq!(classic(&zygote).get(&script).body, "3");
}

#[test]
fn a_resident_script_s_limit_is_each_request_s_own() {
    let zygote = Zygote::start(SHOWN);
    let mut worker = zygote.resident(
        "while (frankenphp_handle_request(function () {
            echo ini_get('max_execution_time'); if (isset($_GET['no'])) { set_time_limit(0); } })) {}",
    );
    for query in ["no=1", ""] {
        worker.expect_ready();
        assert_eq!(worker.query("/unused", query).body, "30");
    }
}

#[test]
fn stuck_code_is_ended_after_the_grace() {
    let zygote = Zygote::start(SHOWN);
    // One call into C that never looks at PHP's flags.
    let code = "set_time_limit(1); hash_pbkdf2('sha256', 'a', 'b', PHP_INT_MAX);";
    let script = zygote.script("stuck.php", code);
    let mut worker = classic(&zygote);
    let start = Instant::now();
    let answer = worker.get(&script);
    assert_eq!((answer.whole, answer.frames), (false, 0));
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_OVER_LIMIT), None));
    let took = start.elapsed();
    assert!(took > Duration::from_millis(1400) && took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn a_stop_ends_the_job_it_names_and_no_other() {
    let zygote = Zygote::start(&[("display_errors", "0")]);
    let script =
        zygote.script("nap.php", "set_time_limit(0); echo 'x'; flush(); sleep(30); echo 'woke';");
    let hello = zygote.script("hello.php", "usleep(300000); echo 'whole';");
    let mut worker = classic(&zygote);
    let id = worker.request(&hello, |_| {});
    zygote.send(&ToZygote::Stop { serial: worker.serial, job: id + 100 });
    assert_eq!(worker.answer(id).body, "whole");
    let id = worker.request(&script, |_| {});
    worker.expect(Kind::Response);
    let start = Instant::now();
    zygote.send(&ToZygote::Stop { serial: worker.serial, job: id });
    let answer = worker.answer(id);
    assert!(!answer.body.contains("woke") && start.elapsed() < Duration::from_secs(5));
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_BAILOUT), None));
}

#[test]
fn a_stop_that_comes_before_its_job_is_not_lost() {
    let zygote = Zygote::start(&[]);
    let nap = "set_time_limit(0); sleep(30);";
    let page = zygote.script("nap.php", nap);
    let loops = format!("while (frankenphp_handle_request(function () {{ {nap} }})) {{}}");
    for mut worker in [zygote.classic(), zygote.resident(&loops)] {
        worker.expect_ready();
        zygote.send(&ToZygote::Stop { serial: worker.serial, job: worker.next_id });
        // Orders are carried out one after the other: the stop is there once this one is.
        let other = zygote.classic();
        let start = Instant::now();
        worker.get(&page);
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_BAILOUT), None));
        drop(other);
        assert!(zygote.receive().is_some(), "the other worker ends with its link");
    }
}

#[test]
fn a_waiting_worker_has_no_limit() {
    let zygote = Zygote::start(&[("max_execution_time", "1")]);
    let hello = zygote.script("hello.php", "echo 'hello';");
    let script =
        zygote.script("resident.php", "while (frankenphp_handle_request(fn () => print('hi'))) {}");
    let mut waiting = classic(&zygote);
    let mut resident = zygote.fork(WorkerKind::Worker, &script, |_| {});
    resident.expect_ready();
    waiting.get(&hello);
    resident.get("/unused");
    resident.expect_ready();
    // Another worker's limit passes meanwhile.
    let busy = zygote.script("busy.php", "sleep(30);");
    classic(&zygote).get(&busy);
    assert_eq!(waiting.get(&hello).body, "hello");
    assert_eq!(resident.get("/unused").body, "hi");
}

#[test]
fn an_answer_that_nobody_takes_does_not_hold_a_worker_past_its_limit() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "flood.php",
        "set_time_limit(1); while (true) { echo str_repeat('x', 60000); flush(); }",
    );
    let mut worker = classic(&zygote);
    let id = worker.request(&script, |_| {});
    // The server does not read, so the worker waits for room.
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_OVER_LIMIT), None));
    assert!(!worker.answer(id).whole);
}
