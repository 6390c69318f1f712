/*
 * Resident scripts: frankenphp_handle_request(), and what must be renewed between two
 * requests so that nothing of one reaches the next.
 */
#include "internal.h"

#include <Zend/zend_smart_str.h>
#include <ext/standard/head.h>
#include <main/php_streams.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#if defined(HAVE_PHP_SESSION) && !defined(COMPILE_DL_SESSION)
#include <ext/session/php_session.h>
#define POGO_SESSION_IS_BUILT_IN 1
#else
#define POGO_SESSION_IS_BUILT_IN 0
#endif

/* Extensions whose request phases run for each request: their state is the request's. */
static const char *const renewed_modules[] = {
	"filter",
	"zlib",
#if !POGO_SESSION_IS_BUILT_IN
	"session",
#endif
};

static void renew_modules(bool startup)
{
	size_t i;

	for (i = 0; i < sizeof(renewed_modules) / sizeof(renewed_modules[0]); i++) {
		const char *name = renewed_modules[i];
		zend_module_entry *module = zend_hash_str_find_ptr(&module_registry, name, strlen(name));

		if (module == NULL) {
			continue;
		}
		if (startup && module->request_startup_func != NULL) {
			module->request_startup_func(module->type, module->module_number);
		} else if (!startup && module->request_shutdown_func != NULL) {
			module->request_shutdown_func(module->type, module->module_number);
		}
	}
}

/* A session's id and data never outlive the request; handlers that the script set do. */
static void forget_session(void)
{
#if POGO_SESSION_IS_BUILT_IN
	if (PS(session_status) == php_session_active) {
		php_session_flush(1);
	}
	if (!Z_ISUNDEF(PS(http_session_vars))) {
		zval_ptr_dtor(&PS(http_session_vars));
		ZVAL_UNDEF(&PS(http_session_vars));
	}
	if (PS(mod) != NULL && (PS(mod_data) || PS(mod_user_implemented))) {
		PS(mod)->s_close(&PS(mod_data));
	}
	if (PS(id) != NULL) {
		zend_string_release_ex(PS(id), 0);
		PS(id) = NULL;
	}
	if (PS(session_vars) != NULL) {
		zend_string_release_ex(PS(session_vars), 0);
		PS(session_vars) = NULL;
	}
#if PHP_VERSION_ID >= 80300
	if (PS(session_started_filename) != NULL) {
		zend_string_release(PS(session_started_filename));
		PS(session_started_filename) = NULL;
		PS(session_started_lineno) = 0;
	}
#endif
	PS(session_status) = php_session_none;
	PS(in_save_handler) = 0;
	PS(set_handler) = 0;
	PS(mod_data) = NULL;
	PS(mod_user_is_open) = 0;
	PS(define_sid) = 1;
#endif
}

/* What an unfinished rewriting of URLs holds: variables such as a session's id. */
static void forget_rewriting(url_adapt_state_ex_t *state)
{
	smart_str_free(&state->buf);
	smart_str_free(&state->result);
	smart_str_free(&state->tag);
	smart_str_free(&state->arg);
	smart_str_free(&state->attr_val);
	smart_str_free(&state->url_app);
	smart_str_free(&state->form_app);
	state->active = 0;
	state->tag_type = 0;
	state->attr_type = 0;
}

/* error_get_last() speaks of this request only. */
static void forget_error(void)
{
	if (PG(last_error_message) != NULL) {
		PG(last_error_type) = 0;
		PG(last_error_lineno) = 0;
		zend_string_release(PG(last_error_message));
		PG(last_error_message) = NULL;
	}
	if (PG(last_error_file) != NULL) {
		zend_string_release(PG(last_error_file));
		PG(last_error_file) = NULL;
	}
}

/* Headers that the script set while nobody was to get them. */
static void forget_headers(void)
{
	sapi_headers_struct *headers = &SG(sapi_headers);

	zend_llist_destroy(&headers->headers);
	if (headers->mimetype != NULL) {
		efree(headers->mimetype);
		headers->mimetype = NULL;
	}
	if (headers->http_status_line != NULL) {
		efree(headers->http_status_line);
		headers->http_status_line = NULL;
	}
	zval_ptr_dtor(&SG(callback_func));
	ZVAL_UNDEF(&SG(callback_func));
}

static void start_session(void)
{
#if POGO_SESSION_IS_BUILT_IN
	if (PS(auto_start) && !pogo.is_task) {
		php_session_start();
	}
#endif
}

static bool is_input_stream(const php_stream *stream)
{
	return stream->ops != NULL && stream->ops->label != NULL
		&& strcmp(stream->ops->label, "Input") == 0;
}

/*
 * The stream that holds a request's body stays in the list of resources, and handles of
 * php://input that the script kept point at it: both go.
 */
static void forget_body(php_stream *body)
{
	zend_resource *resource;

	if (body == NULL || body->res == NULL) {
		return;
	}
	ZEND_HASH_FOREACH_PTR(&EG(regular_list), resource) {
		if (resource != NULL && resource->ptr != NULL && resource->type == php_file_le_stream()
				&& is_input_stream(resource->ptr)) {
			zend_list_close(resource);
		}
	} ZEND_HASH_FOREACH_END();
	if (!body->__exposed && GC_REFCOUNT(body->res) == 1) {
		php_stream_close(body);
	}
}

/*
 * Rebuilds the superglobals, all but $_ENV. One that is built at its first use and was
 * not used yet still waits for that.
 */
static void renew_superglobals(void)
{
	zend_auto_global *global;

	zend_hash_str_del_ind(&EG(symbol_table), ZEND_STRL("_SESSION"));
	ZEND_HASH_FOREACH_PTR(CG(auto_globals), global) {
		if (global->auto_global_callback == NULL || (global->jit && global->armed)
				|| zend_string_equals_literal(global->name, "_ENV")) {
			continue;
		}
		global->armed = global->auto_global_callback(global->name);
	} ZEND_HASH_FOREACH_END();
}

static void start_output_handlers(void)
{
	zval handler;

	if (PG(output_handler) && PG(output_handler)[0]) {
		ZVAL_STRING(&handler, PG(output_handler));
		php_output_start_user(&handler, 0, PHP_OUTPUT_HANDLER_STDFLAGS);
		zval_ptr_dtor(&handler);
	} else if (PG(output_buffering)) {
		/* On is 1 and means no bound. */
		size_t size = PG(output_buffering) > 1 ? (size_t) PG(output_buffering) : 0;

		php_output_start_user(NULL, size, PHP_OUTPUT_HANDLER_STDFLAGS);
	} else if (PG(implicit_flush)) {
		php_output_set_implicit_flush(1);
	}
}

/* What php_request_startup() does, without forgetting the script. */
static void begin_request(void)
{
	pogo.phase = POGO_SERVING;
	pogo.finished = false;
	pogo.headed = false;
	pogo_bind_work();
	EG(exit_status) = 0;
	PG(header_is_being_sent) = 0;
	PG(connection_status) = PHP_CONNECTION_NORMAL;
	PG(in_error_log) = 0;
	PG(in_user_include) = 0;
	zval_ptr_dtor_nogc(&PG(http_globals)[TRACK_VARS_FILES]);
	ZVAL_UNDEF(&PG(http_globals)[TRACK_VARS_FILES]);
	php_output_activate();
	sapi_activate();
	SG(sapi_started) = 1;
	if (PG(expose_php) && !pogo.is_task) {
		sapi_add_header(SAPI_PHP_VERSION_HEADER, sizeof(SAPI_PHP_VERSION_HEADER) - 1, 1);
	}
	start_output_handlers();
	renew_superglobals();
	renew_modules(true);
	start_session();
}

/* An exception of an output or session handler ends nothing but itself. */
static void report_exception(void)
{
	zend_object *exception = EG(exception);

	if (exception != NULL && !zend_is_unwind_exit(exception) && !zend_is_graceful_exit(exception)) {
		zend_exception_error(exception, E_ERROR);
	}
}

/* What php_request_shutdown() does, without forgetting the script. */
static void end_request(void)
{
	php_stream *body;

	php_output_end_all();
	report_exception();
	renew_modules(false);
	forget_session();
	report_exception();
	/* May call the script's header callback. */
	php_header();
	report_exception();
	php_output_deactivate();
	SG(post_read) = 1;
	body = SG(request_info).request_body;
	sapi_deactivate();
	forget_body(body);
	forget_rewriting(&BG(url_adapt_session_ex));
	forget_rewriting(&BG(url_adapt_output_ex));
	forget_error();
	pogo_unbind_work();
	zend_set_memory_limit(PG(memory_limit));
}

/* Between two requests output goes to the log. */
static void begin_waiting(void)
{
	pogo.phase = POGO_WAITING;
	SG(request_info).no_headers = 1;
	php_output_activate();
}

static void end_waiting(void)
{
	php_output_end_all();
	php_output_deactivate();
	forget_headers();
}

/* False when the callback called exit(): the script unwinds, its last words are the request's. */
static bool run_callback(zend_fcall_info *fci, zend_fcall_info_cache *fcc)
{
	zval result, message;
	bool going_on = true;

	ZVAL_UNDEF(&result);
	ZVAL_UNDEF(&message);
	fci->retval = &result;
	fci->params = NULL;
	fci->param_count = 0;
	if (pogo.is_task) {
		ZVAL_STRINGL(&message, pogo.work.message.ptr, pogo.work.message.len);
		fci->params = &message;
		fci->param_count = 1;
	}
	zend_call_function(fci, fcc);
	report_exception();
	if (EG(exception) != NULL) {
		going_on = false;
	} else if (pogo.is_task && !pogo.forked) {
		pogo_report_result(&result);
	}
	zval_ptr_dtor(&message);
	zval_ptr_dtor(&result);
	return going_on;
}

static bool take_work(void)
{
	int next;

	if (pogo.draining || pogo.forked) {
		return false;
	}
	next = pogo.host.next(pogo.host.ctx, &pogo.work);
	pogo.draining = next == POGO_NEXT_END;
	pogo.is_task = next == POGO_NEXT_TASK;
	return !pogo.draining;
}

/* The child of a script that forked has nothing to come back to. */
static void leave_if_forked(void)
{
	if (pogo.forked) {
		_exit(EG(exit_status));
	}
}

static bool may_handle(void)
{
	if (!pogo.resident) {
		zend_throw_exception(spl_ce_RuntimeException,
			"frankenphp_handle_request() called while not in worker mode", 0);
		return false;
	}
	/* In the callback, or in a shutdown function after exit() in one. */
	if (pogo.phase == POGO_SERVING) {
		zend_throw_exception(spl_ce_RuntimeException,
			"frankenphp_handle_request() called while handling a request", 0);
		return false;
	}
	return true;
}

PHP_FUNCTION(frankenphp_handle_request)
{
	zend_fcall_info fci;
	zend_fcall_info_cache fcc;
	zend_long seconds;

	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_FUNC(fci, fcc)
	ZEND_PARSE_PARAMETERS_END();
	if (!may_handle()) {
		RETURN_THROWS();
	}
	if (!pogo.looped) {
		pogo.looped = true;
		end_request();
		begin_waiting();
	}
	if (!take_work()) {
		leave_if_forked();
		RETURN_FALSE;
	}
	end_waiting();
	seconds = pogo_limit_seconds();
	pogo_limit_begin(pogo.work.id, !pogo.is_task && pogo.work.content_length != 0);
	begin_request();
	pogo_limit_execution();
	if (!run_callback(&fci, &fcc)) {
		return;
	}
	leave_if_forked();
	end_request();
	if (EG(exception) != NULL) {
		/* exit() in an output or session handler. */
		return;
	}
	pogo.draining = pogo.host.done(pogo.host.ctx, false);
	pogo_limit_end();
	pogo_limit_restore(seconds);
	begin_waiting();
	RETURN_TRUE;
}

/* A script that failed before its first request says why, even when nothing is logged. */
static void explain_failed_boot(void)
{
	zend_string *message = PG(last_error_message);

	if (message != NULL && !PG(log_errors) && !PG(display_errors)) {
		pogo.host.log(pogo.host.ctx, POGO_LOG_ERROR, LOG_ERR, pogo_str_of_zend(message),
			pogo_str_of("", 0));
	}
}

static int close_script(bool whole)
{
	bool open;

	if (!pogo.looped) {
		explain_failed_boot();
	}
	SG(post_read) = 1;
	php_request_shutdown(NULL);
	leave_if_forked();
	open = pogo.phase == POGO_SERVING;
	if (open) {
		pogo.host.done(pogo.host.ctx, true);
		pogo_limit_end();
		pogo.phase = POGO_WAITING;
	}
	if (!pogo.looped) {
		return pogo.codes.no_loop;
	}
	return open || !whole ? pogo.codes.bailout : pogo.codes.ok;
}

int pogo_resident_run(void)
{
	zend_file_handle file;

	pogo.phase = POGO_BOOTING;
	pogo_bind_work();
	if (php_request_startup() == FAILURE) {
		return pogo.codes.no_loop;
	}
#ifdef ZEND_SIGNALS
	SIGG(reset) = 0;
#endif
	PG(ignore_user_abort) = 1;
	EG(exit_status) = 0;
	CG(skip_shebang) = 1;
	zend_stream_init_filename(&file, pogo.script);
	file.primary_script = 1;
	pogo_enter_folder(pogo.script);
	php_execute_script(&file);
	if (!file.in_list) {
		zend_destroy_file_handle(&file);
	}
	return close_script(!CG(unclean_shutdown));
}
