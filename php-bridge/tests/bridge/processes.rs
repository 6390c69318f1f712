//! Births, deaths, and what is left behind: nothing.

use crate::server::{Zygote, wait_for};
use php_wire::control::{FromZygote, ToZygote};

/// Whether a process is there and not only its remains.
fn lives(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
}

#[test]
fn the_zygote_says_what_it_started() {
    let zygote = Zygote::start(&[]);
    let FromZygote::Booted { version, php, opcache, .. } = &zygote.booted else {
        panic!("{:?}", zygote.booted)
    };
    assert_eq!((*version, *opcache), (php_wire::VERSION, true));
    assert!(php.starts_with("8."), "{php}");
    let title = std::fs::read(format!("/proc/{}/cmdline", zygote.child.id())).expect("cmdline");
    assert!(title.starts_with(b"pogo-php: zygote\0"), "{}", String::from_utf8_lossy(&title));
}

#[test]
fn another_wire_version_is_refused() {
    let zygote = Zygote::start_version(&[], 99);
    assert!(matches!(&zygote.booted, FromZygote::Failed { error } if error.contains("99")));
}

#[test]
fn a_crash_is_reported_with_its_signal() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script("crash.php", "echo 'lost'; posix_kill(getmypid(), 11);");
    let mut worker = zygote.classic();
    worker.expect_ready();
    let title = std::fs::read(format!("/proc/{}/cmdline", worker.pid)).expect("cmdline");
    assert!(title.starts_with(b"pogo-php: worker test\0"));
    worker.request(&script, |_| {});
    let lost = worker.receive().map(|m| String::from_utf8_lossy(&m.payload).into_owned());
    assert_eq!(lost, None);
    assert_eq!(zygote.expect_exit(&worker), (None, Some(11)));
    let mut next = zygote.classic();
    next.expect_ready();
}

#[test]
fn a_worker_is_killed_on_demand() {
    let zygote = Zygote::start(&[]);
    let worker = zygote.classic();
    zygote.send(&ToZygote::Kill { serial: worker.serial });
    assert_eq!(zygote.expect_exit(&worker), (None, Some(9)));
}

#[test]
fn workers_outlive_their_zygote_but_not_the_server() {
    let mut zygote = Zygote::start(&[]);
    let hello = zygote.script("hello.php", "echo 'still here';");
    let endless =
        zygote.script("endless.php", "set_time_limit(0); echo 'x'; flush(); while (true);");
    let mut worker = zygote.classic();
    let mut busy = zygote.classic();
    worker.expect_ready();
    busy.expect_ready();
    zygote.child.kill().expect("killed");
    zygote.child.wait().expect("waited");
    assert_eq!(worker.get(&hello).body, "still here");
    busy.request(&endless, |_| {});
    busy.receive().expect("it runs");
    assert!(lives(worker.pid) && lives(busy.pid));
    zygote.lifeline = None;
    wait_for("the end of the idle worker", || !lives(worker.pid));
    wait_for("the end of the busy worker", || !lives(busy.pid));
}

#[test]
fn nothing_outlives_the_server() {
    let mut zygote = Zygote::start(&[]);
    let endless =
        zygote.script("endless.php", "set_time_limit(0); echo 'x'; flush(); while (true);");
    let mut busy = zygote.classic();
    busy.expect_ready();
    busy.request(&endless, |_| {});
    busy.receive().expect("it runs");
    zygote.lifeline = None;
    wait_for("the end of the busy worker", || !lives(busy.pid));
    let pid = zygote.child.id().cast_signed();
    wait_for("the end of the zygote", || !lives(pid));
}

#[test]
fn workers_share_what_one_has_compiled() {
    let zygote = Zygote::start(&[("opcache.file_update_protection", "0")]);
    let script =
        zygote.script("cached.php", "echo json_encode(opcache_is_script_cached(__FILE__));");
    let (mut first, mut second) = (zygote.classic(), zygote.classic());
    first.expect_ready();
    second.expect_ready();
    first.get(&script);
    let hits = zygote
        .script("hits.php", "echo json_encode(opcache_is_script_cached(__DIR__ . '/cached.php'));");
    assert_eq!(second.get(&hits).body, "true");
}
