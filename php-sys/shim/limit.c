/*
 * Wall-clock limits. PHP's own timer counts CPU time in a build without threads, so
 * it is never armed here; PHP is told that a limit has passed in its own way
 * (EG(timed_out) and EG(vm_interrupt)) from one POSIX timer's signal.
 *
 * The same signal, queued by the zygote with a job's id, asks for a stop. When PHP
 * does not react, the signal is repeated, since it may have come just before a
 * blocking call; after the grace the process ends itself.
 */
#include "internal.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
/* How often a deaf PHP is interrupted again. */
#define KICK (50 * 1000000LL)
/* A limit may end this much early: then one alarm does for many requests. */
#define SLACK (250 * 1000000LL)
/* The same for limits under ten seconds, which are set to be met. */
#define SHORT_SLACK (5 * 1000000LL)

static struct {
	timer_t timer;
	bool timer_made;
	pid_t zygote;
	int64_t grace;
	int exit_code;
	zend_long seconds;       /* max_execution_time as it now is */
	zend_long input_seconds; /* max_input_time; -1 means the same as the above */
	/* What the handler reads; written while it is not active, or in one store. */
	volatile sig_atomic_t active;
	volatile sig_atomic_t stopping;
	volatile uint64_t job;
	volatile uint64_t stop_job; /* the job that was last asked to stop; 0 is none */
	volatile int64_t deadline; /* 0 is never */
	volatile int64_t slack;
	volatile int64_t kill_at;  /* 0 until PHP has been told */
	volatile int64_t armed_for;
} limit;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * SECOND + t.tv_nsec;
}

static void arm(int64_t when, int64_t interval)
{
	struct itimerspec spec = {
		.it_value = {when / SECOND, when % SECOND},
		.it_interval = {interval / SECOND, interval % SECOND},
	};

	limit.armed_for = when;
	timer_settime(limit.timer, TIMER_ABSTIME, &spec, NULL);
}

static void tell_php(void)
{
	EG(timeout_seconds) = limit.seconds;
	zend_atomic_bool_store_ex(&EG(timed_out), true);
	zend_atomic_bool_store_ex(&EG(vm_interrupt), true);
}

/*
 * PHP has reacted: its shutdown functions get the limit that has passed once more, those
 * of a stopped job the grace.
 */
static void allow_cleanup(int64_t t)
{
	int64_t again = (int64_t) EG(timeout_seconds) * SECOND;

	if (limit.stopping || again < limit.grace) {
		again = limit.grace;
	}
	limit.kill_at = t + again;
	arm(limit.kill_at, 0);
}

static void on_time(int64_t t)
{
	if (limit.kill_at != 0) {
		if (t >= limit.kill_at) {
			_exit(limit.exit_code);
		}
		if (!zend_atomic_bool_load_ex(&EG(timed_out))) {
			allow_cleanup(t);
		}
		return;
	}
	if (!limit.stopping && (limit.deadline == 0 || t < limit.deadline - limit.slack)) {
		limit.armed_for = 0;
		if (limit.deadline != 0) {
			arm(limit.deadline, 0);
		}
		return;
	}
	limit.kill_at = t + limit.grace;
	tell_php();
	arm(t + KICK, KICK);
}

/* A stop that comes before its job has begun waits for it in stop_job. */
static void on_stop(uint64_t job)
{
	limit.stop_job = job;
	if (limit.active && job == limit.job && !limit.stopping) {
		limit.stopping = 1;
		limit.kill_at = 0;
		on_time(now());
	}
}

/* Async-signal-safe: it stores, reads a clock, sets a timer and may _exit. */
static void on_signal(int signo, siginfo_t *info, void *context)
{
	int saved = errno;

	(void) signo;
	(void) context;
	if (pogo.forked) {
		/* The timer and the zygote's stops are the parent's. */
	} else if (info->si_code == SI_TIMER && limit.active) {
		on_time(now());
	} else if (info->si_code == SI_TIMER) {
		limit.armed_for = 0;
	} else if (info->si_code == SI_QUEUE && info->si_pid == limit.zygote) {
		on_stop((uint64_t) (uintptr_t) info->si_value.sival_ptr);
	}
	errno = saved;
}

static void set_deadline(zend_long seconds)
{
	limit.kill_at = 0;
	if (seconds <= 0 || seconds > 100000000 || !limit.timer_made) {
		limit.deadline = 0;
		if (limit.armed_for != 0) {
			/* The alarm of an earlier request would interrupt a blocking call. */
			arm(0, 0);
		}
		return;
	}
	limit.deadline = now() + (int64_t) seconds * SECOND;
	limit.slack = seconds < 10 ? SHORT_SLACK : SLACK;
	if (limit.armed_for < limit.deadline - limit.slack || limit.armed_for > limit.deadline) {
		arm(limit.deadline, 0);
	}
}

static void start_clock(zend_long seconds)
{
	limit.active = 0;
	zend_atomic_bool_store_ex(&EG(timed_out), false);
	set_deadline(seconds);
	limit.active = 1;
	if (limit.stopping || (limit.stop_job != 0 && limit.stop_job == limit.job)) {
		/* A stop came meanwhile: the timer's signal, due at once, carries it out. */
		limit.stopping = 1;
		limit.kill_at = 0;
		arm(now(), 0);
	}
}

static ZEND_INI_MH(on_max_execution_time)
{
	(void) entry, (void) mh_arg1, (void) mh_arg2, (void) mh_arg3;
	limit.seconds = ZEND_STRTOL(ZSTR_VAL(new_value), NULL, 10);
	if (stage != PHP_INI_STAGE_DEACTIVATE && limit.active && !limit.stopping) {
		start_clock(limit.seconds);
	}
	return SUCCESS;
}

/* Takes max_execution_time and max_input_time out of PHP's hands. */
void pogo_limit_startup(void)
{
	zend_ini_entry *entry =
		zend_hash_str_find_ptr(EG(ini_directives), ZEND_STRL("max_execution_time"));

	limit.seconds = EG(timeout_seconds);
	limit.input_seconds = PG(max_input_time);
	EG(timeout_seconds) = 0;
	PG(max_input_time) = -1;
	if (entry != NULL) {
		entry->on_modify = on_max_execution_time;
	}
}

void pogo_limit_worker(const pogo_worker_config *config)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = POGO_LIMIT_SIGNAL};

	limit.zygote = config->zygote_pid;
	limit.grace = config->grace_ns;
	limit.exit_code = pogo.codes.limit;
	sigemptyset(&action.sa_mask);
	sigaction(POGO_LIMIT_SIGNAL, &action, NULL);
	limit.timer_made = timer_create(CLOCK_MONOTONIC, &event, &limit.timer) == 0;
}

void pogo_limit_begin(uint64_t job, bool has_body)
{
	limit.active = 0;
	limit.job = job;
	limit.stopping = 0;
	start_clock(has_body && limit.input_seconds != -1 ? limit.input_seconds : limit.seconds);
}

/* The script begins: the clock starts anew. */
void pogo_limit_execution(void)
{
	start_clock(limit.seconds);
}

void pogo_limit_end(void)
{
	limit.active = 0;
	if (limit.kill_at != 0) {
		/* The alarm repeats itself now: stop it. */
		arm(0, 0);
		limit.kill_at = 0;
		EG(timeout_seconds) = 0;
	}
	limit.deadline = 0;
	limit.stopping = 0;
	zend_atomic_bool_store_ex(&EG(timed_out), false);
}

zend_long pogo_limit_seconds(void)
{
	return limit.seconds;
}

/* What one request of a resident script set does not bind the next. */
void pogo_limit_restore(zend_long seconds)
{
	zend_string *name;
	char text[24];

	if (limit.seconds == seconds) {
		return;
	}
	name = zend_string_init(ZEND_STRL("max_execution_time"), 0);
	snprintf(text, sizeof(text), ZEND_LONG_FMT, seconds);
	zend_alter_ini_entry_chars(name, text, strlen(text), PHP_INI_SYSTEM, PHP_INI_STAGE_RUNTIME);
	zend_string_release(name);
}

int pogo_limit_signal(void)
{
	return POGO_LIMIT_SIGNAL;
}

bool pogo_stopping(void)
{
	return pogo.worker && zend_atomic_bool_load_ex(&EG(timed_out));
}
