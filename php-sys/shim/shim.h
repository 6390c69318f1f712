/*
 * What the shim offers to Rust and asks of it: integers, pointer and length, and
 * the structures below. No PHP type passes here.
 *
 * Ownership: every pointer in pogo_work belongs to the host and stays valid until
 * the host's next() is called again or the work is done. Every pointer handed to a
 * host function belongs to the shim or to PHP and is valid during that call only.
 */
#ifndef POGO_SHIM_H
#define POGO_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The signal of time limits and stops; a stop carries the job's id as its value. */
#define POGO_LIMIT_SIGNAL (SIGRTMIN + 3)

#define POGO_VARS 26
#define POGO_HEADERS 44

/* Bytes with a NUL behind them that len does not count; ptr is NULL when absent. */
typedef struct {
	const char *ptr;
	size_t len;
} pogo_str;

/* A request header: its number in the table of known names, or 0 and its name. */
typedef struct {
	uint16_t number;
	pogo_str name;
	pogo_str value;
} pogo_header;

typedef struct {
	pogo_str name;
	pogo_str value;
} pogo_pair;

/* What next() hands out: a request, or a task of which only id and message count. */
typedef struct {
	uint64_t id;
	uint64_t accepted_ns;
	int64_t content_length;
	uint16_t proto;
	pogo_str method;
	pogo_str uri;
	pogo_str query;
	pogo_str script;
	pogo_str path_translated;
	pogo_str content_type;
	pogo_str cookie;
	pogo_str authorization;
	pogo_str vars[POGO_VARS];
	const pogo_header *headers;
	size_t headers_len;
	const pogo_pair *env;
	size_t env_len;
	pogo_str message;
} pogo_work;

enum pogo_next { POGO_NEXT_END = 0, POGO_NEXT_REQUEST = 1, POGO_NEXT_TASK = 2 };

/* How much of the answer the host could take. */
enum pogo_sent { POGO_SENT = 0, POGO_GONE = 1 };

enum pogo_spawned {
	POGO_SPAWN_OK = 0,
	POGO_SPAWN_UNCONFIGURED = 1,
	POGO_SPAWN_UNKNOWN_POOL = 2,
	POGO_SPAWN_CLOSING = 3,
	POGO_SPAWN_NO_CLASS = 4,
	POGO_SPAWN_TOO_LONG = 5,
};

enum pogo_awaited {
	POGO_AWAIT_ENVELOPE = 0,
	POGO_AWAIT_ERROR = 1,
	POGO_AWAIT_TIMEOUT = 2,
	POGO_AWAIT_UNKNOWN = 3,
	POGO_AWAIT_UNCONFIGURED = 4,
	POGO_AWAIT_INTERRUPTED = 5,
};

/* Where a log line comes from; the numbers are the wire's. */
enum pogo_log_source { POGO_LOG_ERROR = 0, POGO_LOG_CALL = 1, POGO_LOG_OUTPUT = 2 };

/* How a task ended; the numbers are the wire's. */
enum pogo_outcome { POGO_OUTCOME_ENVELOPE = 0, POGO_OUTCOME_ERROR = 1 };

/*
 * What Rust does for the shim. None of these calls PHP, unwinds, or keeps a pointer
 * it was given. ctx is passed back untouched.
 */
typedef struct {
	void *ctx;
	/* Says that the worker is idle and waits for work; fills *work. */
	int (*next)(void *ctx, pogo_work *work);
	/* Status and header lines of the answer; sent with the first bytes. */
	void (*head)(void *ctx, int status, const pogo_str *lines, size_t count);
	/* An interim answer, sent at once. */
	int (*inform)(void *ctx, int status, const pogo_str *lines, size_t count);
	/* Bytes of the answer, or of a script's output outside a request. */
	int (*write)(void *ctx, const char *data, size_t len);
	/* Sends what is buffered. */
	int (*flush)(void *ctx);
	/* Reads the request's body until len bytes or its end. */
	size_t (*read_body)(void *ctx, char *buffer, size_t len);
	/* The answer is complete; the script may go on. */
	void (*finish)(void *ctx);
	/* The work has ended; exits says that the process will not take more. True asks it not to. */
	bool (*done)(void *ctx, bool exits);
	void (*log)(void *ctx, int source, int64_t level, pogo_str message, pogo_str context);
	/* Spawns a task; has_class is checked behind the pool, as callers expect. */
	int (*spawn)(void *ctx, pogo_str pool, bool has_class, pogo_str message, int64_t *task);
	/* Waits for a task at most the seconds given; text is valid until the next await. */
	int (*await)(void *ctx, int64_t task, double seconds, pogo_str *text);
	/* The number of workers of a pool, or a pogo_spawned other than OK. */
	int (*pool_size)(void *ctx, pogo_str pool, uint32_t *size);
	/* How the current task ended. */
	void (*task_done)(void *ctx, int outcome, pogo_str text);
	/* The text of a duration in seconds as Go prints it; valid until the next call. */
	pogo_str (*duration)(void *ctx, double seconds);
	/* A name quoted as Go's %q does; valid until the next call. */
	pogo_str (*quote)(void *ctx, pogo_str name);
	/* The program is a child that a script forked: closes what is its parent's. */
	void (*forked)(void *ctx);
} pogo_host;

/* Names known to both sides: var names, and headers as HTTP and as PHP have them. */
typedef struct {
	const pogo_str *vars;
	const pogo_str *headers;
	const pogo_str *header_vars;
} pogo_names;

typedef struct {
	const char *php_version;
	bool zts;
	bool opcache;
} pogo_boot_info;

/*
 * Starts PHP. ini holds "key=value\n" lines and must live as long as the process.
 * Returns false when PHP does not start; pogo_boot_messages() then says why.
 */
bool pogo_boot(const pogo_names *names, char *ini, pogo_boot_info *info);

/* What PHP logged while it started. Valid until the first worker runs. */
pogo_str pogo_boot_messages(void);

/* The PHP this shim was compiled against. */
const char *pogo_php_version(void);

typedef struct {
	pogo_host host;
	/* Absolute path of the resident script; NULL for a classic worker. */
	const char *script;
	bool tasks;
	int64_t grace_ns;
	/* The zygote, which alone may ask for a stop by POGO_LIMIT_SIGNAL. */
	int zygote_pid;
} pogo_worker_config;

/* The exit codes of pogo_worker_run, chosen by the caller. */
typedef struct {
	int ok;
	int bailout;
	int no_loop;
	int limit;
} pogo_exit_codes;

/* Serves until there is no more work; returns the exit code. Called once, in a forked child. */
int pogo_worker_run(const pogo_worker_config *config, pogo_exit_codes codes);

/* POGO_LIMIT_SIGNAL as a number. */
int pogo_limit_signal(void);

/* Whether the running work was told to stop: a blocking call must not be repeated. */
bool pogo_stopping(void);

/* PHP's command line: runs a file, or code when is_code. Returns the exit status. */
int pogo_cli(int argc, char **argv, const char *script, bool is_code);

#endif
