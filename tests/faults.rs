//! What breaks, and what that costs: one request, or a start that says why.

use super::support::processes::{Process, lives};
use super::support::server::{free_port, signal_process};
use super::support::{Client, Processes, Server, Site, poll};
use rustix::process::Signal;
use std::sync::atomic::{AtomicBool, Ordering};

const POOLS: &str =
    "\tfrankenphp {\n\t\tnum_threads 2\n\t}\n\tpogo {\n\t\tworker task.php\n\t\tnum_threads 1\n\t}";

/// Runs `return "…"`-like code in a task.
const TASK: &str = "<?php while (frankenphp_handle_request(function (string $message) {
    $code = json_decode($message, true)['args']['code'];
    return json_encode(['ok' => true, 'result' => eval($code)]);
})) {}";

fn workers(server: &Server, titled: &str) -> Vec<Process> {
    Processes::under(server.pid()).titled(titled)
}

#[track_caller]
fn check_start_fails(site: &Site, env: &[(&str, &str)], said: &str) {
    let mut server = Server::spawn(site.folder(), free_port(), &["run"], env);
    let code = server.wait().code();
    let log = server.log().replace("\\\"", "\"");
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains(said), "{log:?} does not say {said:?}");
}

#[test]
fn a_crash_costs_its_own_request_alone() {
    let site = Site::php("\tfrankenphp {\n\t\tnum_threads 4\n\t}")
        .file("public/ok.php", "<?php usleep(5000); echo 'ok';")
        .file("public/crash11.php", "<?php posix_kill(getmypid(), 11); sleep(5);");
    let server = Server::start(site.folder());
    let before = workers(&server, "worker").len();
    let mut clients: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    let get = "GET /ok.php HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (first, second) = clients.split_at_mut(100);
    first.iter_mut().for_each(|client| client.send(get));
    let mut crash = server.connect();
    crash.send("GET /crash11.php HTTP/1.1\r\nHost: localhost\r\n\r\n");
    second.iter_mut().for_each(|client| client.send(get));
    for client in &mut clients {
        let answer = client.receive();
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    }
    assert_eq!(crash.receive().status, 502);
    server.wait_for_log(&["SIGSEGV", "/crash11.php"]);
    assert_eq!(server.get("/ok.php").body, "ok");
    poll("as many workers as before", || {
        (workers(&server, "worker").len() == before).then_some(())
    });
}

/// Eight clients ask while something happens; every answer must be good.
#[track_caller]
fn good_answers_while(server: &Server, path: &str, happens: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = server.connect();
                while !done.load(Ordering::Relaxed) {
                    let answer = client.get(path);
                    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
                }
            });
        }
        happens();
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn no_client_notices_that_workers_are_replaced_after_their_quota() {
    let options = "\tfrankenphp {\n\t\tnum_threads 4\n\t\tmax_requests 5\n\t\t\
                   worker public/worker.php 2\n\t}";
    let loops = "<?php while (frankenphp_handle_request(function () { echo 'ok'; })) {}";
    let site = Site::php(options).file("public/ok.php", "<?php echo 'ok';");
    let site = site.file("public/worker.php", loops);
    let server = Server::start(site.folder());
    for (path, titled) in [("/ok.php", "worker classic"), ("/worker.php", "worker.php")] {
        let first = workers(&server, titled);
        good_answers_while(&server, path, || {
            for _ in 0..20 {
                let old = workers(&server, titled);
                poll("others", || old.iter().all(|p| !lives(p.pid)).then_some(()));
            }
        });
        poll("as many as before", || (workers(&server, titled).len() == 2).then_some(()));
        assert_eq!(first.len(), 2);
    }
}

#[test]
fn short_requests_are_answered_whatever_happens_among_them() {
    let serves = "<?php while (frankenphp_handle_request(function () {
        match ($_SERVER['QUERY_STRING']) {
            'slow' => usleep(30_000),
            'crash' => posix_kill(getmypid(), 11),
            default => null,
        };
        echo 'ok';
    })) {}";
    let options = "\tfrankenphp {\n\t\tnum_threads 3\n\t\tworker public/worker.php 2\n\t}";
    let site = Site::php(options).file("public/worker.php", serves);
    let server = Server::start(site.folder());
    good_answers_while(&server, "/worker.php", || {
        for _ in 0..30 {
            assert_eq!(server.get("/worker.php?slow").body, "ok");
            assert_eq!(server.get("/worker.php?crash").status, 502);
            // It leaves while its request stands behind others, or is served.
            server.connect().send("GET /worker.php HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
    });
    poll("as many as before", || (workers(&server, "worker.php").len() == 2).then_some(()));
    assert_eq!(server.get("/worker.php").body, "ok");
}

#[test]
fn no_client_notices_that_zygotes_die() {
    let site = Site::php("\tfrankenphp {\n\t\tnum_threads 2\n\t\tmax_requests 50\n\t}")
        .file("public/ok.php", "<?php echo 'ok';");
    let server = Server::start(site.folder());
    good_answers_while(&server, "/ok.php", || (0..4).for_each(|_| replace_zygote(&server)));
    poll("one zygote and two workers", || {
        let all = workers(&server, "pogo-php");
        (all.len() == 3).then_some(())
    });
}

#[test]
fn a_script_that_fails_later_is_tried_again_and_others_go_on() {
    let options = "\tfrankenphp {\n\t\tnum_threads 2\n\t\tworker public/worker.php 1\n\t}";
    let loops = "<?php if (file_exists(__DIR__.'/broken')) { echo 'no way'; exit(1); }
        while (frankenphp_handle_request(function () { echo getmypid(); })) {}";
    let site = Site::php(options).file("public/worker.php", loops);
    let site = site.file("public/ok.php", "<?php echo 'ok';");
    let server = Server::start(site.folder());
    let worker = server.get("/worker.php").body.parse().expect("a process id");
    let broken = site.folder().join("public/broken");
    std::fs::write(&broken, "").expect("written");
    signal_process(worker, Signal::KILL);
    server.wait_for_log(&["worker script has failed on restart", "no way"]);
    assert_eq!(server.get("/ok.php").body, "ok");
    let mut waits = server.connect();
    waits.send("GET /worker.php HTTP/1.1\r\nHost: localhost\r\n\r\n");
    std::fs::remove_file(&broken).expect("removed");
    assert_eq!(waits.receive().status, 200);
}

#[test]
fn who_finds_no_worker_in_time_is_told_so() {
    let site = Site::php("\tfrankenphp {\n\t\tnum_threads 1\n\t\tmax_wait_time 50ms\n\t}")
        .file("public/slow.php", "<?php touch(__DIR__.'/busy'); sleep(2);")
        .file("public/ok.php", "<?php echo 'ok';");
    let server = Server::start(site.folder());
    let mut slow = server.connect();
    slow.send("GET /slow.php HTTP/1.1\r\nHost: localhost\r\n\r\n");
    poll("the script to run", || site.folder().join("public/busy").exists().then_some(()));
    let answer = server.get("/ok.php");
    let told = "maximum request handling time exceeded";
    assert_eq!((answer.status, answer.body.trim_end()), (503, told));
    assert_eq!(slow.receive().status, 200);
}

#[test]
fn a_killed_worker_is_replaced() {
    let site = Site::php("\tfrankenphp {\n\t\tnum_threads 1\n\t}")
        .file("public/index.php", "<?php echo getmypid();");
    let server = Server::start(site.folder());
    let first: i32 = server.get("/").body.parse().expect("a process id");
    signal_process(first, Signal::KILL);
    poll("another worker", || {
        let answer = server.get("/");
        (answer.status == 200 && answer.body != first.to_string()).then_some(())
    });
}

/// Stops the worker titled so, which is idle, and asks for what it would do: its process id.
#[track_caller]
fn check_stopped(path: &str, titled: &str) {
    let options = "\tfrankenphp {\n\t\tnum_threads 1\n\t}\n\tpogo {\n\t\tworker task.php\n\t\t\
                   num_threads 1\n\t}";
    let spawns = "<?php echo pogo_await(pogo_spawn('X', ['code' => 'return getmypid();']), 20.0);";
    let site = Site::php(options)
        .file("task.php", TASK)
        .file("public/pid.php", "<?php echo getmypid();")
        .file("public/task.php", spawns);
    let server = Server::start(site.folder());
    let [idle] = &workers(&server, titled)[..] else { panic!("one {titled}") };
    signal_process(idle.pid, Signal::STOP);
    let answer = server.get(path).body;
    let other: i32 = answer.parse().unwrap_or_else(|_| panic!("{path}: {answer}"));
    assert_ne!(other, idle.pid);
    server.wait_for_log(&["does not take its work"]);
}

#[test]
fn a_request_that_an_idle_worker_does_not_take_goes_to_another() {
    check_stopped("/pid.php", "worker classic");
}

#[test]
fn a_task_that_an_idle_worker_does_not_take_goes_to_another() {
    check_stopped("/task.php", "task worker");
}

#[test]
fn a_killed_task_worker_is_an_exception_at_once() {
    let site = Site::php(POOLS).file("task.php", TASK).file(
        "public/index.php",
        "<?php $start = hrtime(true);
        try { echo json_encode(pogo_await(pogo_spawn('X', ['code' => $_GET['code']]))); }
        catch (RuntimeException $e) { echo $e->getMessage(), '|', intdiv(hrtime(true) - $start, 1000000); }",
    );
    let server = Server::start(site.folder());
    assert_eq!(server.get("/?code=return%2042;").body, "42");
    let answer = server.get("/?code=posix_kill(getmypid(),%2011);%20sleep(5);").body;
    let (message, took) = answer.split_once('|').expect("a message and a time");
    assert_eq!(message, "Pogo worker returned an error: killed by signal 11 (SIGSEGV)");
    assert!(took.parse::<u64>().expect("milliseconds") < 500, "{answer}");
    let answer = server.get("/?code=exit(1);").body;
    assert_eq!(answer.split('|').next(), Some("Pogo worker returned an error"));
    assert_eq!(server.get("/?code=return%2042;").body, "42");
}

#[test]
fn short_tasks_are_answered_whatever_happens_among_them() {
    let page = "<?php
        if (isset($_GET['code'])) {
            $task = pogo_spawn('X', ['code' => $_GET['code']]);
            if (isset($_GET['leave'])) { exit('left'); }
            try { exit(json_encode(pogo_await($task))); }
            catch (RuntimeException $e) { exit($e->getMessage()); }
        }
        $tasks = [];
        for ($n = 0; $n < 8; $n++) { $tasks[] = pogo_spawn('X', ['code' => \"return $n;\"]); }
        foreach ($tasks as $n => $task) { if (pogo_await($task, 10.0) !== $n) { exit('wrong'); } }
        echo 'ok';";
    let options = "\tfrankenphp {\n\t\tnum_threads 10\n\t}\n\tpogo {\n\t\tworker task.php\n\t\t\
                   num_threads 3\n\t}";
    let site = Site::php(options).file("task.php", TASK).file("public/page.php", page);
    let server = Server::start(site.folder());
    let run = |query: &str| server.get(&format!("/page.php?{query}")).body;
    good_answers_while(&server, "/page.php", || {
        for _ in 0..30 {
            assert_eq!(run("code=usleep(30000);%20return%201;"), "1");
            let killed = "Pogo worker returned an error: killed by signal 11 (SIGSEGV)";
            assert_eq!(run("code=posix_kill(getmypid(),%2011);"), killed);
            assert_eq!(run("code=exit;"), "Pogo worker returned an error");
            let nested = "return%20pogo_await(pogo_spawn('X',%20['code'%20=>%20'return%207;']));";
            assert_eq!(run(&format!("code={nested}")), "7");
            assert_eq!(run("leave&code=usleep(30000);"), "left");
            // It leaves while its tasks stand behind others, or run.
            server.connect().send("GET /page.php HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
    });
    poll("as many as before", || (workers(&server, "task worker").len() == 3).then_some(()));
    assert_eq!(server.get("/page.php").body, "ok");
}

#[test]
fn running_workers_outlive_the_zygote() {
    let site = Site::php("\tfrankenphp {\n\t\tnum_threads 2\n\t}")
        .file("public/index.php", "<?php echo getmypid();");
    let server = Server::start(site.folder());
    let zygote = workers(&server, "zygote").first().expect("a zygote").pid;
    signal_process(zygote, Signal::KILL);
    poll("the zygote to end", || (!lives(zygote)).then_some(()));
    let worker: i32 = server.get("/").body.parse().expect("a process id");
    signal_process(worker, Signal::KILL);
    poll("a worker of a new zygote", || {
        let answer = server.get("/");
        let other = answer.body.parse::<i32>().ok().filter(|pid| *pid != worker);
        (answer.status == 200 && other.is_some()).then_some(())
    });
    poll("a new zygote", || {
        workers(&server, "zygote").iter().any(|p| p.pid != zygote).then_some(())
    });
}

/// Kills the zygote and waits for its successor.
#[track_caller]
fn replace_zygote(server: &Server) {
    let zygote = workers(server, "zygote").first().expect("a zygote").pid;
    signal_process(zygote, Signal::KILL);
    poll("another zygote", || {
        workers(server, "zygote").iter().any(|p| p.pid != zygote).then_some(())
    });
}

#[test]
fn a_cancelled_task_of_an_orphaned_worker_still_dies() {
    let site = Site::php(POOLS).file("task.php", TASK).file(
        "public/index.php",
        "<?php $task = pogo_spawn('X', ['code' => $_GET['code']]);
        if (isset($_GET['leave'])) { usleep(200000); exit('left'); }
        echo json_encode(pogo_await($task));",
    );
    let server = Server::start(site.folder());
    replace_zygote(&server);
    let worker = server.get("/?code=return%20getmypid();").body.parse().expect("a process id");
    assert_eq!(server.get("/?leave&code=while%20(true);").body, "left");
    poll("the stuck worker to end", || (!lives(worker)).then_some(()));
    assert_eq!(server.get("/?code=return%2042;").body, "42");
}

#[test]
fn an_idle_orphan_that_dies_is_replaced_before_the_next_request() {
    let site = Site::php("\tfrankenphp {\n\t\tnum_threads 2\n\t}")
        .file("public/index.php", "<?php echo getmypid();");
    let server = Server::start(site.folder());
    let orphans = workers(&server, "worker classic");
    replace_zygote(&server);
    for orphan in &orphans {
        signal_process(orphan.pid, Signal::KILL);
    }
    poll("their successors", || {
        let new = workers(&server, "worker classic");
        let is_new = |p: &Process| orphans.iter().all(|orphan| orphan.pid != p.pid);
        (new.len() == 2 && new.iter().all(is_new)).then_some(())
    });
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn a_zygote_that_hangs_is_replaced_when_a_worker_ends() {
    let site = Site::php("\tfrankenphp {\n\t\tnum_threads 1\n\t}")
        .file("public/index.php", "<?php echo getmypid();");
    let server = Server::start(site.folder());
    let worker: i32 = server.get("/").body.parse().expect("a process id");
    let zygote = workers(&server, "zygote").first().expect("a zygote").pid;
    signal_process(zygote, Signal::STOP);
    signal_process(worker, Signal::KILL);
    assert_eq!(server.get("/").status, 200);
    server.wait_for_log(&["the zygote is gone", "does not say who ended"]);
    poll("the zygote that hung to be gone", || (!lives(zygote)).then_some(()));
}

/// Stops a server after `before`: it ends in order, and leaves no process behind.
#[track_caller]
fn check_end(before: impl FnOnce(&Server)) {
    let site = Site::php(POOLS).file("task.php", TASK).file("public/index.php", "<?php echo 1;");
    let mut server = Server::start(site.folder());
    before(&server);
    assert_eq!(server.get("/").body, "1");
    let all = Processes::under(server.pid());
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    poll("all of its processes to be gone", || all.alive().is_empty().then_some(()));
}

#[test]
fn orphans_end_with_a_server_that_stops() {
    check_end(replace_zygote);
}

#[test]
fn more_workers_than_orders_fit_come_up_all_the_same() {
    let site = Site::php("\tfrankenphp {\n\t\tnum_threads 300\n\t}")
        .file("public/index.php", "<?php echo 'up';");
    let server = Server::start(site.folder());
    assert_eq!(server.get("/").body, "up");
    assert_eq!(workers(&server, "worker classic").len(), 300);
}

#[test]
fn a_killed_server_leaves_no_orphan() {
    check_no_orphan(|_| ());
}

#[test]
fn a_killed_server_leaves_no_orphan_of_an_earlier_zygote() {
    check_no_orphan(replace_zygote);
}

/// Kills the server while a script loops and after this has happened.
#[track_caller]
fn check_no_orphan(happens: impl FnOnce(&Server)) {
    let site = Site::php(POOLS)
        .file("task.php", TASK)
        .file("public/index.php", "<?php touch('busy'); while (true);");
    let mut server = Server::start(site.folder());
    server.connect().send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let busy = [site.folder().join("public/busy"), site.folder().join("busy")];
    poll("the script to loop", || busy.iter().any(|file| file.exists()).then_some(()));
    let first = Processes::under(server.pid());
    assert!(first.titled("pogo-php").len() >= 4, "zygote, two workers, a task worker");
    happens(&server);
    let all = Processes::under(server.pid());
    server.signal(Signal::KILL);
    server.wait();
    poll("all of its processes to be gone", || {
        (first.alive().is_empty() && all.alive().is_empty()).then_some(())
    });
}

#[test]
fn a_stopped_server_leaves_nothing_running() {
    check_end(|_| {});
}

#[test]
fn a_request_in_flight_is_finished_before_the_end() {
    let site = Site::php("")
        .file("public/index.php", "<?php touch(__DIR__.'/busy'); usleep(300000); echo 'done';");
    let mut server = Server::start(site.folder());
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    poll("the script to run", || site.folder().join("public/busy").exists().then_some(()));
    server.signal(Signal::TERM);
    assert_eq!(client.receive().body, "done");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let site = Site::php("").file("public/index.php", "<?php touch(__DIR__.'/busy'); sleep(30);");
    let mut server = Server::start(site.folder());
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    poll("the script to run", || site.folder().join("public/busy").exists().then_some(()));
    let all = Processes::under(server.pid());
    server.signal(Signal::TERM);
    server.wait_for_log(&["shutting down"]);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(2));
    poll("all of its processes to be gone", || all.alive().is_empty().then_some(()));
}

#[test]
fn a_client_that_leaves_costs_only_its_request() {
    let site = Site::php("\tfrankenphp {\n\t\tnum_threads 1\n\t}")
        .file("public/index.php", "<?php echo strlen(file_get_contents('php://input'));");
    let server = Server::start(site.folder());
    for _ in 0..3 {
        let mut client = server.connect();
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf");
        drop(client);
    }
    assert_eq!(server.get("/").body, "0");
}

#[test]
fn a_missing_worker_script_stops_the_start() {
    check_start_fails(
        &Site::php("\tfrankenphp {\n\t\tworker nowhere.php 1\n\t}"),
        &[],
        "nowhere.php",
    );
    check_start_fails(&Site::php("\tpogo {\n\t\tworker nowhere.php\n\t}"), &[], "nowhere.php");
}

#[test]
fn a_pool_whose_script_fails_at_boot_stops_the_start_with_its_output() {
    let site = Site::php("\tpogo {\n\t\tworker task.php\n\t\tnum_threads 1\n\t}")
        .file("task.php", "<?php echo 'no database today'; exit(1);")
        .file("public/index.php", "");
    check_start_fails(&site, &[], "no database today");
}

#[test]
fn a_missing_php_host_stops_the_start() {
    let site = Site::php("").file("public/index.php", "");
    check_start_fails(&site, &[("POGO_PHP", "/nonexistent/pogo-php")], "/nonexistent/pogo-php");
    check_start_fails(&site, &[("POGO_PHP", "/bin/true")], "/bin/true");
}
