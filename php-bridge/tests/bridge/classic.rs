//! One script run per request.

use crate::server::{Worker, Zygote};
use php_wire::control::{EXIT_BAILOUT, EXIT_OK, WorkerKind};
use php_wire::frame::{Kind, PAYLOAD_MAX, flag};
use php_wire::known::header_number;
use php_wire::response::Source;

fn worker(zygote: &Zygote) -> Worker {
    let mut worker = zygote.classic();
    worker.expect_ready();
    worker
}

#[test]
fn a_short_page_is_one_frame() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script("hello.php", "header('X-A: 1'); echo 'hello ', PHP_SAPI;");
    let mut worker = worker(&zygote);
    for _ in 0..3 {
        let answer = worker.get(&script);
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello frankenphp"));
        assert!(answer.headers.iter().any(|h| h == "X-A: 1"), "{:?}", answer.headers);
        assert!(answer.headers.iter().any(|h| h.starts_with("Content-type: text/html")));
        assert_eq!(answer.frames, 1);
        assert_eq!(answer.flags, flag::HEAD | flag::LAST | flag::DONE | flag::IDLE);
    }
}

#[test]
fn the_request_is_what_php_sees() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "see.php",
        "echo json_encode([$_GET, $_COOKIE, $_SERVER['HTTP_ACCEPT'], $_SERVER['HTTP_X_ODD_ONE'],
            $_SERVER['REMOTE_ADDR'], $_SERVER['PHP_AUTH_USER'], $_SERVER['REMOTE_USER'],
            $_SERVER['REQUEST_TIME'], $_SERVER['ENVY'], getenv('ENVY'), getenv()['ENVY'],
            $_ENV['ENVY'], $_SERVER['FROM_OUTSIDE'], getallheaders(), getenv('FRANKENPHP_WORKER'),
            $_SERVER['argc'], isset($_SERVER['HTTP_PROXY']), getcwd() === __DIR__]);",
    );
    let mut worker = worker(&zygote);
    let id = worker.request(&script, |head| {
        head.query = b"a=1&b[]=2";
        head.cookie = Some(b"c=d");
        head.authorization = Some(b"Basic YW5uOnM6eA==");
        head.vars[10] = Some(b"192.0.2.7");
        head.headers = vec![
            (header_number(b"accept"), b"", b"*/*"),
            (0, b"X-Odd.One", b"odd"),
            (0, b"Proxy", b"evil"),
        ];
        head.env = vec![(b"ENVY", b"green")];
    });
    let answer = worker.answer(id);
    assert_eq!(
        answer.body,
        r#"[{"a":"1","b":["2"]},{"c":"d"},"*\/*","odd","192.0.2.7","ann","ann",1700000000,"green","green","green","green","yes",{"Accept":"*\/*","X-Odd.One":"odd","Proxy":"evil"},false,1,false,true]"#
    );
    let answer = worker.query(&script, "");
    assert!(answer.body.contains("Undefined array key \"HTTP_ACCEPT\""), "{}", answer.body);
    assert!(answer.body.contains(",null,false,"), "the env is gone: {}", answer.body);
}

#[test]
fn a_body_comes_inline_or_is_asked_for() {
    let zygote = Zygote::start(&[]);
    let script = zygote
        .script("post.php", "echo json_encode($_POST), strlen(file_get_contents('php://input'));");
    let mut worker = worker(&zygote);
    let id = worker.request(&script, |head| {
        head.method = b"POST";
        head.content_type = Some(b"application/x-www-form-urlencoded");
        head.content_length = 3;
        head.body = b"a=1";
    });
    assert_eq!(worker.answer(id).body, r#"{"a":"1"}3"#);
    let id = worker.request(&script, |head| {
        head.method = b"PUT";
        head.content_type = Some(b"text/plain");
        head.content_length = 150_000;
        head.body_complete = false;
        head.body = b"0123456789";
    });
    let mut left = 149_990;
    while left > 0 {
        let want = worker.expect(Kind::Want);
        let want: [u8; 4] = want.payload[..].try_into().expect("four bytes");
        let give = left.min(u32::from_le_bytes(want) as usize).min(PAYLOAD_MAX);
        left -= give;
        let last = if left == 0 { flag::LAST } else { 0 };
        worker.send(Kind::Body, last, id, &vec![b'x'; give]);
    }
    assert_eq!(worker.answer(id).body, "[]150000");
}

#[test]
fn uploads_are_spooled_and_removed() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "up.php",
        "$f = $_FILES['f']; echo $f['name'], ' ', file_get_contents($f['tmp_name']), ' ', $f['tmp_name'];",
    );
    let body = b"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nfirst\r\n--B--\r\n";
    let mut worker = worker(&zygote);
    let id = worker.request(&script, |head| {
        head.method = b"POST";
        head.content_type = Some(b"multipart/form-data; boundary=B");
        head.content_length = body.len() as i64;
        head.body = body;
    });
    let answer = worker.answer(id);
    let path = answer.body.strip_prefix("a.txt first ").expect("the file's name and content");
    assert!(!std::path::Path::new(path).exists());
}

#[test]
fn a_long_answer_comes_in_parts() {
    let zygote = Zygote::start(&[]);
    let script =
        zygote.script("long.php", "for ($i = 0; $i < 3000; $i++) echo str_repeat('x', 100);");
    let once = zygote.script("once.php", "echo str_repeat('y', 300000);");
    let mut worker = worker(&zygote);
    for script in [&script, &once] {
        let answer = worker.get(script);
        assert_eq!((answer.body.len(), answer.whole), (300_000, true));
        assert!(answer.frames > 4, "{}", answer.frames);
    }
}

#[test]
fn flush_sends_at_once() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script("flush.php", "echo 'one'; flush(); echo 'two';");
    let mut worker = worker(&zygote);
    let id = worker.request(&script, |_| {});
    let first = worker.expect(Kind::Response);
    assert!(first.header.has(flag::HEAD | flag::FLUSH) && first.payload.ends_with(b"one"));
    assert_eq!(worker.answer(id).body, "two");
}

#[test]
fn finish_request_completes_the_answer_early() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "finish.php",
        "echo 'sent'; $a = frankenphp_finish_request(); echo 'unseen';
         frankenphp_log(json_encode([$a, fastcgi_finish_request(), headers_sent()]));",
    );
    let mut worker = worker(&zygote);
    let id = worker.request(&script, |_| {});
    let first = worker.expect(Kind::Response);
    assert!(first.header.has(flag::LAST) && first.payload.ends_with(b"sent"));
    let rest = worker.answer(id);
    assert_eq!((rest.body.as_str(), rest.whole), ("", false));
    assert_eq!(rest.logs, [(Source::Call, "[true,false,true]".to_owned())]);
}

#[test]
fn headers_statuses_and_hints_reach_the_server() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "headers.php",
        "header('Link: </a.css>; rel=preload'); headers_send(103);
         header_register_callback(function () { header('X-Late: ' . http_response_code()); });
         http_response_code(404); setcookie('a', 'b'); echo 'x';",
    );
    let mut worker = worker(&zygote);
    let answer = worker.get(&script);
    assert_eq!((answer.status, answer.interim), (404, vec![103]));
    for expected in ["Link: </a.css>; rel=preload", "X-Late: 404", "Set-Cookie: a=b"] {
        assert!(answer.headers.iter().any(|h| h == expected), "{expected} in {:?}", answer.headers);
    }
}

#[test]
fn putenv_lasts_for_one_request() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "env.php",
        "echo var_export(getenv('MINE'), true), putenv('MINE=1'), getenv('MINE'),
            putenv('GIVEN=own'), getenv('GIVEN');",
    );
    let mut worker = worker(&zygote);
    for _ in 0..2 {
        let id = worker.request(&script, |head| head.env = vec![(b"GIVEN", b"given")]);
        assert_eq!(worker.answer(id).body, "false111own");
    }
}

#[test]
fn a_script_runs_in_its_own_folder_again_after_it_moved() {
    let zygote = Zygote::start(&[]);
    let script =
        zygote.script("cwd.php", "echo getcwd() === __DIR__ ? 'here' : 'away'; chdir('/');");
    let mut worker = worker(&zygote);
    for _ in 0..3 {
        assert_eq!(worker.get(&script).body, "here");
    }
}

#[test]
fn exit_ends_the_page_and_keeps_the_worker() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "exit.php",
        "register_shutdown_function(fn () => print(' bye')); echo 'a'; exit(' out');",
    );
    let mut worker = worker(&zygote);
    for _ in 0..2 {
        let answer = worker.get(&script);
        assert_eq!((answer.body.as_str(), answer.flags & flag::IDLE), ("a out bye", flag::IDLE));
    }
}

#[test]
fn a_fatal_error_is_answered_and_ends_the_process() {
    let zygote = Zygote::start(&[("display_errors", "0"), ("log_errors", "1")]);
    let script = zygote.script(
        "fatal.php",
        "ini_set('memory_limit', '4M'); $a = []; while (true) $a[] = str_repeat('x', 100000);",
    );
    let mut worker = worker(&zygote);
    let answer = worker.get(&script);
    assert_eq!((answer.status, answer.whole), (500, true));
    assert_eq!(answer.flags & (flag::EXIT | flag::IDLE), flag::EXIT);
    assert!(answer.logs[0].1.contains("Allowed memory size"), "{:?}", answer.logs);
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_BAILOUT), None));
}

#[test]
fn an_uncaught_exception_keeps_the_worker() {
    let zygote = Zygote::start(&[("display_errors", "0"), ("log_errors", "1")]);
    let script = zygote.script("throw.php", "throw new DomainException('odd');");
    let hello = zygote.script("ok.php", "echo 'ok ', json_encode(error_get_last());");
    let mut worker = worker(&zygote);
    let answer = worker.get(&script);
    assert_eq!((answer.status, answer.flags & flag::IDLE), (500, flag::IDLE));
    assert!(answer.logs[0].1.contains("PHP Fatal error:  Uncaught DomainException: odd"));
    assert_eq!(worker.get(&hello).body, "ok null");
}

#[test]
fn a_gone_client_ends_the_script_at_its_next_output() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "abort.php",
        "register_shutdown_function(function () { error_log('status ' . connection_status()); });
         echo 'a'; flush(); file_get_contents('php://input');
         echo 'b'; flush(); error_log('not reached');",
    );
    let mut worker = worker(&zygote);
    let id = worker.request(&script, |head| {
        head.method = b"PUT";
        head.content_length = 4;
        head.body_complete = false;
    });
    worker.expect(Kind::Response);
    worker.expect(Kind::Want);
    worker.send(Kind::Abort, 0, id, b"");
    worker.send(Kind::Body, flag::ABORT, id, b"");
    let answer = worker.answer(id);
    assert_eq!(answer.logs, [(Source::ErrorLog, "status 1".to_owned())]);
}

#[test]
fn a_quota_and_a_drain_end_the_worker_after_its_work() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script("hello.php", "echo 'hello';");
    let mut worker = zygote.fork(WorkerKind::Classic, "", |spec| spec.max_requests = 2);
    worker.expect_ready();
    assert_eq!(worker.get(&script).flags & (flag::IDLE | flag::EXIT), flag::IDLE);
    assert_eq!(worker.get(&script).flags & (flag::IDLE | flag::EXIT), flag::EXIT);
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_OK), None));

    let mut worker = zygote.classic();
    worker.expect_ready();
    worker.send(Kind::Drain, 0, 0, b"");
    assert!(worker.receive().is_none());
    assert_eq!(zygote.expect_exit(&worker), (Some(EXIT_OK), None));
}

#[test]
fn a_forked_child_of_a_script_disturbs_nobody() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script(
        "fork.php",
        "if (!function_exists('pcntl_fork')) { exit('parent child 7'); }
         $pid = pcntl_fork();
         if ($pid === 0) { echo 'from the child'; exit(7); }
         pcntl_waitpid($pid, $status); echo 'parent child ', pcntl_wexitstatus($status);",
    );
    let mut worker = worker(&zygote);
    for _ in 0..2 {
        assert_eq!(worker.get(&script).body, "parent child 7");
    }
}

#[test]
fn a_missing_script_is_not_found() {
    let zygote = Zygote::start(&[]);
    let mut worker = worker(&zygote);
    let answer = worker.get("/nowhere/missing.php");
    assert_eq!((answer.status, answer.body.as_str()), (404, "File not found.\n"));
    assert_eq!(answer.flags & flag::IDLE, flag::IDLE);
}

#[test]
fn a_nul_does_not_make_another_file_the_script() {
    let zygote = Zygote::start(&[]);
    let upload = zygote.script("upload.txt", "echo 'ran';") + "\0.php";
    let answer = worker(&zygote).get(&upload);
    assert_eq!((answer.status, answer.body.as_str()), (404, "File not found.\n"));
}

#[test]
fn a_reset_of_opcache_counts_for_every_worker() {
    let zygote = Zygote::start(&[
        ("opcache.validate_timestamps", "0"),
        ("opcache.file_update_protection", "0"),
    ]);
    let reset = zygote.script("reset.php", "var_dump(opcache_reset());");
    let page = zygote.script("page.php", "echo 'old';");
    let (mut one, mut other) = (worker(&zygote), worker(&zygote));
    let mut resident = zygote.resident(
        "while (frankenphp_handle_request(function () { include __DIR__ . '/page.php'; })) {}",
    );
    resident.expect_ready();
    assert_eq!(one.get(&page).body, "old");
    zygote.script("page.php", "echo 'new';");
    assert_eq!(other.get(&page).body, "old");
    assert_eq!(resident.get(&page).body, "old");
    resident.expect_ready();
    assert_eq!(other.get(&reset).body, "bool(true)\n");
    assert_eq!(one.get(&page).body, "new");
    assert_eq!(resident.get(&page).body, "new");
}
