mod ahead;

use super::*;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

/// A worker that serves requests, not tasks.
const PAGE: WorkerId = 100;
/// What every task of these tests says.
const MESSAGE: &[u8] = b"m";

const NONE: [TaskId; 0] = [];

/// A worker's inbox.
#[derive(Debug, Default)]
struct Tray {
    tasks: Mutex<VecDeque<TaskId>>,
    is_full: AtomicBool,
}

impl Runner for Tray {
    fn run(&self, task: TaskId, message: &[u8]) -> bool {
        self.tasks.lock().push_back(task);
        message.len() == MESSAGE.len()
    }

    fn run_next(&self, task: TaskId, _message: &[u8]) -> bool {
        let has_room = !self.is_full.load(Ordering::Relaxed);
        if has_room {
            self.tasks.lock().push_back(task);
        }
        has_room
    }

    fn front(&self) -> Option<TaskId> {
        self.tasks.lock().front().copied()
    }

    fn take_back(&self) -> Vec<TaskId> {
        self.tasks.lock().drain(..).collect()
    }
}

struct Rig {
    broker: Broker,
    now: Instant,
    trays: HashMap<WorkerId, Arc<Tray>>,
}

/// Pools of these sizes, named `p0`, `p1`…, all workers up and idle: those of pool 0 are
/// 1, 2, …, those of pool 1 are 11, 12, ….
fn rig(sizes: &[u32]) -> Rig {
    let pools = sizes.iter().enumerate().map(|(i, size)| PoolConfig {
        name: format!("p{i}"),
        size: *size,
        max_wait: Duration::from_secs(30),
    });
    let broker = Broker::new(pools.collect(), 2);
    let mut rig = Rig { broker, now: Instant::now(), trays: HashMap::new() };
    for (i, size) in (0_u16..).zip(sizes) {
        for n in (1..=*size).rev() {
            rig.idle(u32::from(i) * 10 + n, i);
        }
    }
    rig
}

/// One pool of so many workers, whose tasks so far were over at once.
fn swift(size: u32) -> Rig {
    let mut r = rig(&[size]);
    for task in 1000..1064 {
        r.start(PAGE, task, 0, 1);
        r.end(1, task, Some(PAGE));
        r.idle(1, 0);
    }
    r
}

impl Rig {
    /// A worker is idle. Whether it goes on with a task that it has already.
    #[track_caller]
    fn idle(&mut self, worker: WorkerId, pool: u16) -> bool {
        let tray = self.trays.entry(worker).or_default();
        let idle = self.broker.idle(worker, tray, pool, self.now);
        let (action, goes_on) = idle.expect("a worker that runs nothing");
        assert_eq!(action, None);
        goes_on
    }

    fn spawn(&mut self, spawner: WorkerId, task: TaskId, pool: u16) -> Option<Action> {
        self.broker.spawn(spawner, task, pool, Bytes::from_static(MESSAGE), self.now).0
    }

    /// What lies in a worker's inbox.
    fn tray(&self, worker: WorkerId) -> Vec<TaskId> {
        self.trays[&worker].tasks.lock().iter().copied().collect()
    }

    /// A worker takes this task out of its inbox.
    #[track_caller]
    fn take(&self, worker: WorkerId, task: TaskId) {
        assert_eq!(self.trays[&worker].tasks.lock().pop_front(), Some(task));
    }

    /// Spawns a task that must start at once on this worker.
    #[track_caller]
    fn start(&mut self, spawner: WorkerId, task: TaskId, pool: u16, worker: WorkerId) {
        assert_eq!(self.spawn(spawner, task, pool), None);
        self.take(worker, task);
    }

    /// Spawns a task that must wait.
    #[track_caller]
    fn queue(&mut self, spawner: WorkerId, task: TaskId, pool: u16) {
        assert_eq!(self.spawn(spawner, task, pool), None);
        assert!(self.broker.tasks[&task].sent_to.is_none(), "{task} was sent");
    }

    /// Spawns a task that must be sent ahead to this worker.
    #[track_caller]
    fn ahead(&mut self, spawner: WorkerId, task: TaskId, worker: WorkerId) {
        assert_eq!(self.spawn(spawner, task, 0), None);
        assert_eq!(self.tray(worker).last(), Some(&task));
    }

    /// A worker ends a task, which was over at once; this spawner is to have its outcome.
    #[track_caller]
    fn end(&mut self, worker: WorkerId, task: TaskId, spawner: Option<WorkerId>) {
        assert_eq!(self.broker.done(worker, task, 5), Ok(spawner));
    }

    /// Time passes until nobody looks any more whether workers take what they were sent.
    #[track_caller]
    fn rest(&mut self) {
        while self.broker.look.is_some() {
            self.now += LOOK_EVERY;
            assert_eq!(self.broker.tick(self.now), []);
        }
    }

    /// So many looks for what is not taken.
    fn look(&mut self, times: u32) -> Vec<Action> {
        let mut actions = Vec::new();
        for _ in 0..times {
            self.now += LOOK_EVERY;
            actions.extend(self.broker.tick(self.now));
        }
        actions
    }
}

fn fail(spawner: WorkerId, task: TaskId, error: &str) -> Action {
    Action::Fail { spawner, task, error: error.into() }
}

#[test]
fn a_task_runs_on_the_worker_that_was_idle_last_and_its_spawner_is_answered() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    r.end(1, 1, Some(PAGE));
    r.idle(1, 0);
    assert_eq!(r.tray(1), NONE);
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
        r.end(1, next - 1, Some(PAGE));
        r.idle(1, 0);
        r.take(1, next);
    }
}

#[test]
fn a_task_that_finds_no_worker_in_time_fails() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.queue(PAGE, 2, 0);
    let deadline = r.now + Duration::from_secs(30);
    r.rest();
    assert_eq!(r.broker.next_deadline(), Some(deadline));
    assert!(r.broker.tick(r.now).is_empty());
    let error = "Pogo pool \"p0\" had no free worker within 30s";
    assert_eq!(r.broker.tick(deadline), [fail(PAGE, 2, error)]);
    assert_eq!(r.broker.next_deadline(), None);
    r.end(1, 1, Some(PAGE));
    r.idle(1, 0);
    assert_eq!(r.tray(1), NONE);
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
        assert_eq!(r.broker.gone(1, signal), [fail(PAGE, 1, error)]);
        r.idle(7, 0);
        r.take(7, 2);
    }
}

#[test]
fn an_idle_worker_that_ended_gets_no_task() {
    let mut r = rig(&[2]);
    assert_eq!(r.broker.gone(1, None), []);
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
    r.end(1, 1, None);
    r.idle(1, 0);
    r.take(1, 3);
    assert!(r.broker.request_ended(PAGE, r.now).is_empty());
}

#[test]
fn a_cancelled_task_that_does_not_stop_is_killed_within_a_second() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.rest();
    assert_eq!(r.broker.forget(PAGE, 1, r.now), [Action::Stop { worker: 1, task: 1 }]);
    let deadline = r.broker.next_deadline().expect("the kill");
    assert!(deadline - r.now < Duration::from_secs(1));
    assert!(r.broker.tick(r.now).is_empty());
    assert_eq!(r.broker.tick(deadline), [Action::Kill { worker: 1 }]);
    assert!(r.broker.tick(deadline).is_empty());
    assert_eq!(r.broker.gone(1, Some(9)), []);
}

#[test]
fn a_cancelled_task_that_stops_is_not_killed() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.broker.request_ended(PAGE, r.now);
    r.end(1, 1, None);
    r.rest();
    assert_eq!(r.broker.next_deadline(), None);
}

#[test]
fn nobody_can_give_up_or_end_the_task_of_another() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    assert_eq!(r.broker.forget(PAGE + 1, 1, r.now), []);
    assert_eq!(r.broker.done(2, 1, 5), Err(NotYours));
    assert_eq!(r.broker.done(9, 1, 5), Err(NotYours));
    assert!(r.broker.awaits(2, 1, r.now).is_empty());
    r.end(1, 1, Some(PAGE));
}

#[test]
fn spawning_is_refused_while_the_server_ends() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.queue(PAGE, 2, 0);
    assert_eq!(r.broker.close(), [fail(PAGE, 2, SHUTTING_DOWN)]);
    assert_eq!(r.spawn(PAGE, 3, 0), Some(fail(PAGE, 3, SHUTTING_DOWN)));
    r.end(1, 1, Some(PAGE));
}

#[test]
fn a_pool_that_does_not_exist_and_an_id_that_is_taken_are_refused() {
    let mut r = rig(&[1]);
    assert!(matches!(r.spawn(PAGE, 1, 1), Some(Action::Fail { .. })));
    r.start(PAGE, 2, 0, 1);
    assert!(matches!(r.spawn(PAGE, 2, 0), Some(Action::Fail { .. })));
    r.end(1, 2, Some(PAGE));
}

#[test]
fn a_pool_of_one_that_waits_on_itself_is_refused() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    r.queue(1, 2, 0);
    let error = "Pogo pool \"p0\" would wait on itself";
    assert_eq!(r.broker.awaits(1, 2, r.now), [fail(1, 2, error)]);
    r.end(1, 1, Some(PAGE));
}

#[test]
fn recursion_of_depth_two_works_in_a_pool_of_four() {
    let mut r = rig(&[4]);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 0, 2);
    assert!(r.broker.awaits(1, 2, r.now).is_empty());
    r.start(2, 3, 0, 3);
    assert!(r.broker.awaits(2, 3, r.now).is_empty());
    r.end(3, 3, Some(2));
    r.end(2, 2, Some(1));
}

#[test]
fn a_queued_task_is_waited_for_while_one_worker_may_get_free() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    r.start(PAGE, 2, 0, 2);
    r.queue(1, 3, 0);
    assert!(r.broker.awaits(1, 3, r.now).is_empty(), "worker 2 is busy, not stuck");
    r.queue(2, 4, 0);
    let error = "Pogo pool \"p0\" would wait on itself";
    assert_eq!(r.broker.awaits(2, 4, r.now), [fail(2, 4, error)], "now nobody could take either");
    r.end(2, 2, Some(PAGE));
    r.idle(2, 0);
    r.take(2, 3);
}

#[test]
fn a_circle_over_two_pools_is_refused() {
    let mut r = rig(&[1, 1]);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 1, 11);
    assert!(r.broker.awaits(1, 2, r.now).is_empty());
    r.queue(11, 3, 0);
    let error = "Pogo pool \"p0\" would wait on itself";
    assert_eq!(r.broker.awaits(11, 3, r.now), [fail(11, 3, error)]);
}

#[test]
fn a_circle_that_closes_with_the_wait_for_a_running_task_is_refused_where_it_is_queued() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 0, 2);
    r.queue(2, 3, 0);
    assert!(r.broker.awaits(2, 3, r.now).is_empty(), "worker 1 does not wait yet");
    let error = "Pogo pool \"p0\" would wait on itself";
    assert_eq!(r.broker.awaits(1, 2, r.now), [fail(2, 3, error)]);
}

#[test]
fn a_worker_that_is_being_replaced_may_still_come() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    r.broker.gone(2, Some(9));
    r.queue(1, 2, 0);
    assert!(r.broker.awaits(1, 2, r.now).is_empty());
    r.idle(3, 0);
    r.take(3, 2);
}

#[test]
fn the_end_of_a_wait_is_known() {
    let mut r = rig(&[2]);
    r.start(PAGE, 1, 0, 1);
    r.start(1, 2, 0, 2);
    r.broker.awaits(1, 2, r.now);
    r.broker.forget(1, 2, r.now);
    r.queue(2, 3, 0);
    assert!(r.broker.awaits(2, 3, r.now).is_empty(), "worker 1 no longer waits");
}

#[test]
fn a_worker_that_is_idle_in_the_middle_of_its_task_is_found_out() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    let tray = Arc::clone(&r.trays[&1]);
    assert_eq!(r.broker.idle(1, &tray, 0, r.now), Err(NotYours));
}

#[test]
fn a_worker_that_is_being_killed_gets_no_other_task() {
    let mut r = rig(&[1]);
    r.start(PAGE, 1, 0, 1);
    assert_eq!(r.broker.request_ended(PAGE, r.now), [Action::Stop { worker: 1, task: 1 }]);
    assert_eq!(r.broker.tick(r.now + STOP_MAX), [Action::Kill { worker: 1 }]);
    r.end(1, 1, None);
    r.idle(1, 0);
    assert_eq!(r.tray(1), NONE);
    r.queue(PAGE, 2, 0);
    assert_eq!(r.broker.gone(1, Some(9)), []);
    r.idle(2, 0);
    r.take(2, 2);
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
    assert_eq!(r.broker.forget(PAGE, 7, r.now), []);
    r.queue(PAGE, many, 0);
    assert_eq!(r.broker.request_ended(PAGE, r.now), []);
    let large = Bytes::from(vec![0; QUEUE_BYTES_MAX / 2]);
    let spawn = |r: &mut Rig, task| r.broker.spawn(PAGE, task, 0, large.clone(), r.now).0;
    for task in [1, 2] {
        assert_eq!(spawn(&mut r, task), None);
    }
    assert_eq!(r.spawn(PAGE, 3, 0), Some(fail(PAGE, 3, error)));
    assert_eq!(r.broker.forget(PAGE, 1, r.now), []);
    assert_eq!(spawn(&mut r, 4), None);
    assert_eq!(r.broker.close().len(), 2);
    assert_eq!((r.broker.spawned.len(), r.broker.pools[0].queue_bytes), (0, 0));
}
