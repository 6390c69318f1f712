use super::*;

/// A worker that serves requests, not tasks.
const PAGE: WorkerId = 100;

struct Rig {
    broker: Broker,
    now: Instant,
}

/// Pools of these sizes, named `p0`, `p1`…, all workers up and idle: those of pool 0 are
/// 1, 2, …, those of pool 1 are 11, 12, ….
fn rig(sizes: &[u32]) -> Rig {
    let pools = sizes.iter().enumerate().map(|(i, size)| PoolConfig {
        name: format!("p{i}"),
        size: *size,
        max_wait: Duration::from_secs(30),
    });
    let mut broker = Broker::new(pools.collect());
    for (i, size) in (0_u16..).zip(sizes) {
        for n in (1..=*size).rev() {
            assert_eq!(broker.idle(u32::from(i) * 10 + n, i), Ok(None));
        }
    }
    Rig { broker, now: Instant::now() }
}

impl Rig {
    #[track_caller]
    fn idle(&mut self, worker: WorkerId, pool: u16) -> Option<Action> {
        self.broker.idle(worker, pool).expect("a worker that runs nothing")
    }

    fn spawn(&mut self, spawner: WorkerId, task: TaskId, pool: u16) -> Option<Action> {
        self.broker.spawn(spawner, task, pool, Bytes::from_static(b"m"), self.now).0
    }

    /// Spawns a task that must start at once on this worker.
    #[track_caller]
    fn start(&mut self, spawner: WorkerId, task: TaskId, pool: u16, worker: WorkerId) {
        assert_eq!(self.spawn(spawner, task, pool), run(worker, task));
    }

    /// Spawns a task that must wait.
    #[track_caller]
    fn queue(&mut self, spawner: WorkerId, task: TaskId, pool: u16) {
        assert_eq!(self.spawn(spawner, task, pool), None);
    }
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what the broker returns")]
fn run(worker: WorkerId, task: TaskId) -> Option<Action> {
    Some(Action::Run { worker, task, message: Bytes::from_static(b"m") })
}

fn fail(spawner: WorkerId, task: TaskId, error: &str) -> Action {
    Action::Fail { spawner, task, error: error.into() }
}

#[test]
fn a_task_runs_on_the_worker_that_was_idle_last_and_its_spawner_is_answered() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    assert_eq!(r.broker.done(1, 1), Ok(Some(PAGE)));
    assert_eq!(r.idle(1, 0), None);
    r.start(PAGE, 2, 0, 1);
    r.start(PAGE, 3, 0, 2);
}

#[test]
fn tasks_wait_in_order() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.queue(PAGE, 2, 0);
    r.queue(PAGE, 3, 0);
    for next in [2, 3] {
        assert_eq!(r.broker.done(1, next - 1), Ok(Some(PAGE)));
        assert_eq!(r.idle(1, 0), run(1, next));
    }
}

#[test]
fn a_task_that_finds_no_worker_in_time_fails() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.queue(PAGE, 2, 0);
    let deadline = r.now + Duration::from_secs(30);
    assert_eq!(r.broker.next_deadline(), Some(deadline));
    assert!(r.broker.tick(r.now).is_empty());
    let error = "Pogo pool \"p0\" had no free worker within 30s";
    assert_eq!(r.broker.tick(deadline), [fail(PAGE, 2, error)]);
    assert_eq!(r.broker.next_deadline(), None);
    assert_eq!(r.broker.done(1, 1), Ok(Some(PAGE)));
    assert_eq!(r.idle(1, 0), None, "the task that failed is not run later");
}

#[test]
fn the_end_of_a_worker_is_the_failure_of_its_task() {
    for (signal, error) in [
        (None, "Pogo worker returned an error"),
        (Some(11), "Pogo worker returned an error: killed by signal 11 (SIGSEGV)"),
        (Some(40), "Pogo worker returned an error: killed by signal 40"),
    ] {
        let mut r = rig(&[1]);
        r.start(PAGE, 1, 0, 1);
        r.queue(PAGE, 2, 0);
        assert_eq!(r.broker.gone(1, signal), Some(fail(PAGE, 1, error)));
        assert_eq!(r.idle(7, 0), run(7, 2), "its successor takes the next task");
    }
}

#[test]
fn an_idle_worker_that_ended_gets_no_task() {
    let mut r = rig(&[2]);
    assert_eq!(r.broker.gone(1, None), None);
    r.start(PAGE, 1, 0, 2);
    r.queue(PAGE, 2, 0);
}

#[test]
fn the_tasks_of_a_request_end_with_it() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.queue(PAGE, 2, 0);
    r.queue(PAGE + 1, 3, 0);
    assert_eq!(r.broker.request_ended(PAGE, r.now), [Action::Stop { worker: 1, task: 1 }]);
    assert_eq!(r.broker.done(1, 1), Ok(None), "nobody wants its outcome");
    assert_eq!(r.idle(1, 0), run(1, 3));
    assert!(r.broker.request_ended(PAGE, r.now).is_empty());
}

#[test]
fn a_cancelled_task_that_does_not_stop_is_killed_within_a_second() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    assert_eq!(r.broker.forget(PAGE, 1, r.now), Some(Action::Stop { worker: 1, task: 1 }));
    let deadline = r.broker.next_deadline().expect("the kill");
    assert!(deadline - r.now < Duration::from_secs(1));
    assert!(r.broker.tick(r.now).is_empty());
    assert_eq!(r.broker.tick(deadline), [Action::Kill { worker: 1 }]);
    assert!(r.broker.tick(deadline).is_empty());
    assert_eq!(r.broker.gone(1, Some(9)), None);
}

#[test]
fn a_cancelled_task_that_stops_is_not_killed() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.broker.request_ended(PAGE, r.now);
    assert_eq!(r.broker.done(1, 1), Ok(None));
    assert_eq!(r.broker.next_deadline(), None);
}

#[test]
fn nobody_can_give_up_or_end_the_task_of_another() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    assert_eq!(r.broker.forget(PAGE + 1, 1, r.now), None);
    assert_eq!(r.broker.done(2, 1), Err(NotYours));
    assert_eq!(r.broker.done(9, 1), Err(NotYours));
    assert!(r.broker.awaits(2, 1).is_empty());
    assert_eq!(r.broker.done(1, 1), Ok(Some(PAGE)));
}

#[test]
fn spawning_is_refused_while_the_server_ends() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.queue(PAGE, 2, 0);
    assert_eq!(r.broker.close(), [fail(PAGE, 2, SHUTTING_DOWN)]);
    assert_eq!(r.spawn(PAGE, 3, 0), Some(fail(PAGE, 3, SHUTTING_DOWN)));
    assert_eq!(r.broker.done(1, 1), Ok(Some(PAGE)), "what runs is finished");
}

#[test]
fn a_pool_that_does_not_exist_and_an_id_that_is_taken_are_refused() {
    let mut r = rig(&[1]);
    assert!(matches!(r.spawn(PAGE, 1, 1), Some(Action::Fail { .. })));
    r.start(PAGE, 2, 0, 1);
    assert!(matches!(r.spawn(PAGE, 2, 0), Some(Action::Fail { .. })));
    assert_eq!(r.broker.done(1, 2), Ok(Some(PAGE)), "the first keeps it");
}

#[test]
fn a_pool_of_one_that_waits_on_itself_is_refused() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.queue(1, 2, 0);
    let error = "Pogo pool \"p0\" would wait on itself";
    assert_eq!(r.broker.awaits(1, 2), [fail(1, 2, error)]);
    assert_eq!(r.broker.done(1, 1), Ok(Some(PAGE)));
}

#[test]
fn recursion_of_depth_two_works_in_a_pool_of_four() {
    let mut r = rig(&[4]);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 0, 2);
    assert!(r.broker.awaits(1, 2).is_empty());
    r.start(2, 3, 0, 3);
    assert!(r.broker.awaits(2, 3).is_empty());
    assert_eq!(r.broker.done(3, 3), Ok(Some(2)));
    assert_eq!(r.broker.done(2, 2), Ok(Some(1)));
}

#[test]
fn a_queued_task_is_waited_for_while_one_worker_may_get_free() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    r.start(PAGE, 2, 0, 2);
    r.queue(1, 3, 0);
    assert!(r.broker.awaits(1, 3).is_empty(), "worker 2 is busy, not stuck");
    r.queue(2, 4, 0);
    let error = "Pogo pool \"p0\" would wait on itself";
    assert_eq!(r.broker.awaits(2, 4), [fail(2, 4, error)], "now nobody could take either");
    assert_eq!(r.broker.done(2, 2), Ok(Some(PAGE)));
    assert_eq!(r.idle(2, 0), run(2, 3));
}

#[test]
fn a_circle_over_two_pools_is_refused() {
    let mut r = rig(&[1, 1]);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 1, 11);
    assert!(r.broker.awaits(1, 2).is_empty());
    r.queue(11, 3, 0);
    let error = "Pogo pool \"p0\" would wait on itself";
    assert_eq!(r.broker.awaits(11, 3), [fail(11, 3, error)]);
}

#[test]
fn a_circle_that_closes_with_the_wait_for_a_running_task_is_refused_where_it_is_queued() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 0, 2);
    r.queue(2, 3, 0);
    assert!(r.broker.awaits(2, 3).is_empty(), "worker 1 does not wait yet");
    let error = "Pogo pool \"p0\" would wait on itself";
    assert_eq!(r.broker.awaits(1, 2), [fail(2, 3, error)]);
}

#[test]
fn a_worker_that_is_being_replaced_may_still_come() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    r.broker.gone(2, Some(9));
    r.queue(1, 2, 0);
    assert!(r.broker.awaits(1, 2).is_empty());
    assert_eq!(r.idle(3, 0), run(3, 2));
}

#[test]
fn the_end_of_a_wait_is_known() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 0, 2);
    r.broker.awaits(1, 2);
    r.broker.forget(1, 2, r.now);
    r.queue(2, 3, 0);
    assert!(r.broker.awaits(2, 3).is_empty(), "worker 1 no longer waits");
}

#[test]
fn a_worker_that_is_idle_in_the_middle_of_its_task_is_found_out() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    assert_eq!(r.broker.idle(1, 0), Err(NotYours));
}

#[test]
fn a_worker_that_is_being_killed_gets_no_other_task() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    assert_eq!(r.broker.request_ended(PAGE, r.now), [Action::Stop { worker: 1, task: 1 }]);
    assert_eq!(r.broker.tick(r.now + STOP_MAX), [Action::Kill { worker: 1 }]);
    assert_eq!(r.broker.done(1, 1), Ok(None));
    assert_eq!(r.idle(1, 0), None);
    r.queue(PAGE, 2, 0);
    assert_eq!(r.broker.gone(1, Some(9)), None);
    assert_eq!(r.idle(2, 0), run(2, 2));
}

#[test]
fn what_waits_is_bounded_in_number_and_in_bytes() {
    let error = "Pogo pool \"p0\" has too many waiting tasks";
    let mut r = rig(&[0]);
    let many = TaskId::try_from(QUEUE_MAX).expect("it fits");
    for task in 0..many {
        r.queue(PAGE, task, 0);
    }
    assert_eq!(r.spawn(PAGE, many, 0), Some(fail(PAGE, many, error)));
    assert_eq!(r.broker.forget(PAGE, 7, r.now), None);
    r.queue(PAGE, many, 0);
    assert_eq!(r.broker.request_ended(PAGE, r.now), []);
    let large = Bytes::from(vec![0; QUEUE_BYTES_MAX / 2]);
    let spawn = |r: &mut Rig, task| r.broker.spawn(PAGE, task, 0, large.clone(), r.now).0;
    for task in [1, 2] {
        assert_eq!(spawn(&mut r, task), None);
    }
    assert_eq!(r.spawn(PAGE, 3, 0), Some(fail(PAGE, 3, error)));
    assert_eq!(r.broker.forget(PAGE, 1, r.now), None);
    assert_eq!(spawn(&mut r, 4), None);
    assert_eq!(r.broker.close().len(), 2);
    assert_eq!((r.broker.spawned.len(), r.broker.pools[0].queue_bytes), (0, 0));
}
