//! Tasks: what is spawned, what comes back, and what a task's worker says.

use crate::server::{Message, Worker, Zygote};
use php_wire::control::EXIT_BAILOUT;
use php_wire::frame::{Kind, flag};
use php_wire::task::{Outcome, Spawn, task_id};

/// A page that shows what `code` returns or throws.
fn page(zygote: &Zygote, code: &str) -> String {
    let code = format!(
        "function got(callable $f) {{ try {{ return $f(); }} catch (Throwable $e) {{
            return get_class($e) . ': ' . $e->getMessage(); }} }}
         echo json_encode((function () {{ {code} }})(), JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION);"
    );
    zygote.script("page.php", &code)
}

fn classic(zygote: &Zygote) -> Worker {
    let mut worker = zygote.classic();
    worker.expect_ready();
    worker
}

/// What a page shows that spawns nothing.
#[track_caller]
fn check(code: &str, expected: &str) {
    let zygote = Zygote::start(&[]);
    let script = page(&zygote, code);
    assert_eq!(classic(&zygote).get(&script).body, expected);
}

/// What `pogo_await` makes of an outcome.
#[track_caller]
fn check_outcome(tag: u8, text: &[u8], expected: &str) {
    let zygote = Zygote::start(&[]);
    let script = page(&zygote, "return got(fn () => pogo_await(pogo_spawn('Job')));");
    let mut worker = classic(&zygote);
    let id = worker.request(&script, |_| {});
    let spawned = worker.expect(Kind::Spawn);
    worker.send(Kind::Result, 0, spawned.header.id, &[&[tag], text].concat());
    assert_eq!(worker.answer(id).body, expected, "{}", String::from_utf8_lossy(text));
}

/// Sends a task; returns how it ended.
#[track_caller]
fn run(worker: &mut Worker, message: &str) -> (Message, String) {
    worker.expect_ready();
    worker.give(Kind::Task, 77, message.as_bytes());
    let done = worker.expect(Kind::TaskDone);
    assert_eq!(done.header.id, 77);
    let outcome = Outcome::decode(&done.payload).expect("an outcome");
    let text = format!("{}{}", outcome.tag(), String::from_utf8_lossy(outcome.text()));
    (done, text)
}

#[test]
fn a_task_travels_and_its_result_returns() {
    let zygote = Zygote::start(&[]);
    let script = page(
        &zygote,
        "$a = pogo_spawn('Add', ['x' => 2.0, 'u' => 'é/', 'e' => [], 'n' => NAN], 'cpu'); $b = pogo_spawn('Empty');
         return [$a < $b, pogo_await($b), pogo_await($a)];",
    );
    let mut worker = classic(&zygote);
    let id = worker.request(&script, |_| {});
    let (a, b) = (worker.expect(Kind::Spawn), worker.expect(Kind::Spawn));
    assert_eq!(a.header.id, task_id(worker.serial, 1));
    let spawn = Spawn::decode(&a.payload).expect("a spawn");
    assert_eq!(spawn.pool, 1);
    let expected = r#"{"class":"Add","args":{"x":2,"u":"\u00e9/","e":[],"n":0}}"#;
    assert_eq!(String::from_utf8_lossy(spawn.message), expected);
    let spawn = Spawn::decode(&b.payload).expect("a spawn");
    assert_eq!(spawn.message, br#"{"class":"Empty","args":[]}"#);
    worker.send(Kind::Result, 0, a.header.id, b"\0{\"ok\":true,\"result\":2.0}");
    worker.send(Kind::Result, 0, b.header.id, b"\0{\"ok\":true,\"result\":{\"k\":[1]}}");
    assert_eq!(worker.answer(id).body, r#"[true,{"k":[1]},2.0]"#);
}

#[test]
fn envelopes_are_opened_as_callers_expect() {
    check_outcome(0, br#"{"ok":true}"#, "null");
    check_outcome(0, b" \n{\"OK\" : true , \"Result\" : [ 1 , 2 ] } \n", "[1,2]");
    check_outcome(0, br#"{"ok":true,"result":1,"result":2,"error":"ignored"}"#, "2");
    check_outcome(0, br#"{"ok":true,"result":12345678901234567890}"#, "1.2345678901234567e+19");
    check_outcome(0, br#"{"ok":false,"error":"boom"}"#, r#""RuntimeException: boom""#);
    check_outcome(1, b"killed", r#""RuntimeException: killed""#);
    let nothing = r#""RuntimeException: Pogo worker returned an error""#;
    for text in
        ["{\"ok\":false}", "{\"ok\":false,\"error\":\"\"}", "{\"error\":null}", "null", "[]"]
    {
        check_outcome(0, text.as_bytes(), nothing);
    }
}

#[test]
fn bad_envelopes_are_named() {
    let invalid = "RuntimeException: Pogo worker returned an invalid response envelope: ";
    check_outcome(0, b"not json", &format!("\"{invalid}syntax error\""));
    check_outcome(0, b"", &format!("\"{invalid}syntax error\""));
    check_outcome(0, b"{\"ok\":true} x", &format!("\"{invalid}syntax error\""));
    check_outcome(0, b"[1,2]", &format!("\"{invalid}an object is expected\""));
    check_outcome(0, b"\"text\"", &format!("\"{invalid}an object is expected\""));
    check_outcome(0, b"{\"ok\":1}", &format!(r#""{invalid}\"ok\" must be a bool""#));
    check_outcome(0, b"{\"error\":5}", &format!(r#""{invalid}\"error\" must be a string""#));
    let bad = "RuntimeException: Pogo worker returned a non-JSON-compatible result: ";
    check_outcome(
        0,
        b"{\"ok\":true,\"result\":\"\xff\"}",
        &format!("\"{bad}malformed UTF-8 characters\""),
    );
    let deep = format!("{{\"ok\":true,\"result\":{}{}}}", "[".repeat(600), "]".repeat(600));
    check_outcome(0, deep.as_bytes(), &format!("\"{bad}maximum stack depth exceeded\""));
}

#[test]
fn misuse_is_refused_in_the_known_order() {
    check(
        "return [got(fn () => pogo_spawn('')), got(fn () => pogo_spawn('', [], 'a\"b')), got(fn () => pogo_pool_size(\"t\\t\")),
            got(fn () => pogo_spawn('X', [\"\\xff\"])), got(fn () => pogo_await(1, -1)), got(fn () => pogo_await(1, NAN)),
            got(fn () => pogo_await(-5)), pogo_pool_size(), pogo_pool_size('cpu'), pogo_pool_size(''), json_last_error()];",
        r#"["RuntimeException: Pogo job class must not be empty","RuntimeException: unknown Pogo pool \"a\\\"b\"","RuntimeException: unknown Pogo pool \"t\\t\"","RuntimeException: Failed to encode Pogo job args as JSON","RuntimeException: Pogo await timeout must be greater than or equal to zero","RuntimeException: Pogo await timeout must be greater than or equal to zero","RuntimeException: unknown or already awaited Pogo task",2,1,2,0]"#,
    );
}

#[test]
fn what_json_serialize_throws_becomes_the_previous_exception() {
    check(
        "try { pogo_spawn('X', [new class implements JsonSerializable { public function jsonSerialize(): mixed { throw new DomainException('no'); } }]); }
         catch (RuntimeException $e) { return [$e->getMessage(), get_class($e->getPrevious())]; }",
        r#"["Failed to encode Pogo job args as JSON","DomainException"]"#,
    );
}

#[test]
fn a_timeout_gives_the_task_up() {
    let zygote = Zygote::start(&[]);
    let script = page(
        &zygote,
        "$t = pogo_spawn('Slow'); return [got(fn () => pogo_await($t, 0.0501)), got(fn () => pogo_await($t))];",
    );
    let mut worker = classic(&zygote);
    let id = worker.request(&script, |_| {});
    let spawned = worker.expect(Kind::Spawn);
    let forgotten = worker.expect(Kind::Forget);
    assert_eq!(forgotten.header.id, spawned.header.id);
    assert_eq!(
        worker.answer(id).body,
        r#"["RuntimeException: Pogo await timed out after 50.1ms","RuntimeException: unknown or already awaited Pogo task"]"#
    );
}

#[test]
fn a_task_is_its_request_s_own_in_resident_scripts_too() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.resident(
        "$id = null; while (frankenphp_handle_request(function () use (&$id) {
            if ($id === null) { $id = pogo_spawn('Left'); return; }
            try { pogo_await($id, 1); } catch (RuntimeException $e) { echo $e->getMessage(); } })) {}",
    );
    worker.expect_ready();
    let id = worker.request("/unused", |_| {});
    let spawned = worker.expect(Kind::Spawn);
    worker.answer(id);
    worker.expect_ready();
    worker.send(Kind::Result, 0, spawned.header.id, b"\0{\"ok\":true}");
    assert_eq!(worker.get("/unused").body, "unknown or already awaited Pogo task");
}

#[test]
fn an_await_ends_by_the_time_limit() {
    let zygote = Zygote::start(&[("html_errors", "0")]);
    let script = page(&zygote, "set_time_limit(1); pogo_await(pogo_spawn('Slow'), INF);");
    let mut worker = classic(&zygote);
    let id = worker.request(&script, |_| {});
    worker.expect(Kind::Spawn);
    let answer = worker.answer(id);
    assert!(answer.body.contains("Maximum execution time of 1 second exceeded"), "{}", answer.body);
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_BAILOUT), None));
}

#[test]
fn a_task_s_worker_gets_the_message_and_answers() {
    let zygote = Zygote::start(&[("display_errors", "0")]);
    let mut worker = zygote.task(
        "while (frankenphp_handle_request(function ($m) {
            switch ($m) {
                case 'string': return '{\"ok\":true,\"result\":\"' . func_num_args() . gettype($m) . '\"}';
                case 'array': return ['ok' => true, 'result' => ['a' => ['b' => 2.0]]];
                case 'int': return 5;
                case 'list': return [1];
                case 'deep': $d = 1; for ($i = 0; $i < 600; $i++) $d = [$d]; return ['ok' => true, 'result' => $d];
                case 'throw': throw new Exception('x');
                case 'look': return json_encode([$_GET, $_POST, $_SERVER['REQUEST_METHOD'] ?? null, getallheaders(), getenv('FRANKENPHP_WORKER'), file_get_contents('php://input')]);
                case 'noisy': echo 'noise'; header('X-A: 1'); return 'quiet';
            } })) {}",
    );
    for (message, expected) in [
        ("string", r#"0{"ok":true,"result":"1string"}"#),
        ("array", r#"0{"ok":true,"result":{"a":{"b":2.0}}}"#),
        ("int", "1Pogo worker returned unsupported response type int64"),
        ("list", "1Pogo worker returned unsupported response type []interface {}"),
        (
            "deep",
            "1Pogo worker returned a non-JSON-compatible response: maximum stack depth exceeded",
        ),
        ("throw", "1Pogo worker returned an error"),
        ("nothing", "1Pogo worker returned an error"),
        ("look", r#"0[[],[],null,[],"1",""]"#),
    ] {
        assert_eq!(run(&mut worker, message).1, expected);
    }
    worker.expect_ready();
    worker.give(Kind::Task, 78, b"noisy");
    let noise = worker.expect(Kind::Log);
    assert!(String::from_utf8_lossy(&noise.payload).contains("noise"));
    worker.expect(Kind::TaskDone);
    worker.expect_ready();
}

/// The next end of a task: its id and its outcome.
#[track_caller]
fn end(worker: &mut Worker) -> (u64, String) {
    let done = worker.expect(Kind::TaskDone);
    let outcome = Outcome::decode(&done.payload).expect("an outcome");
    (done.header.id, String::from_utf8_lossy(outcome.text()).into_owned())
}

#[test]
fn tasks_that_lie_in_the_inbox_are_run_one_after_the_other() {
    let zygote = Zygote::start(&[]);
    let mut worker =
        zygote.task("while (frankenphp_handle_request(fn ($m) => [usleep(2000), $m][1])) {}");
    worker.expect_ready();
    for id in 1..=4 {
        worker.give(Kind::Task, id, format!("task {id}").as_bytes());
    }
    for id in 1..=4 {
        let done = worker.expect(Kind::TaskDone);
        assert_eq!((done.header.id, &done.payload[1..]), (id, format!("task {id}").as_bytes()));
        assert!(done.header.took >= 2000, "{} µs", done.header.took);
        worker.expect_ready();
    }
    let long = "x".repeat(100_000);
    worker.give(Kind::Task, 5, long.as_bytes());
    assert_eq!(end(&mut worker), (5, long));
}

#[test]
fn a_task_that_exits_is_an_error_and_ends_its_worker() {
    let zygote = Zygote::start(&[("display_errors", "0")]);
    for code in ["exit('last words');", "trigger_error('x', E_USER_ERROR);"] {
        let mut worker = zygote
            .task(&format!("while (frankenphp_handle_request(function () {{ {code} }})) {{}}"));
        worker.expect_ready();
        worker.give(Kind::Task, 5, b"{}");
        let done = loop {
            let message = worker.receive().expect("an end of the task");
            if message.header.kind == Kind::TaskDone {
                break message;
            }
        };
        assert_eq!(done.payload, b"\x01Pogo worker returned an error");
        assert!(done.header.has(flag::EXIT));
        assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_BAILOUT), None));
    }
}

#[test]
fn a_task_s_worker_says_that_it_waits() {
    let zygote = Zygote::start(&[]);
    let mut worker = zygote.task(
        "while (frankenphp_handle_request(function ($m) { return pogo_await(pogo_spawn('Below', [], 'cpu')); })) {}",
    );
    worker.expect_ready();
    worker.give(Kind::Task, 5, b"{}");
    let spawned = worker.expect(Kind::Spawn);
    let waits = worker.expect(Kind::Await);
    assert_eq!(waits.header.id, spawned.header.id);
    worker.send(Kind::Result, 0, spawned.header.id, b"\0{\"ok\":true,\"result\":\"from below\"}");
    assert_eq!(worker.expect(Kind::TaskDone).payload, b"\0from below");
}
