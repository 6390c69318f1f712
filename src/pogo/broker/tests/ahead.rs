//! What is sent ahead, and what becomes of it when it does not go as thought.

use super::*;
use crate::dispatch::AHEAD_BYTES;

/// Worker 1 of so many runs task 1 and has 2, 3 and 4 behind that.
fn with_three_behind(size: u32) -> Rig {
    let mut r = swift(size);
    r.start(PAGE, 1, 0, 1);
    for task in [2, 3, 4] {
        r.ahead(PAGE, task, 1);
    }
    r
}

#[test]
fn short_tasks_are_sent_to_a_worker_that_has_others() {
    let mut r = with_three_behind(2);
    assert_eq!(r.tray(2), NONE);
    for (task, next) in [(1, 2), (2, 3), (3, 4)] {
        r.end(1, task, Some(PAGE));
        assert!(r.idle(1, 0), "it has {next} already");
        r.take(1, next);
    }
    r.end(1, 4, Some(PAGE));
    assert!(!r.idle(1, 0));
    r.start(PAGE, 5, 0, 1);
}

#[test]
fn where_tasks_last_longer_each_has_its_worker() {
    let mut r = rig(&[2]);
    for task in 1000..1064 {
        r.start(PAGE, task, 0, 1);
        assert_eq!(r.broker.done(1, task, 300), Ok(Some(PAGE)));
        r.idle(1, 0);
    }
    r.start(PAGE, 1, 0, 1);
    r.start(PAGE, 2, 0, 2);
    r.queue(PAGE, 3, 0);
}

#[test]
fn nothing_is_sent_ahead_that_is_long_or_may_not_wait_or_finds_no_room() {
    let mut r = swift(2);
    r.start(PAGE, 1, 0, 1);
    let long = Bytes::from(vec![0; AHEAD_BYTES + 1]);
    assert_eq!(r.broker.spawn(PAGE, 2, 0, long, r.now).0, None);
    assert_eq!(r.tray(2), [2]);
    r.trays[&1].is_full.store(true, Ordering::Relaxed);
    r.queue(PAGE, 3, 0);
    let mut r = swift(2);
    r.broker.pools[0].config.max_wait = Duration::from_millis(5);
    r.start(PAGE, 1, 0, 1);
    r.start(PAGE, 2, 0, 2);
}

#[test]
fn nothing_is_sent_behind_a_task_that_came_another_way() {
    let mut r = swift(2);
    let long = Bytes::from_static(b"too long for an inbox");
    assert_eq!(r.broker.spawn(PAGE, 1, 0, long, r.now).0, None);
    r.take(1, 1);
    r.start(PAGE, 2, 0, 2);
    r.ahead(PAGE, 3, 2);
    assert_eq!(r.broker.gone(1, None), [fail(PAGE, 1, WORKER_ERROR)]);
}

#[test]
fn a_task_is_not_sent_behind_the_one_that_spawned_it() {
    let mut r = swift(3);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 0, 2);
    r.ahead(1, 3, 2);
}

#[test]
fn who_stands_behind_a_long_task_is_called_back_and_keeps_its_order() {
    let mut r = with_three_behind(2);
    assert_eq!(r.look(2), []);
    assert_eq!((r.tray(1), r.tray(2)), (vec![], vec![2]));
    r.take(2, 2);
    // Tasks are not that short any more.
    r.queue(PAGE, 5, 0);
    for (task, next) in [(2, 3), (3, 4), (4, 5)] {
        r.end(2, task, Some(PAGE));
        assert!(!r.idle(2, 0));
        r.take(2, next);
    }
}

#[test]
fn where_tasks_move_nothing_is_called_back() {
    let mut r = with_three_behind(2);
    assert_eq!(r.look(1), []);
    r.end(1, 1, Some(PAGE));
    assert!(r.idle(1, 0));
    r.take(1, 2);
    assert_eq!(r.look(1), []);
    assert_eq!((r.tray(1), r.tray(2)), (vec![3, 4], vec![]));
}

#[test]
fn it_is_looked_only_while_tasks_are_sent() {
    let mut r = swift(2);
    r.rest();
    assert_eq!(r.broker.next_deadline(), None);
    let spawn =
        |r: &mut Rig, task| r.broker.spawn(PAGE, task, 0, Bytes::from_static(MESSAGE), r.now);
    assert_eq!(spawn(&mut r, 1), (None, true));
    assert_eq!(spawn(&mut r, 2), (None, false));
    for task in [1, 2] {
        r.end(1, task, Some(PAGE));
        r.idle(1, 0);
    }
    for _ in 0..LOOKS_IN_VAIN {
        r.now = r.broker.next_deadline().expect("another look");
        assert_eq!(r.broker.tick(r.now), []);
    }
    assert_eq!(r.broker.next_deadline(), None);
}

#[test]
fn the_end_of_a_worker_costs_only_the_task_that_it_had_begun() {
    for leaves_first in [false, true] {
        let mut r = with_three_behind(2);
        r.end(1, 1, Some(PAGE));
        r.idle(1, 0);
        r.take(1, 2);
        if leaves_first {
            assert_eq!(r.broker.leaves(1), []);
        }
        let error = "Pogo worker returned an error: killed by signal 9 (SIGKILL)";
        assert_eq!(r.broker.gone(1, Some(9)), [fail(PAGE, 2, error)]);
        r.take(2, 3);
        assert_eq!(r.broker.tasks[&4].sent_to, None);
    }
}

#[test]
fn the_end_of_a_worker_that_had_begun_nothing_costs_nothing() {
    let mut r = swift(2);
    assert_eq!(r.spawn(PAGE, 1, 0), None);
    r.ahead(PAGE, 2, 1);
    assert_eq!(r.broker.gone(1, Some(9)), []);
    r.take(2, 1);
    r.end(2, 1, Some(PAGE));
    r.idle(2, 0);
    r.take(2, 2);
}

#[test]
fn what_a_worker_took_that_ends_without_a_word_of_it_fails() {
    let mut r = with_three_behind(1);
    r.take(1, 2);
    assert_eq!(r.broker.leaves(1), [fail(PAGE, 2, WORKER_ERROR)]);
    assert_eq!(r.broker.gone(1, None), [fail(PAGE, 1, WORKER_ERROR)]);
    r.idle(7, 0);
    r.take(7, 3);
}

#[test]
fn a_worker_that_waits_has_nobody_behind_it() {
    let mut r = swift(3);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 0, 2);
    r.ahead(PAGE, 3, 1);
    assert_eq!(r.broker.awaits(1, 2, r.now), []);
    r.take(3, 3);
    r.ahead(PAGE, 4, 2);
    assert_eq!(r.broker.tasks[&4].sent_to, Some(2));
}

#[test]
fn a_circle_through_who_was_sent_ahead_is_refused() {
    let mut r = swift(2);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 0, 2);
    r.ahead(1, 3, 2);
    assert_eq!(r.broker.awaits(1, 3, r.now), [], "worker 2 gets to it");
    assert_eq!(r.spawn(2, 4, 0), None);
    let error = "Pogo pool \"p0\" would wait on itself";
    assert_eq!(r.broker.awaits(2, 4, r.now), [fail(2, 4, error)], "now nobody could take either");
}

#[test]
fn what_nobody_wants_any_more_is_taken_out() {
    let mut r = with_three_behind(1);
    r.ahead(PAGE + 1, 5, 1);
    assert_eq!(r.broker.forget(PAGE, 3, r.now), []);
    assert_eq!(r.tray(1), NONE);
    assert_eq!(r.broker.request_ended(PAGE, r.now), [Action::Stop { worker: 1, task: 1 }]);
    r.end(1, 1, None);
    assert!(!r.idle(1, 0));
    assert_eq!(r.tray(1), [5]);
}

#[test]
fn a_task_that_nobody_wants_and_that_was_not_taken_is_never_run() {
    let mut r = swift(1);
    assert_eq!(r.spawn(PAGE, 1, 0), None);
    assert_eq!(r.broker.forget(PAGE, 1, r.now), []);
    assert_eq!(r.tray(1), NONE);
    r.start(PAGE, 2, 0, 1);
}

#[test]
fn a_task_that_nobody_wants_and_that_was_just_taken_is_stopped() {
    let mut r = with_three_behind(1);
    r.take(1, 2);
    assert_eq!(r.broker.forget(PAGE, 2, r.now), []);
    r.end(1, 1, Some(PAGE));
    let tray = Arc::clone(&r.trays[&1]);
    let stop = Action::Stop { worker: 1, task: 2 };
    assert_eq!(r.broker.idle(1, &tray, 0, r.now), Ok((Some(stop), true)));
    assert_eq!(r.broker.next_deadline().map(|at| at - r.now > LOOK_EVERY), Some(false));
    r.end(1, 2, None);
    r.idle(1, 0);
    assert_eq!(r.tray(1), [3]);
}

#[test]
fn a_worker_that_does_not_take_what_it_was_sent_is_the_last_to_get_more() {
    let mut r = swift(3);
    assert_eq!(r.spawn(PAGE, 1, 0), None);
    r.ahead(PAGE, 2, 1);
    assert_eq!(r.look(9), []);
    assert_eq!(r.tray(1), [1, 2]);
    assert_eq!(r.look(1), []);
    assert_eq!((r.tray(1), r.tray(2), r.tray(3)), (vec![], vec![1], vec![2]));
    r.start(PAGE, 3, 0, 1);
}

#[test]
fn a_task_that_stands_alone_is_called_back_too_when_it_is_not_taken() {
    let mut r = rig(&[2]);
    assert_eq!(r.spawn(PAGE, 1, 0), None);
    r.start(PAGE, 2, 0, 2);
    assert_eq!(r.look(9), []);
    assert_eq!(r.tray(1), [1]);
    r.end(2, 2, Some(PAGE));
    r.idle(2, 0);
    assert_eq!(r.look(1), []);
    assert_eq!((r.tray(1), r.tray(2)), (vec![], vec![1]));
}

#[test]
fn a_worker_may_take_the_next_in_the_moment_in_which_its_own_is_taken_back() {
    let mut r = swift(2);
    assert_eq!(r.spawn(PAGE, 1, 0), None);
    r.ahead(PAGE, 2, 1);
    r.ahead(PAGE, 3, 1);
    // The worker takes 2 after 1 was taken out, and before 3 is.
    r.trays[&1].tasks.lock().retain(|task| *task != 2);
    assert_eq!(r.look(10), []);
    assert_eq!(r.tray(2), [1]);
    r.end(1, 2, Some(PAGE));
    assert!(!r.idle(1, 0));
    assert_eq!(r.tray(1), [3]);
}

#[test]
fn what_is_called_back_while_the_server_ends_is_refused() {
    let mut r = with_three_behind(2);
    assert_eq!(r.broker.close(), []);
    let refused = [2, 3, 4].map(|task| fail(PAGE, task, SHUTTING_DOWN));
    assert_eq!(r.look(2), refused);
}
