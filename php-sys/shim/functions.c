/* The module "frankenphp": its functions, constants and the built-in functions it replaces. */
#include "internal.h"

#include <Zend/zend_smart_str.h>
#include <ext/json/php_json.h>
#include <string.h>

#define LOG_JSON (PHP_JSON_UNESCAPED_SLASHES | PHP_JSON_UNESCAPED_UNICODE \
	| PHP_JSON_INVALID_UTF8_SUBSTITUTE | PHP_JSON_PARTIAL_OUTPUT_ON_ERROR \
	| PHP_JSON_PRESERVE_ZERO_FRACTION)
#define LOG_DEPTH 64

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_handle_request, 0, 1, _IS_BOOL, 0)
	ZEND_ARG_TYPE_INFO(0, callback, IS_CALLABLE, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_headers_send, 0, 0, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, status, IS_LONG, 0, "200")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_returns_bool, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_request_headers, 0, 0, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_MASK_EX(arginfo_response_headers, 0, 0, MAY_BE_ARRAY | MAY_BE_BOOL)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_mercure_publish, 0, 1, IS_STRING, 0)
	ZEND_ARG_TYPE_MASK(0, topics, MAY_BE_STRING | MAY_BE_ARRAY, NULL)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, data, IS_STRING, 0, "\"\"")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, private, _IS_BOOL, 0, "false")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, id, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, type, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, retry, IS_LONG, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_log, 0, 1, IS_VOID, 0)
	ZEND_ARG_TYPE_INFO(0, message, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, level, IS_LONG, 0, "0")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, context, IS_ARRAY, 0, "[]")
ZEND_END_ARG_INFO()

static zif_handler original_chdir;

/* Sends the headers now: for 1xx as an interim answer that leaves the final one open. */
PHP_FUNCTION(headers_send)
{
	zend_long status = 200;
	int before = SG(sapi_headers).http_response_code;

	ZEND_PARSE_PARAMETERS_START(0, 1)
		Z_PARAM_OPTIONAL
		Z_PARAM_LONG(status)
	ZEND_PARSE_PARAMETERS_END();
	SG(sapi_headers).http_response_code = (int) status;
	if (status >= 100 && status < 200) {
		int sent = pogo_send_informational((int) status);

		SG(sapi_headers).http_response_code = before;
		RETURN_LONG(sent);
	}
	RETURN_LONG(sapi_send_headers());
}

PHP_FUNCTION(frankenphp_finish_request)
{
	ZEND_PARSE_PARAMETERS_NONE();
	RETURN_BOOL(pogo_finish_answer());
}

PHP_FUNCTION(frankenphp_request_headers)
{
	size_t i;

	ZEND_PARSE_PARAMETERS_NONE();
	array_init(return_value);
	if (pogo.phase != POGO_SERVING || pogo.is_task) {
		return;
	}
	for (i = 0; i < pogo.work.headers_len; i++) {
		const pogo_header *header = &pogo.work.headers[i];
		zend_string *known = pogo_header_name(header->number);
		zval value;

		ZVAL_STRINGL_FAST(&value, header->value.ptr, header->value.len);
		if (known != NULL) {
			zend_hash_update(Z_ARRVAL_P(return_value), known, &value);
		} else {
			zend_symtable_str_update(Z_ARRVAL_P(return_value),
				header->name.ptr, header->name.len, &value);
		}
	}
}

PHP_FUNCTION(frankenphp_response_headers)
{
	zend_llist_position position;
	sapi_header_struct *line;

	ZEND_PARSE_PARAMETERS_NONE();
	array_init(return_value);
	line = zend_llist_get_first_ex(&SG(sapi_headers).headers, &position);
	while (line != NULL) {
		const char *colon = memchr(line->header, ':', line->header_len);

		if (colon != NULL) {
			const char *value = colon + 1;
			const char *end = line->header + line->header_len;

			while (value < end && (*value == ' ' || *value == '\t')) {
				value++;
			}
			add_assoc_stringl_ex(return_value, line->header, (size_t) (colon - line->header),
				value, (size_t) (end - value));
		}
		line = zend_llist_get_next_ex(&SG(sapi_headers).headers, &position);
	}
}

PHP_FUNCTION(mercure_publish)
{
	zend_string *topic, *data = NULL, *id = NULL, *type = NULL;
	HashTable *topics;
	bool private = false, no_retry = true;
	zend_long retry = 0;

	ZEND_PARSE_PARAMETERS_START(1, 6)
		Z_PARAM_ARRAY_HT_OR_STR(topics, topic)
		Z_PARAM_OPTIONAL
		Z_PARAM_STR(data)
		Z_PARAM_BOOL(private)
		Z_PARAM_STR_OR_NULL(id)
		Z_PARAM_STR_OR_NULL(type)
		Z_PARAM_LONG_OR_NULL(retry, no_retry)
	ZEND_PARSE_PARAMETERS_END();
	(void) topic, (void) topics, (void) data, (void) id, (void) type;
	(void) private, (void) no_retry, (void) retry;
	zend_throw_exception(spl_ce_RuntimeException, "No Mercure hub configured", 0);
	RETURN_THROWS();
}

/* The number of the first type that a log line cannot hold, or -1. */
static int unloggable_type(HashTable *context, int depth)
{
	zval *value;

	ZEND_HASH_FOREACH_VAL(context, value) {
		int found = -1;

		ZVAL_DEREF(value);
		if (Z_TYPE_P(value) == IS_ARRAY) {
			found = depth >= LOG_DEPTH ? IS_ARRAY : unloggable_type(Z_ARRVAL_P(value), depth + 1);
		} else if (Z_TYPE_P(value) > IS_STRING) {
			found = Z_TYPE_P(value);
		}
		if (found != -1) {
			return found;
		}
	} ZEND_HASH_FOREACH_END();
	return -1;
}

/* A JSON object, also of a list. */
static void encode_context(smart_str *json, HashTable *context)
{
	zend_string *key;
	zend_ulong index;
	zval *value;
	bool first = true;

	smart_str_appendc(json, '{');
	ZEND_HASH_FOREACH_KEY_VAL(context, index, key, value) {
		zval name;

		if (!first) {
			smart_str_appendc(json, ',');
		}
		first = false;
		if (key != NULL) {
			ZVAL_STR_COPY(&name, key);
		} else {
			ZVAL_STR(&name, zend_long_to_str((zend_long) index));
		}
		php_json_encode_ex(json, &name, LOG_JSON, LOG_DEPTH);
		smart_str_appendc(json, ':');
		php_json_encode_ex(json, value, LOG_JSON, LOG_DEPTH + 1);
		zval_ptr_dtor(&name);
	} ZEND_HASH_FOREACH_END();
	smart_str_appendc(json, '}');
	smart_str_0(json);
}

PHP_FUNCTION(frankenphp_log)
{
	zend_string *message;
	zend_long level = 0;
	HashTable *context = NULL;
	smart_str json = {0};
	int type;

	ZEND_PARSE_PARAMETERS_START(1, 3)
		Z_PARAM_STR(message)
		Z_PARAM_OPTIONAL
		Z_PARAM_LONG(level)
		Z_PARAM_ARRAY_HT(context)
	ZEND_PARSE_PARAMETERS_END();
	if (pogo.forked || !pogo.worker) {
		return;
	}
	if (context != NULL && zend_hash_num_elements(context) > 0) {
		type = unloggable_type(context, 0);
		if (type != -1) {
			zend_throw_exception_ex(spl_ce_RuntimeException, 0,
				"Failed to log message: converting attrs: unsupported zval type %d", type);
			RETURN_THROWS();
		}
		encode_context(&json, context);
	}
	pogo.host.log(pogo.host.ctx, POGO_LOG_CALL, level, pogo_str_of_zend(message),
		json.s ? pogo_str_of_zend(json.s) : pogo_str_of("", 0));
	smart_str_free(&json);
}

static zend_function *find_function(const char *name)
{
	return zend_hash_str_find_ptr(CG(function_table), name, strlen(name));
}

/*
 * Every cached script is taken out of use. PHP's own way also frees the memory, and for
 * that waits until no process runs cached code, which a resident script always does: in
 * the meantime nothing is cached, and after three minutes opcache kills those processes.
 */
static ZEND_NAMED_FUNCTION(pogo_opcache_reset)
{
	zend_function *list = find_function("opcache_get_status");
	zend_function *drop = find_function("opcache_invalidate");
	zval status, *scripts = NULL, args[2];
	zend_string *path;

	ZEND_PARSE_PARAMETERS_NONE();
	if (list == NULL || drop == NULL) {
		RETURN_FALSE;
	}
	ZVAL_UNDEF(&status);
	ZVAL_TRUE(&args[0]);
	zend_call_known_function(list, NULL, NULL, &status, 1, args, NULL);
	if (Z_TYPE(status) == IS_ARRAY) {
		scripts = zend_hash_str_find(Z_ARRVAL(status), ZEND_STRL("scripts"));
	}
	if (scripts != NULL && Z_TYPE_P(scripts) == IS_ARRAY) {
		ZEND_HASH_FOREACH_STR_KEY(Z_ARRVAL_P(scripts), path) {
			zval dropped;

			if (path == NULL) {
				continue;
			}
			ZVAL_UNDEF(&dropped);
			ZVAL_STR(&args[0], path);
			ZVAL_TRUE(&args[1]);
			zend_call_known_function(drop, NULL, NULL, &dropped, 2, args, NULL);
			zval_ptr_dtor(&dropped);
		} ZEND_HASH_FOREACH_END();
	}
	RETVAL_BOOL(Z_TYPE(status) == IS_ARRAY);
	zval_ptr_dtor(&status);
}

static ZEND_NAMED_FUNCTION(pogo_chdir)
{
	pogo.cwd_moved = true;
	original_chdir(INTERNAL_FUNCTION_PARAM_PASSTHRU);
}

void pogo_replace_functions(void)
{
	pogo_replace_function("chdir", pogo_chdir, &original_chdir);
	pogo_replace_function("opcache_reset", pogo_opcache_reset, NULL);
}

static PHP_MINIT_FUNCTION(frankenphp)
{
	(void) type;
	REGISTER_LONG_CONSTANT("FRANKENPHP_LOG_LEVEL_DEBUG", -4, CONST_CS | CONST_PERSISTENT);
	REGISTER_LONG_CONSTANT("FRANKENPHP_LOG_LEVEL_INFO", 0, CONST_CS | CONST_PERSISTENT);
	REGISTER_LONG_CONSTANT("FRANKENPHP_LOG_LEVEL_WARN", 4, CONST_CS | CONST_PERSISTENT);
	REGISTER_LONG_CONSTANT("FRANKENPHP_LOG_LEVEL_ERROR", 8, CONST_CS | CONST_PERSISTENT);
	return SUCCESS;
}

static PHP_MINFO_FUNCTION(frankenphp)
{
	(void) zend_module;
	php_info_print_table_start();
	php_info_print_table_row(2, "FrankenPHP API", "enabled");
	php_info_print_table_row(2, "Server", "Pogo");
	php_info_print_table_end();
}

static const zend_function_entry frankenphp_functions[] = {
	ZEND_FE(frankenphp_handle_request, arginfo_handle_request)
	ZEND_FE(headers_send, arginfo_headers_send)
	ZEND_FE(frankenphp_finish_request, arginfo_returns_bool)
	ZEND_FALIAS(fastcgi_finish_request, frankenphp_finish_request, arginfo_returns_bool)
	ZEND_FE(frankenphp_request_headers, arginfo_request_headers)
	ZEND_FALIAS(apache_request_headers, frankenphp_request_headers, arginfo_request_headers)
	ZEND_FALIAS(getallheaders, frankenphp_request_headers, arginfo_request_headers)
	ZEND_FE(frankenphp_response_headers, arginfo_response_headers)
	ZEND_FALIAS(apache_response_headers, frankenphp_response_headers, arginfo_response_headers)
	ZEND_FE(mercure_publish, arginfo_mercure_publish)
	ZEND_FE(frankenphp_log, arginfo_log)
	ZEND_FE_END
};

zend_module_entry pogo_frankenphp_module = {
	STANDARD_MODULE_HEADER,
	"frankenphp",
	frankenphp_functions,
	PHP_MINIT(frankenphp),
	NULL,
	NULL,
	NULL,
	PHP_MINFO(frankenphp),
	"0.1.0",
	STANDARD_MODULE_PROPERTIES
};
