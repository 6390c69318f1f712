/* PHP's command line: php-cli FILE args… and php-cli -r CODE args…. */
#include "internal.h"

#include <errno.h>
#include <main/php_streams.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char *const cli_ini =
	"html_errors=0\nregister_argc_argv=1\nimplicit_flush=1\noutput_buffering=0\n"
	"max_execution_time=0\nmax_input_time=-1\n";

/* What $_SERVER names the script. */
static const char *script_name = "";

static void write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			php_handle_aborted_connection();
			return;
		}
		data += n;
		len -= (size_t) n;
	}
}

static size_t cli_write(const char *data, size_t len)
{
	write_all(STDOUT_FILENO, data, len);
	return len;
}

static void cli_log(const char *message, int syslog_type)
{
	(void) syslog_type;
	fprintf(stderr, "%s\n", message);
}

static int cli_headers(sapi_headers_struct *headers)
{
	(void) headers;
	return SAPI_HEADER_SENT_SUCCESSFULLY;
}

/* A script may set headers, and nobody sees them. */
static int cli_header(sapi_header_struct *header, sapi_header_op_enum op,
	sapi_headers_struct *headers)
{
	(void) header, (void) op, (void) headers;
	return 0;
}

static char *cli_cookies(void)
{
	return NULL;
}

static void cli_variables(zval *track_vars)
{
	static const char *const names[] = {
		"PHP_SELF", "SCRIPT_NAME", "SCRIPT_FILENAME", "PATH_TRANSLATED",
	};
	size_t i;

	php_import_environment_variables(track_vars);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		php_register_variable(names[i], script_name, track_vars);
	}
	php_register_variable("DOCUMENT_ROOT", "", track_vars);
}

static void cli_ini_defaults(HashTable *configuration)
{
	zval value;

	ZVAL_NEW_STR(&value, zend_string_init("1", 1, true));
	zend_hash_str_update(configuration, ZEND_STRL("display_errors"), &value);
}

static int cli_startup(sapi_module_struct *module)
{
	(void) module;
	return SUCCESS;
}

static sapi_module_struct cli_module = {
	.name = (char *) "cli",
	.pretty_name = (char *) "Command Line Interface",
	.startup = cli_startup,
	.shutdown = php_module_shutdown_wrapper,
	.ub_write = cli_write,
	.sapi_error = php_error,
	.header_handler = cli_header,
	.send_headers = cli_headers,
	.read_cookies = cli_cookies,
	.register_server_variables = cli_variables,
	.log_message = cli_log,
	.ini_defaults = cli_ini_defaults,
	.phpinfo_as_text = 1,
};

static void define_stream(const char *name, size_t name_len, const char *url, const char *mode)
{
	php_stream_context *context = php_stream_context_alloc();
	php_stream *stream = php_stream_open_wrapper_ex(url, mode, 0, NULL, context);
	zend_constant constant = {0};

	if (stream == NULL) {
		return;
	}
	/* Closing the constant must not close the descriptor: other handles share it. */
	stream->flags |= PHP_STREAM_FLAG_NO_RSCR_DTOR_CLOSE;
	php_stream_to_zval(stream, &constant.value);
	Z_CONSTANT_FLAGS(constant.value) = 0;
	constant.name = zend_string_init_interned(name, name_len, false);
	zend_register_constant(&constant);
}

static void define_streams(void)
{
	define_stream(ZEND_STRL("STDIN"), "php://stdin", "rb");
	define_stream(ZEND_STRL("STDOUT"), "php://stdout", "wb");
	define_stream(ZEND_STRL("STDERR"), "php://stderr", "wb");
}

static void run_file(const char *script)
{
	zend_file_handle file;

	zend_stream_init_filename(&file, script);
	file.primary_script = 1;
	CG(skip_shebang) = 1;
	php_execute_script(&file);
	if (!file.in_list) {
		zend_destroy_file_handle(&file);
	}
}

static int run(int argc, char **argv, const char *script, bool is_code)
{
	volatile int status = 255;

	zend_first_try {
		SG(options) |= SAPI_OPTION_NO_CHDIR;
		SG(headers_sent) = 1;
		SG(request_info).no_headers = 1;
		SG(request_info).argc = argc;
		SG(request_info).argv = argv;
		SG(request_info).path_translated = (char *) (is_code ? NULL : script);
		if (php_request_startup() == SUCCESS) {
			SG(headers_sent) = 1;
			SG(request_info).no_headers = 1;
			define_streams();
			EG(exit_status) = 0;
			if (is_code) {
				zend_try {
					zend_eval_string_ex((char *) script, NULL, "Command line code", true);
				} zend_end_try();
			} else {
				run_file(script);
			}
			php_request_shutdown(NULL);
			status = EG(exit_status);
		}
	} zend_end_try();
	return status;
}

int pogo_cli(int argc, char **argv, const char *script, bool is_code)
{
	int status;

	if (!is_code && access(script, R_OK) != 0) {
		printf("Could not open input file: %s\n", script);
		fflush(stdout);
		return 1;
	}
	script_name = is_code ? argv[0] : script;
	signal(SIGPIPE, SIG_IGN);
#ifdef ZTS
	php_tsrm_startup();
	ZEND_TSRMLS_CACHE_UPDATE();
#endif
	zend_signal_startup();
	sapi_startup(&cli_module);
	cli_module.php_ini_ignore_cwd = 1;
	cli_module.ini_entries = (char *) cli_ini;
	if (php_module_startup(&cli_module, NULL) == FAILURE) {
		return 255;
	}
	status = run(argc, argv, script, is_code);
	php_module_shutdown();
	sapi_shutdown();
	return status;
}
