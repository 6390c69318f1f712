/* Classic workers: one run of the request's script, then everything is forgotten. */
#include "internal.h"

#include <string.h>
#include <unistd.h>

/* A script runs in its own folder. The call is saved when the folder is still the same. */
void pogo_enter_folder(const char *script)
{
	static char last[MAXPATHLEN];
	const char *slash = strrchr(script, '/');
	size_t len = slash ? (size_t) (slash - script) : 0;

	if (len == 0) {
		len = 1;
	}
	if (slash == NULL || len >= sizeof(last)) {
		return;
	}
#ifndef ZTS
	if (!pogo.cwd_moved && strlen(last) == len && memcmp(last, script, len) == 0) {
		return;
	}
#endif
	memcpy(last, script, len);
	last[len] = '\0';
	pogo.cwd_moved = VCWD_CHDIR(last) != 0;
}

/*
 * PHP answers a missing script with two warnings, a fatal error and 200. A name that holds
 * a NUL is that of no script, though PHP would run the file that its beginning names.
 */
static bool is_there(zend_string *script)
{
	bool cut = ZSTR_LEN(script) != pogo.work.script.len;
	zend_string *resolved = cut ? NULL : zend_resolve_path(script);

	if (resolved == NULL) {
		SG(sapi_headers).http_response_code = 404;
		php_printf("File not found.\n");
		return false;
	}
	zend_string_release(resolved);
	return true;
}

static void run_script(void)
{
	zend_file_handle file;

	zend_stream_init_filename(&file, pogo.work.script.ptr);
	file.primary_script = 1;
	CG(skip_shebang) = 1;
	EG(exit_status) = 0;
	if (is_there(file.filename)) {
		pogo_enter_folder(pogo.work.script.ptr);
		php_execute_script(&file);
	}
	if (!file.in_list) {
		zend_destroy_file_handle(&file);
	}
}

/* False when PHP bailed out: the process must not serve again. */
static bool serve_one(void)
{
	bool whole;

	pogo.phase = POGO_SERVING;
	pogo.is_task = false;
	pogo.finished = false;
	pogo.headed = false;
	pogo_bind_work();
	pogo_limit_begin(pogo.work.id, pogo.work.content_length != 0);
	if (php_request_startup() == FAILURE) {
		return false;
	}
#ifdef ZEND_SIGNALS
	SIGG(reset) = 0;
#endif
	pogo_limit_execution();
	run_script();
	whole = !CG(unclean_shutdown);
	/* What PHP has not read of the body, the server throws away. */
	SG(post_read) = 1;
	php_request_shutdown(NULL);
	whole = whole && !CG(unclean_shutdown);
	pogo_unbind_work();
	return whole;
}

int pogo_classic_run(void)
{
	for (;;) {
		bool whole, enough;

		pogo.phase = POGO_WAITING;
		if (pogo.host.next(pogo.host.ctx, &pogo.work) != POGO_NEXT_REQUEST) {
			return pogo.codes.ok;
		}
		whole = serve_one();
		if (pogo.forked) {
			_exit(EG(exit_status));
		}
		/* The last bytes are held to the limit too: the server may have no room for them. */
		enough = pogo.host.done(pogo.host.ctx, !whole);
		pogo_limit_end();
		if (!whole) {
			return pogo.codes.bailout;
		}
		if (enough) {
			return pogo.codes.ok;
		}
	}
}
