/* $_SERVER, $_ENV, getenv() and what stands behind them. */
#include "internal.h"

#include <string.h>

extern char **environ;

static zend_string *var_keys[POGO_VARS];
static zend_string *header_keys[POGO_HEADERS];
static zend_string *header_names[POGO_HEADERS];
static zend_string *path_translated_key;
static zend_string *remote_user_key;
static zend_string *content_type_key;
static zend_string *query_string_key;

/* The server's environment as it was at start, as strings that no request counts. */
static HashTable os_env;
static bool filtering;
static zif_handler original_getenv;
static void (*original_import)(zval *array);

static zend_string *forever(const char *ptr, size_t len)
{
	return zend_string_init_interned(ptr, len, true);
}

static void keep_environment(void)
{
	char **line;

	zend_hash_init(&os_env, 32, NULL, NULL, true);
	for (line = environ; line != NULL && *line != NULL; line++) {
		const char *sign = strchr(*line, '=');
		zval value;

		if (sign == NULL || sign == *line) {
			continue;
		}
		ZVAL_INTERNED_STR(&value, forever(sign + 1, strlen(sign + 1)));
		zend_hash_update(&os_env, forever(*line, (size_t) (sign - *line)), &value);
	}
}

void pogo_vars_startup(const pogo_names *names)
{
	const char *filter = zend_ini_string("filter.default", sizeof("filter.default") - 1, 0);
	size_t i;

	/* Strings interned for a request would be forgotten at the first request's end. */
	zend_interned_strings_switch_storage(false);
	for (i = 0; i < POGO_VARS; i++) {
		var_keys[i] = forever(names->vars[i].ptr, names->vars[i].len);
	}
	for (i = 0; i < POGO_HEADERS; i++) {
		header_names[i] = forever(names->headers[i].ptr, names->headers[i].len);
		header_keys[i] = forever(names->header_vars[i].ptr, names->header_vars[i].len);
	}
	path_translated_key = forever(ZEND_STRL("PATH_TRANSLATED"));
	remote_user_key = forever(ZEND_STRL("REMOTE_USER"));
	content_type_key = forever(ZEND_STRL("CONTENT_TYPE"));
	query_string_key = forever(ZEND_STRL("QUERY_STRING"));
	keep_environment();
	zend_interned_strings_switch_storage(true);
	filtering = filter != NULL && *filter != '\0' && strcmp(filter, "unsafe_raw") != 0;
}

zend_string *pogo_header_name(uint16_t number)
{
	return number >= 1 && number <= POGO_HEADERS ? header_names[number - 1] : NULL;
}

static void make_value(zval *value, const char *name, pogo_str text)
{
	char *filtered;
	size_t len = text.len;

	if (!filtering) {
		ZVAL_STRINGL_FAST(value, text.ptr, text.len);
		return;
	}
	filtered = estrndup(text.ptr, text.len);
	if (sapi_module.input_filter(PARSE_SERVER, name, &filtered, len, &len)) {
		ZVAL_STRINGL(value, filtered, len);
	} else {
		ZVAL_EMPTY_STRING(value);
	}
	efree(filtered);
}

static void set(HashTable *vars, zend_string *key, pogo_str text)
{
	zval value;

	make_value(&value, ZSTR_VAL(key), text);
	zend_hash_update(vars, key, &value);
}

static void set_named(HashTable *vars, const char *name, size_t name_len, pogo_str text)
{
	zval value;

	make_value(&value, name, text);
	zend_symtable_str_update(vars, name, name_len, &value);
}

static void set_literal(HashTable *vars, const char *name, const char *text)
{
	set_named(vars, name, strlen(name), pogo_str_of(text, strlen(text)));
}

/* A header that is not in the table: upper case, and PHP's own rules for odd names. */
static void set_header(zval *track_vars, const pogo_header *header)
{
	char fixed[128];
	size_t len = header->name.len + 5;
	char *name = len < sizeof(fixed) ? fixed : emalloc(len + 1);
	size_t i;

	memcpy(name, "HTTP_", 5);
	for (i = 0; i < header->name.len; i++) {
		char c = header->name.ptr[i];

		name[5 + i] = c == '-' ? '_' : (c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c);
	}
	name[len] = '\0';
	php_register_variable_safe(name, header->value.ptr, header->value.len, track_vars);
	if (name != fixed) {
		efree(name);
	}
}

static void add_os_environment(HashTable *vars)
{
	zend_string *key;
	zval *value;

	ZEND_HASH_FOREACH_STR_KEY_VAL(&os_env, key, value) {
		zend_hash_add_new(vars, key, value);
	} ZEND_HASH_FOREACH_END();
}

/* What a resident script sees before its first request: its own file, and the whole environment. */
static void register_boot(HashTable *vars)
{
	static const char *const fixed[][2] = {
		{"AUTH_TYPE", ""}, {"CONTENT_LENGTH", ""}, {"CONTENT_TYPE", ""},
		{"GATEWAY_INTERFACE", "CGI/1.1"}, {"HTTPS", ""}, {"HTTP_HOST", ""}, {"PATH_INFO", ""},
		{"QUERY_STRING", ""}, {"REMOTE_ADDR", ""}, {"REMOTE_HOST", ""}, {"REMOTE_IDENT", ""},
		{"REMOTE_PORT", ""}, {"REQUEST_METHOD", "GET"}, {"REQUEST_SCHEME", "http"},
		{"SERVER_NAME", ""}, {"SERVER_PORT", "80"}, {"SERVER_PROTOCOL", "HTTP/1.1"},
		{"SERVER_SOFTWARE", "FrankenPHP"}, {"SSL_CIPHER", ""}, {"SSL_PROTOCOL", ""},
	};
	static const char *const own_path[] = {
		"DOCUMENT_URI", "PHP_SELF", "REQUEST_URI", "SCRIPT_NAME",
	};
	const char *slash = strrchr(pogo.script, '/');
	char **line;
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		set_literal(vars, fixed[i][0], fixed[i][1]);
	}
	for (i = 0; slash != NULL && i < sizeof(own_path) / sizeof(own_path[0]); i++) {
		set_literal(vars, own_path[i], slash);
	}
	if (slash != NULL) {
		set_named(vars, ZEND_STRL("DOCUMENT_ROOT"),
			pogo_str_of(pogo.script, (size_t) (slash - pogo.script)));
	}
	set_literal(vars, "SCRIPT_FILENAME", pogo.script);
	for (line = environ; line != NULL && *line != NULL; line++) {
		const char *sign = strchr(*line, '=');

		if (sign != NULL && sign != *line) {
			set_named(vars, *line, (size_t) (sign - *line),
				pogo_str_of(sign + 1, strlen(sign + 1)));
		}
	}
}

static void register_headers(zval *track_vars)
{
	HashTable *vars = Z_ARRVAL_P(track_vars);
	size_t i;

	for (i = 0; i < pogo.work.headers_len; i++) {
		const pogo_header *header = &pogo.work.headers[i];

		if (header->number >= 1 && header->number <= POGO_HEADERS) {
			set(vars, header_keys[header->number - 1], header->value);
		} else {
			set_header(track_vars, header);
		}
	}
}

static void register_request(zval *track_vars)
{
	HashTable *vars = Z_ARRVAL_P(track_vars);
	const pogo_work *work = &pogo.work;
	const char *user = SG(request_info).auth_user;
	size_t i;

	zend_hash_extend(vars, zend_hash_num_elements(&os_env) + POGO_VARS
		+ (uint32_t) work->headers_len + 8, false);
	add_os_environment(vars);
	for (i = 0; i < POGO_VARS; i++) {
		if (work->vars[i].ptr != NULL) {
			set(vars, var_keys[i], work->vars[i]);
		}
	}
	if (work->path_translated.ptr != NULL) {
		set(vars, path_translated_key, work->path_translated);
	}
	if (user != NULL) {
		set(vars, remote_user_key, pogo_str_of(user, strlen(user)));
	}
	register_headers(track_vars);
	for (i = 0; i < work->env_len; i++) {
		set_named(vars, work->env[i].name.ptr, work->env[i].name.len, work->env[i].value);
	}
}

void pogo_register_variables(zval *track_vars)
{
	if (pogo.phase == POGO_SERVING && !pogo.is_task) {
		register_request(track_vars);
	} else if (pogo.phase == POGO_BOOTING && pogo.script != NULL) {
		register_boot(Z_ARRVAL_P(track_vars));
	} else {
		set(Z_ARRVAL_P(track_vars), content_type_key, pogo_str_of("", 0));
		set(Z_ARRVAL_P(track_vars), query_string_key, pogo_str_of("", 0));
	}
}

/* The php handler's env counts for the running request, unless the script called putenv() on it. */
static bool request_env_counts(const pogo_pair *pair)
{
	return !zend_hash_str_exists(&BG(putenv_ht), pair->name.ptr, pair->name.len);
}

static bool has_request_env(void)
{
	return pogo.phase == POGO_SERVING && !pogo.is_task && pogo.work.env_len > 0;
}

static void add_request_env(HashTable *array)
{
	size_t i;

	for (i = 0; has_request_env() && i < pogo.work.env_len; i++) {
		const pogo_pair *pair = &pogo.work.env[i];

		if (request_env_counts(pair)) {
			zval value;

			ZVAL_STRINGL(&value, pair->value.ptr, pair->value.len);
			zend_symtable_str_update(array, pair->name.ptr, pair->name.len, &value);
		}
	}
}

static const pogo_pair *find_request_env(const char *name, size_t name_len)
{
	size_t i;

	for (i = 0; i < pogo.work.env_len; i++) {
		const pogo_pair *pair = &pogo.work.env[i];

		if (pair->name.len == name_len && memcmp(pair->name.ptr, name, name_len) == 0) {
			return request_env_counts(pair) ? pair : NULL;
		}
	}
	return NULL;
}

static ZEND_NAMED_FUNCTION(pogo_getenv)
{
	char *name = NULL;
	size_t name_len = 0;
	bool local_only = false;
	const pogo_pair *pair;

	if (!has_request_env()) {
		original_getenv(INTERNAL_FUNCTION_PARAM_PASSTHRU);
		return;
	}
	ZEND_PARSE_PARAMETERS_START(0, 2)
		Z_PARAM_OPTIONAL
		Z_PARAM_STRING_OR_NULL(name, name_len)
		Z_PARAM_BOOL(local_only)
	ZEND_PARSE_PARAMETERS_END();
	(void) local_only;
	pair = name != NULL ? find_request_env(name, name_len) : NULL;
	if (pair != NULL) {
		RETURN_STRINGL(pair->value.ptr, pair->value.len);
	}
	original_getenv(INTERNAL_FUNCTION_PARAM_PASSTHRU);
	if (name == NULL && Z_TYPE_P(return_value) == IS_ARRAY) {
		add_request_env(Z_ARRVAL_P(return_value));
	}
}

static void import_environment(zval *array)
{
	original_import(array);
	add_request_env(Z_ARRVAL_P(array));
}

void pogo_replace_environment_functions(void)
{
	pogo_replace_function("getenv", pogo_getenv, &original_getenv);
	original_import = php_import_environment_variables;
	php_import_environment_variables = import_environment;
}
