/*
 * PHP's host interface. Each callback asks the host for data and only then acts in
 * PHP: nothing that may bail out runs above a Rust frame.
 */
#include "internal.h"

#include <ext/standard/head.h>
#include <string.h>

/* True while output belongs to a client that waits for it. */
static bool answering(void)
{
	return pogo.phase == POGO_SERVING && !pogo.is_task && !pogo.finished;
}

static size_t write_output(const char *data, size_t len)
{
	if (!pogo.worker) {
		return fwrite(data, 1, len, stderr);
	}
	if (pogo.forked || len == 0 || (pogo.phase == POGO_SERVING && pogo.finished)) {
		return len;
	}
	if (pogo.host.write(pogo.host.ctx, data, len) == POGO_GONE) {
		php_handle_aborted_connection();
	}
	return len;
}

static void flush_output(void *server_context)
{
	(void) server_context;
	if (pogo.forked || !answering()) {
		return;
	}
	sapi_send_headers();
	if (pogo.host.flush(pogo.host.ctx) == POGO_GONE) {
		php_handle_aborted_connection();
	}
}

/* PHP's list of header lines as the host takes it. The lines stay PHP's; free the array. */
static pogo_str *collect_lines(sapi_headers_struct *headers, size_t *count)
{
	pogo_str *lines = safe_emalloc(zend_llist_count(&headers->headers) + 1, sizeof(pogo_str), 0);
	zend_llist_position position;
	sapi_header_struct *header = zend_llist_get_first_ex(&headers->headers, &position);

	*count = 0;
	while (header != NULL) {
		lines[(*count)++] = pogo_str_of(header->header, header->header_len);
		header = zend_llist_get_next_ex(&headers->headers, &position);
	}
	return lines;
}

static int send_headers(sapi_headers_struct *headers)
{
	size_t count;
	pogo_str *lines;
	int status = headers->http_response_code;

	if (pogo.forked || !answering()) {
		return pogo.finished ? SAPI_HEADER_SEND_FAILED : SAPI_HEADER_SENT_SUCCESSFULLY;
	}
	lines = collect_lines(headers, &count);
	pogo.host.head(pogo.host.ctx, status ? status : 200, lines, count);
	pogo.headed = true;
	efree(lines);
	return SAPI_HEADER_SENT_SUCCESSFULLY;
}

int pogo_send_informational(int status)
{
	size_t count;
	pogo_str *lines;
	int sent;

	if (pogo.forked || !answering() || SG(headers_sent)) {
		return SAPI_HEADER_SEND_FAILED;
	}
	lines = collect_lines(&SG(sapi_headers), &count);
	sent = pogo.host.inform(pogo.host.ctx, status, lines, count);
	efree(lines);
	return sent == POGO_SENT ? SAPI_HEADER_SENT_SUCCESSFULLY : SAPI_HEADER_SEND_FAILED;
}

static size_t read_post(char *buffer, size_t len)
{
	if (pogo.forked || pogo.phase != POGO_SERVING || pogo.is_task) {
		return 0;
	}
	return pogo.host.read_body(pogo.host.ctx, buffer, len);
}

/* PHP keeps the pointer until the request ends and does not free it. */
static char *read_cookies(void)
{
	if (pogo.phase != POGO_SERVING || pogo.is_task) {
		return NULL;
	}
	return (char *) pogo.work.cookie.ptr;
}

static void log_message(const char *message, int syslog_type)
{
	if (!pogo.worker) {
		pogo_collect_boot_message(message);
		return;
	}
	if (!pogo.forked) {
		pogo_str text = pogo_str_of(message, strlen(message));
		pogo.host.log(pogo.host.ctx, POGO_LOG_ERROR, syslog_type, text, pogo_str_of("", 0));
	}
}

static zend_result request_time(double *time)
{
	if (pogo.phase != POGO_SERVING || pogo.work.accepted_ns == 0) {
		return FAILURE;
	}
	*time = (double) pogo.work.accepted_ns / 1e9;
	return SUCCESS;
}

/*
 * Called late in PHP's request shutdown, when all output is out and the memory is not
 * yet freed. A large request's client need not wait for that.
 */
static int deactivate(void)
{
	if (answering() && !pogo.forked && !pogo.resident && zend_memory_usage(0) > 8 * 1024 * 1024) {
		pogo.host.finish(pogo.host.ctx);
		pogo.finished = true;
	}
	return SUCCESS;
}

static int module_startup(sapi_module_struct *module)
{
	(void) module;
	return SUCCESS;
}

sapi_module_struct pogo_sapi_module = {
	.name = (char *) "frankenphp",
	.pretty_name = (char *) "FrankenPHP",
	.startup = module_startup,
	.shutdown = php_module_shutdown_wrapper,
	.deactivate = deactivate,
	.ub_write = write_output,
	.flush = flush_output,
	.sapi_error = php_error,
	.send_headers = send_headers,
	.read_post = read_post,
	.read_cookies = read_cookies,
	.register_server_variables = pogo_register_variables,
	.log_message = log_message,
	.get_request_time = request_time,
};

/* Points PHP at the work that the host handed out; the strings stay the host's. */
void pogo_bind_work(void)
{
	sapi_request_info *info = &SG(request_info);
	const pogo_work *work = &pogo.work;
	bool request = pogo.phase == POGO_SERVING && !pogo.is_task;

	SG(server_context) = &pogo;
	SG(options) |= SAPI_OPTION_NO_CHDIR;
	SG(sapi_headers).http_response_code = 200;
	info->no_headers = 0;
	info->headers_only = 0;
	info->request_method = request ? work->method.ptr : (pogo.phase == POGO_BOOTING ? "GET" : NULL);
	info->query_string = (char *) (request ? work->query.ptr : "");
	info->request_uri = (char *) (request ? work->uri.ptr : "");
	info->content_type = request ? work->content_type.ptr : NULL;
	info->content_length = request ? (zend_long) work->content_length : 0;
	info->path_translated = (char *) (request ? work->path_translated.ptr : NULL);
	info->proto_num = request ? work->proto : 1001;
	info->cookie_data = NULL;
	php_handle_auth_data(request ? work->authorization.ptr : NULL);
}

void pogo_unbind_work(void)
{
	sapi_request_info *info = &SG(request_info);

	info->request_method = NULL;
	info->query_string = NULL;
	info->request_uri = NULL;
	info->content_type = NULL;
	info->content_length = 0;
	info->path_translated = NULL;
	info->cookie_data = NULL;
	/* PHP has freed these and would do so again when a resident script ends. */
	info->auth_user = NULL;
	info->auth_password = NULL;
	info->auth_digest = NULL;
	info->content_type_dup = NULL;
	info->current_user = NULL;
}

/* Completes the answer while the script goes on; false when it is complete already. */
bool pogo_finish_answer(void)
{
	if (!answering() || pogo.forked) {
		return false;
	}
	php_output_end_all();
	php_header();
	pogo.host.finish(pogo.host.ctx);
	pogo.finished = true;
	return true;
}
