//! Scripts that stay up and take requests.

use crate::server::{Worker, Zygote};
use php_wire::control::{EXIT_BAILOUT, EXIT_NO_LOOP, EXIT_OK, WorkerKind};
use php_wire::frame::{Kind, flag};
use php_wire::response::Source;

const DISPATCH: &str = "
    $n = 0;
    while (frankenphp_handle_request(function () use (&$n) { $n++; include __DIR__ . '/page.php'; })) {}
";

/// A worker whose script runs `page` for each request.
fn paged(zygote: &Zygote, page: &str) -> Worker {
    zygote.script("page.php", page);
    let mut worker = zygote.resident(DISPATCH);
    worker.expect_ready();
    worker
}

/// Sends one request and waits until the worker is ready again.
#[track_caller]
fn round(worker: &mut Worker, query: &str) -> String {
    let answer = worker.query("/unused", query);
    assert!(answer.whole);
    worker.expect_ready();
    answer.body
}

#[test]
fn the_script_stays_and_requests_are_renewed() {
    let zygote = Zygote::start(&[]);
    let mut worker =
        paged(&zygote, "echo $n, ' ', $_GET['q'] ?? '-', ' ', $_SERVER['QUERY_STRING'] ?? 'none';");
    assert_eq!(round(&mut worker, "q=a"), "1 a none");
    assert_eq!(round(&mut worker, ""), "2 - none");
    assert_eq!(round(&mut worker, "q=c"), "3 c none");
}

/// Whether the end of one of a few answers says that the worker is idle.
fn says_idle(script: &str) -> bool {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident(script);
    worker.expect_ready();
    (0..50).any(|_| {
        let answer = worker.get("/unused");
        worker.expect_ready();
        answer.flags & flag::IDLE != 0
    })
}

#[test]
fn only_a_script_that_comes_straight_back_is_idle_with_its_answer() {
    assert!(says_idle("while (frankenphp_handle_request(function () { echo 'x'; })) {}"));
    let slow = "while (frankenphp_handle_request(function () {})) { usleep(2000); }";
    assert!(!says_idle(slow));
    let loud = "while (frankenphp_handle_request(function () {})) { echo 'between'; }";
    assert!(!says_idle(loud));
}

/// The answers to a few requests that lie in the inbox at once.
fn check_several(worker: &mut Worker, script: &str) {
    let ids = [(); 5].map(|()| worker.request(script, |head| head.method = b"GET"));
    for id in ids {
        let answer = worker.answer(id);
        assert_eq!((answer.status, answer.body.as_str()), (200, "one"));
        worker.expect_ready();
    }
}

#[test]
fn requests_that_lie_in_the_inbox_are_taken_one_after_the_other() {
    let zygote = Zygote::start(&[]);
    let mut resident = paged(&zygote, "echo 'one';");
    check_several(&mut resident, "/unused");
    let mut classic = zygote.classic();
    classic.expect_ready();
    check_several(&mut classic, &zygote.script("one.php", "echo 'one';"));
}

#[test]
fn who_always_finds_a_request_in_its_inbox_still_looks_at_its_link() {
    let zygote = Zygote::start(&[]);
    let mut worker = paged(&zygote, "usleep(1000);");
    for _ in 0..100 {
        worker.request("/unused", |_| {});
    }
    worker.send(Kind::Drain, 0, 0, b"");
    let messages = std::iter::from_fn(|| worker.receive());
    let ends = messages.filter(|m| m.header.kind == Kind::Response && m.header.has(flag::DONE));
    let served = ends.count();
    assert!((1..50).contains(&served), "{served} requests");
}

#[test]
fn the_end_of_a_request_says_how_long_it_took() {
    let zygote = Zygote::start(&[]);
    let mut worker = paged(&zygote, "usleep(20_000);");
    let id = worker.request("/unused", |_| {});
    let end = worker.expect(Kind::Response).header;
    assert!(end.id == id && end.has(flag::DONE));
    assert!((20_000..u16::MAX).contains(&end.took), "{} µs", end.took);
}

#[test]
fn boot_sees_its_environment_and_its_output_goes_to_the_log() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident(
        "echo 'booting ', $_SERVER['FRANKENPHP_WORKER'], $_SERVER['WORKER_VAR'], $_SERVER['REQUEST_METHOD'],
            basename($_SERVER['SCRIPT_FILENAME']), count(getallheaders());
         while (frankenphp_handle_request(function () {
            echo json_encode([$_SERVER['FRANKENPHP_WORKER'] ?? null, getenv('FRANKENPHP_WORKER'), getenv('WORKER_VAR')]);
         })) { echo 'between'; header('X-Between: 1'); }",
    );
    let logs = worker.expect_ready();
    assert_eq!(logs, [(Source::Output, "booting 1setGETworker.php0".to_owned())]);
    let answer = worker.get("/unused");
    assert_eq!(answer.body, r#"[null,"1","set"]"#);
    assert_eq!(worker.expect_ready(), [(Source::Output, "between".to_owned())]);
    assert!(!worker.get("/unused").headers.iter().any(|h| h.contains("Between")));
}

#[test]
fn an_exception_is_the_request_s_own() {
    let zygote = Zygote::start(&[("html_errors", "0")]);
    let mut worker = paged(
        &zygote,
        "echo $n; if (isset($_GET['throw'])) throw new Exception('oh'); echo ' fine';",
    );
    let body = round(&mut worker, "throw=1");
    assert!(body.contains("1\nFatal error: Uncaught Exception: oh"), "{body}");
    assert!(body.contains("frankenphp_handle_request(Object(Closure))"), "{body}");
    assert_eq!(round(&mut worker, ""), "2 fine");
}

#[test]
fn exit_ends_the_script_and_its_last_words_reach_the_client() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident(
        "register_shutdown_function(fn () => print('[bye]'));
         while (frankenphp_handle_request(function () { echo 'x '; exit('exited'); })) {}",
    );
    worker.expect_ready();
    let answer = worker.get("/unused");
    assert_eq!((answer.body.as_str(), answer.whole), ("x exited[bye]", true));
    assert_eq!(answer.flags & flag::EXIT, flag::EXIT);
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_BAILOUT), None));
}

#[test]
fn a_fatal_error_ends_the_script_the_same_way() {
    let zygote = Zygote::start(&[("html_errors", "0")]);
    let mut worker = zygote.resident(
        "register_shutdown_function(fn () => print('[bye]'));
         while (frankenphp_handle_request(function () { trigger_error('broken', E_USER_ERROR); })) {}",
    );
    worker.expect_ready();
    let answer = worker.get("/unused");
    assert!(answer.body.contains("Fatal error: broken"), "{}", answer.body);
    assert!(answer.body.ends_with("[bye]"), "{}", answer.body);
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_BAILOUT), None));
}

#[test]
fn a_script_without_a_loop_says_so_by_its_exit() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident("echo 'no loop';");
    let message = worker.expect(Kind::Log);
    assert!(String::from_utf8_lossy(&message.payload).contains("no loop"));
    assert!(worker.receive().is_none());
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_NO_LOOP), None));
    let mut worker = zygote.resident("throw new RuntimeException('boot broke');");
    let message = worker.expect(Kind::Log);
    assert!(String::from_utf8_lossy(&message.payload).contains("boot broke"));
    assert!(worker.receive().is_none());
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_NO_LOOP), None));
}

#[test]
fn a_script_that_leaves_its_loop_ends_well() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident("frankenphp_handle_request(function () { echo 'once'; });");
    worker.expect_ready();
    assert_eq!(worker.get("/unused").body, "once");
    assert!(worker.receive().is_none());
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_OK), None));
}

#[test]
fn the_quota_makes_handle_request_return_false() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "quota.php",
        "do { $go = frankenphp_handle_request(function () { echo 'x'; }); } while ($go); echo 'cleaned up';",
    );
    let mut worker = zygote.fork(WorkerKind::Worker, &script, |spec| spec.max_requests = 1);
    worker.expect_ready();
    assert_eq!(worker.get("/unused").flags & flag::EXIT, flag::EXIT);
    let message = worker.expect(Kind::Log);
    assert!(String::from_utf8_lossy(&message.payload).contains("cleaned up"));
    assert!(worker.receive().is_none());
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_OK), None));
}

#[test]
fn sessions_do_not_leak_into_the_next_request() {
    let zygote = Zygote::start(&[("session.save_path", env!("CARGO_TARGET_TMPDIR"))]);
    let mut worker = paged(
        &zygote,
        "if (isset($_GET['sid'])) { session_id($_GET['sid']); session_start(); $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; echo $_SESSION['n']; }
         else { echo json_encode([session_id(), session_status(), isset($_SESSION)]); }
         if (isset($_GET['destroy'])) session_destroy();",
    );
    let sid = format!("sid=bridge{}", std::process::id());
    assert_eq!(round(&mut worker, &sid), "1");
    assert_eq!(round(&mut worker, ""), r#"["",1,false]"#);
    assert_eq!(round(&mut worker, &format!("{sid}&destroy=1")), "2");
}

#[test]
fn what_is_added_to_links_is_the_request_s_own() {
    let zygote = Zygote::start(&[
        ("session.save_path", env!("CARGO_TARGET_TMPDIR")),
        ("session.use_trans_sid", "1"),
        ("session.use_only_cookies", "0"),
        ("session.use_cookies", "0"),
        ("url_rewriter.tags", "a=href"),
    ]);
    let mut worker = paged(
        &zygote,
        "if (isset($_GET['sid'])) { session_id($_GET['sid']); session_start(); session_destroy(); }
         if (isset($_GET['v'])) { output_add_rewrite_var('v', $_GET['v']); }
         echo '<a href=\"/x\">';",
    );
    for n in 1..4 {
        let sid = format!("bridge{}n{n}", std::process::id());
        let body = round(&mut worker, &format!("sid={sid}"));
        assert_eq!(body, format!("<a href=\"/x?PHPSESSID={sid}\">"));
        assert_eq!(round(&mut worker, &format!("v={n}")), format!("<a href=\"/x?v={n}\">"));
        assert_eq!(round(&mut worker, ""), "<a href=\"/x\">");
    }
}

#[test]
fn sessions_start_by_themselves_in_every_request() {
    let zygote = Zygote::start(&[
        ("session.save_path", env!("CARGO_TARGET_TMPDIR")),
        ("session.auto_start", "1"),
    ]);
    let mut worker =
        paged(&zygote, "echo session_status(), session_id() !== ''; session_destroy();");
    assert_eq!(round(&mut worker, ""), "21");
    assert_eq!(round(&mut worker, ""), "21");
}

#[test]
fn an_error_is_forgotten_with_its_request() {
    let zygote = Zygote::start(&[("display_errors", "0")]);
    let mut worker = paged(
        &zygote,
        "echo json_encode(error_get_last()); if (isset($_GET['warn'])) echo $secret;",
    );
    assert_eq!(round(&mut worker, "warn=1"), "null");
    assert_eq!(round(&mut worker, ""), "null");
}

#[test]
fn what_is_set_between_two_requests_reaches_neither_and_is_freed() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident(
        "while (frankenphp_handle_request(function () { echo memory_get_usage(); })) {
            header('X-Between: ' . str_repeat('x', 4000));
            header('Content-Type: text/' . str_repeat('x', 4000));
            header_register_callback(fn () => print('called'));
         }",
    );
    worker.expect_ready();
    let mut used = || -> u64 {
        let answer = worker.get("/unused");
        worker.expect_ready();
        assert!(!answer.headers.iter().any(|h| h.contains("xxx")), "{:?}", answer.headers);
        answer.body.parse().expect("a number and nothing else")
    };
    for _ in 0..5 {
        used();
    }
    let before = used();
    for _ in 0..20 {
        used();
    }
    assert_eq!(used(), before);
}

#[test]
fn an_exception_of_a_header_callback_is_the_request_s_own() {
    let zygote = Zygote::start(&[("html_errors", "0")]);
    let mut worker = paged(
        &zygote,
        "header_register_callback(function () { throw new Exception('oh ' . $_GET['n']); });",
    );
    for n in ["1", "2"] {
        let body = round(&mut worker, &format!("n={n}"));
        assert!(body.contains(&format!("Uncaught Exception: oh {n}")), "{body}");
    }
}

#[test]
fn credentials_files_and_bodies_do_not_leak() {
    let zygote = Zygote::start(&[]);
    let mut worker = paged(
        &zygote,
        "static $kept; echo json_encode([$_SERVER['PHP_AUTH_USER'] ?? null, count($_FILES), $_POST,
            file_get_contents('php://input'), is_resource($kept)]); $kept = fopen('php://input', 'r');",
    );
    let body =
        b"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nx\r\n--B--\r\n";
    let id = worker.request("/unused", |head| {
        head.method = b"POST";
        head.authorization = Some(b"Basic YW5uOnM6eA==");
        head.content_type = Some(b"multipart/form-data; boundary=B");
        head.content_length = body.len() as i64;
        head.body = body;
    });
    assert_eq!(worker.answer(id).body, r#"["ann",1,[],"",false]"#);
    worker.expect_ready();
    let id = worker.request("/unused", |head| {
        head.method = b"POST";
        head.content_type = Some(b"application/x-www-form-urlencoded");
        head.content_length = 3;
        head.body = b"a=1";
    });
    assert_eq!(worker.answer(id).body, r#"[null,0,{"a":"1"},"a=1",false]"#);
    worker.expect_ready();
    assert_eq!(round(&mut worker, ""), r#"[null,0,[],"",false]"#);
}

#[test]
fn handle_request_is_refused_where_it_makes_no_sense() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "outside.php",
        "try { frankenphp_handle_request(fn () => 1); } catch (RuntimeException $e) { echo $e->getMessage(); }",
    );
    let mut classic = zygote.classic();
    classic.expect_ready();
    let text = "frankenphp_handle_request() called while not in worker mode";
    assert_eq!(classic.get(&script).body, text);
    let mut worker = paged(
        &zygote,
        "try { frankenphp_handle_request(fn () => 1); } catch (RuntimeException $e) { echo $e->getMessage(); }",
    );
    let text = "frankenphp_handle_request() called while handling a request";
    assert_eq!(round(&mut worker, ""), text);
}

#[test]
fn a_shutdown_function_cannot_ask_for_work_while_its_request_is_open() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident(
        "register_shutdown_function(function () {
            try { frankenphp_handle_request(fn () => 1); } catch (RuntimeException $e) { echo 'refused'; }
         });
         while (frankenphp_handle_request(function () { exit('out '); })) {}",
    );
    worker.expect_ready();
    assert_eq!(worker.get("/unused").body, "out refused");
}

#[test]
fn exit_in_an_output_handler_ends_script_and_request() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident(
        "while (frankenphp_handle_request(function () { ob_start(function () { exit('x'); }); echo 'a'; })) {}",
    );
    worker.expect_ready();
    let answer = worker.get("/unused");
    assert_eq!((answer.whole, answer.flags & flag::EXIT), (true, flag::EXIT));
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_BAILOUT), None));
}

#[test]
fn a_script_may_end_behind_a_request_with_everything() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident(
        "frankenphp_handle_request(function () { get_current_user(); echo count($_POST), $_SERVER['PHP_AUTH_USER']; });",
    );
    worker.expect_ready();
    let id = worker.request("/unused", |head| {
        head.method = b"POST";
        head.authorization = Some(b"Basic YW5uOnM6eA==");
        head.content_type = Some(b"application/x-www-form-urlencoded");
        head.content_length = 3;
        head.body = b"a=1";
    });
    assert_eq!(worker.answer(id).body, "1ann");
    assert!(worker.receive().is_none());
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_OK), None));
}

#[test]
fn memory_does_not_grow_with_requests() {
    let zygote = Zygote::start(&[]);
    let mut worker = paged(&zygote, "file_get_contents('php://input'); echo memory_get_usage();");
    let mut used = |rounds: usize| -> u64 {
        let mut last = String::new();
        for _ in 0..rounds {
            let id = worker.request("/unused", |head| {
                head.method = b"POST";
                head.content_type = Some(b"text/plain");
                head.content_length = 3;
                head.body = b"abc";
                head.query = b"a=1";
            });
            last = worker.answer(id).body;
            worker.expect_ready();
        }
        last.parse().expect("a number")
    };
    let before = used(200);
    let after = used(2000);
    assert!(after <= before + 1024, "{before} grew to {after}");
}
