/* The module "pogo": tasks seen by who spawns them, and what a task's callback returned. */
#include "internal.h"

#include <Zend/zend_smart_str.h>
#include <ext/json/php_json.h>
#include <ext/json/php_json_parser.h>
#include <math.h>
#include <string.h>

/* The depth of arguments and results; an envelope around them adds one. */
#define DEPTH 512
#define NO_ANSWER "Pogo worker returned an error"

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_pogo_spawn, 0, 1, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, class, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, args, IS_ARRAY, 0, "[]")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, pool, IS_STRING, 0, "'default'")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_pogo_await, 0, 1, IS_MIXED, 0)
	ZEND_ARG_TYPE_INFO(0, task, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, timeout, IS_DOUBLE, 0, "5.0")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_pogo_pool_size, 0, 0, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, pool, IS_STRING, 0, "'default'")
ZEND_END_ARG_INFO()

static void fail(const char *text)
{
	zend_throw_exception(spl_ce_RuntimeException, text, 0);
}

static void fail_about_pool(int why, pogo_str pool)
{
	pogo_str quoted;

	switch (why) {
	case POGO_SPAWN_UNCONFIGURED:
		fail("Pogo is not configured");
		break;
	case POGO_SPAWN_UNKNOWN_POOL:
		quoted = pogo.host.quote(pogo.host.ctx, pool);
		zend_throw_exception_ex(spl_ce_RuntimeException, 0, "unknown Pogo pool %.*s",
			(int) quoted.len, quoted.ptr);
		break;
	case POGO_SPAWN_NO_CLASS:
		fail("Pogo job class must not be empty");
		break;
	case POGO_SPAWN_CLOSING:
		fail("Pogo pool is shutting down");
		break;
	default:
		fail("Pogo job args are too large");
		break;
	}
}

static const char *json_error_text(php_json_error_code code)
{
	switch (code) {
	case PHP_JSON_ERROR_DEPTH:
		return "maximum stack depth exceeded";
	case PHP_JSON_ERROR_UTF8:
		return "malformed UTF-8 characters";
	case PHP_JSON_ERROR_UTF16:
		return "malformed UTF-16 escape";
	case PHP_JSON_ERROR_CTRL_CHAR:
		return "unexpected control character";
	case PHP_JSON_ERROR_RECURSION:
		return "recursion";
	case PHP_JSON_ERROR_INF_OR_NAN:
		return "INF or NAN";
	case PHP_JSON_ERROR_UNSUPPORTED_TYPE:
	case PHP_JSON_ERROR_NON_BACKED_ENUM:
		return "unsupported type";
	default:
		return "syntax error";
	}
}

/* Encodes without changing what json_last_error() says; INF and NAN become 0 when allowed. */
static php_json_error_code encode(smart_str *json, zval *value, int options, int depth,
	bool nan_is_zero)
{
	php_json_error_code before = JSON_G(error_code), error;
	zend_result encoded;

	options |= nan_is_zero ? PHP_JSON_PARTIAL_OUTPUT_ON_ERROR : 0;
	encoded = php_json_encode_ex(json, value, options, depth);
	error = JSON_G(error_code);
	JSON_G(error_code) = before;
	if (EG(exception) != NULL || (encoded == FAILURE && error == PHP_JSON_ERROR_NONE)) {
		return PHP_JSON_ERROR_UNSUPPORTED_TYPE;
	}
	return nan_is_zero && error == PHP_JSON_ERROR_INF_OR_NAN ? PHP_JSON_ERROR_NONE : error;
}

/* The message of a task: {"class":…,"args":…}. */
static bool build_message(smart_str *json, zval *class, zval *args)
{
	smart_str_appends(json, "{\"class\":");
	encode(json, class, PHP_JSON_UNESCAPED_SLASHES | PHP_JSON_INVALID_UTF8_SUBSTITUTE, DEPTH,
		false);
	smart_str_appends(json, ",\"args\":");
	if (encode(json, args, PHP_JSON_UNESCAPED_SLASHES, DEPTH, true) != PHP_JSON_ERROR_NONE) {
		return false;
	}
	smart_str_appendc(json, '}');
	smart_str_0(json);
	return true;
}

PHP_FUNCTION(pogo_spawn)
{
	zend_string *class, *pool = NULL;
	zval *args = NULL, class_zval, empty;
	smart_str message = {0};
	pogo_str pool_name;
	int64_t task = 0;
	int spawned;

	ZEND_PARSE_PARAMETERS_START(1, 3)
		Z_PARAM_STR(class)
		Z_PARAM_OPTIONAL
		Z_PARAM_ARRAY(args)
		Z_PARAM_STR(pool)
	ZEND_PARSE_PARAMETERS_END();
	ZVAL_STR(&class_zval, class);
	ZVAL_EMPTY_ARRAY(&empty);
	if (!build_message(&message, &class_zval, args ? args : &empty)) {
		smart_str_free(&message);
		/* What jsonSerialize() threw becomes the previous exception. */
		fail("Failed to encode Pogo job args as JSON");
		RETURN_THROWS();
	}
	pool_name = pool ? pogo_str_of_zend(pool) : pogo_str_of(ZEND_STRL("default"));
	spawned = POGO_SPAWN_UNCONFIGURED;
	if (pogo.worker && !pogo.forked) {
		spawned = pogo.host.spawn(pogo.host.ctx, pool_name, ZSTR_LEN(class) > 0,
			pogo_str_of_zend(message.s), &task);
	}
	smart_str_free(&message);
	if (spawned != POGO_SPAWN_OK) {
		fail_about_pool(spawned, pool_name);
		RETURN_THROWS();
	}
	RETURN_LONG((zend_long) task);
}

/* The value of an envelope's key, in any case; the last one counts, as in Go. */
static zval *envelope_value(HashTable *envelope, const char *name, size_t name_len)
{
	zend_string *key;
	zval *value, *found = NULL;

	ZEND_HASH_FOREACH_STR_KEY_VAL(envelope, key, value) {
		if (key != NULL
				&& zend_binary_strcasecmp(ZSTR_VAL(key), ZSTR_LEN(key), name, name_len) == 0) {
			found = value;
		}
	} ZEND_HASH_FOREACH_END();
	return found;
}

static void fail_about_envelope(const char *why)
{
	zend_throw_exception_ex(spl_ce_RuntimeException, 0,
		"Pogo worker returned an invalid response envelope: %s", why);
}

static void fail_about_json(php_json_error_code code)
{
	if (code == PHP_JSON_ERROR_DEPTH || code == PHP_JSON_ERROR_UTF8
			|| code == PHP_JSON_ERROR_UTF16) {
		zend_throw_exception_ex(spl_ce_RuntimeException, 0,
			"Pogo worker returned a non-JSON-compatible result: %s", json_error_text(code));
	} else {
		fail_about_envelope(json_error_text(code));
	}
}

static void open_envelope(HashTable *envelope, zval *return_value)
{
	zval *ok = envelope_value(envelope, ZEND_STRL("ok"));
	zval *error = envelope_value(envelope, ZEND_STRL("error"));
	zval *result = envelope_value(envelope, ZEND_STRL("result"));

	if (ok != NULL && Z_TYPE_P(ok) > IS_TRUE) {
		fail_about_envelope("\"ok\" must be a bool");
	} else if (error != NULL && Z_TYPE_P(error) != IS_STRING && Z_TYPE_P(error) != IS_NULL) {
		fail_about_envelope("\"error\" must be a string");
	} else if (ok != NULL && Z_TYPE_P(ok) == IS_TRUE) {
		if (result != NULL) {
			ZVAL_COPY(return_value, result);
		}
	} else if (error != NULL && Z_TYPE_P(error) == IS_STRING && Z_STRLEN_P(error) > 0) {
		zend_throw_exception(spl_ce_RuntimeException, Z_STRVAL_P(error), 0);
	} else {
		fail(NO_ANSWER);
	}
}

static void read_envelope(pogo_str text, zval *return_value)
{
	php_json_parser parser;
	zval envelope;

	ZVAL_NULL(&envelope);
	php_json_parser_init(&parser, &envelope, text.ptr, text.len, PHP_JSON_OBJECT_AS_ARRAY,
		DEPTH + 1);
	if (php_json_parse(&parser)) {
		fail_about_json(php_json_parser_error_code(&parser));
		return;
	}
	if (Z_TYPE(envelope) == IS_NULL) {
		fail(NO_ANSWER);
	} else if (Z_TYPE(envelope) != IS_ARRAY || (zend_hash_num_elements(Z_ARRVAL(envelope)) > 0
			&& zend_array_is_list(Z_ARRVAL(envelope)))) {
		fail_about_envelope("an object is expected");
	} else {
		open_envelope(Z_ARRVAL(envelope), return_value);
	}
	zval_ptr_dtor(&envelope);
}

static void fail_about_await(int why, double timeout)
{
	pogo_str text;

	switch (why) {
	case POGO_AWAIT_TIMEOUT:
		text = pogo.host.duration(pogo.host.ctx, timeout);
		zend_throw_exception_ex(spl_ce_RuntimeException, 0, "Pogo await timed out after %.*s",
			(int) text.len, text.ptr);
		break;
	case POGO_AWAIT_UNCONFIGURED:
		fail("Pogo is not configured");
		break;
	default:
		fail("unknown or already awaited Pogo task");
		break;
	}
}

PHP_FUNCTION(pogo_await)
{
	zend_long task;
	double timeout = 5.0;
	pogo_str text = {0};
	int awaited;

	ZEND_PARSE_PARAMETERS_START(1, 2)
		Z_PARAM_LONG(task)
		Z_PARAM_OPTIONAL
		Z_PARAM_DOUBLE(timeout)
	ZEND_PARSE_PARAMETERS_END();
	if (isnan(timeout) || timeout < 0) {
		fail("Pogo await timeout must be greater than or equal to zero");
		RETURN_THROWS();
	}
	awaited = pogo.worker && !pogo.forked
		? pogo.host.await(pogo.host.ctx, task, timeout, &text) : POGO_AWAIT_UNCONFIGURED;
	switch (awaited) {
	case POGO_AWAIT_ENVELOPE:
		read_envelope(text, return_value);
		break;
	case POGO_AWAIT_ERROR:
		zend_throw_exception_ex(spl_ce_RuntimeException, 0, "%.*s", (int) text.len, text.ptr);
		break;
	case POGO_AWAIT_INTERRUPTED:
		/* Over the time limit: does not return. */
		zend_timeout();
		break;
	default:
		fail_about_await(awaited, timeout);
		break;
	}
}

PHP_FUNCTION(pogo_pool_size)
{
	zend_string *pool = NULL;
	pogo_str pool_name;
	uint32_t size = 0;
	int found;

	ZEND_PARSE_PARAMETERS_START(0, 1)
		Z_PARAM_OPTIONAL
		Z_PARAM_STR(pool)
	ZEND_PARSE_PARAMETERS_END();
	pool_name = pool ? pogo_str_of_zend(pool) : pogo_str_of(ZEND_STRL("default"));
	found = pogo.worker && !pogo.forked
		? pogo.host.pool_size(pogo.host.ctx, pool_name, &size) : POGO_SPAWN_UNCONFIGURED;
	if (found != POGO_SPAWN_OK) {
		fail_about_pool(found, pool_name);
		RETURN_THROWS();
	}
	RETURN_LONG((zend_long) size);
}

static void report(int outcome, const char *text, size_t len)
{
	pogo.host.task_done(pogo.host.ctx, outcome, pogo_str_of(text, len));
}

static void report_error(const char *text)
{
	report(POGO_OUTCOME_ERROR, text, strlen(text));
}

static void report_array(zval *result)
{
	smart_str json = {0};
	php_json_error_code error;
	char text[128];

	if (zend_hash_num_elements(Z_ARRVAL_P(result)) == 0) {
		report_error(NO_ANSWER);
		return;
	}
	if (zend_array_is_list(Z_ARRVAL_P(result))) {
		report_error("Pogo worker returned unsupported response type []interface {}");
		return;
	}
	error = encode(&json, result, PHP_JSON_UNESCAPED_SLASHES | PHP_JSON_UNESCAPED_UNICODE
		| PHP_JSON_PRESERVE_ZERO_FRACTION, DEPTH + 1, false);
	if (error == PHP_JSON_ERROR_NONE && json.s != NULL) {
		smart_str_0(&json);
		report(POGO_OUTCOME_ENVELOPE, ZSTR_VAL(json.s), ZSTR_LEN(json.s));
	} else {
		if (EG(exception) != NULL) {
			zend_clear_exception();
		}
		snprintf(text, sizeof(text), "Pogo worker returned a non-JSON-compatible response: %s",
			json_error_text(error));
		report_error(text);
	}
	smart_str_free(&json);
}

/* What the callback of a task returned; undefined after an uncaught exception. */
void pogo_report_result(zval *result)
{
	ZVAL_DEREF(result);
	switch (Z_TYPE_P(result)) {
	case IS_STRING:
		report(POGO_OUTCOME_ENVELOPE, Z_STRVAL_P(result), Z_STRLEN_P(result));
		break;
	case IS_ARRAY:
		report_array(result);
		break;
	case IS_LONG:
		report_error("Pogo worker returned unsupported response type int64");
		break;
	case IS_DOUBLE:
		report_error("Pogo worker returned unsupported response type float64");
		break;
	case IS_TRUE:
	case IS_FALSE:
		report_error("Pogo worker returned unsupported response type bool");
		break;
	default:
		report_error(NO_ANSWER);
		break;
	}
}

static const zend_function_entry pogo_functions[] = {
	ZEND_FE(pogo_spawn, arginfo_pogo_spawn)
	ZEND_FE(pogo_await, arginfo_pogo_await)
	ZEND_FE(pogo_pool_size, arginfo_pogo_pool_size)
	ZEND_FE_END
};

zend_module_entry pogo_tasks_module = {
	STANDARD_MODULE_HEADER,
	"pogo",
	pogo_functions,
	NULL,
	NULL,
	NULL,
	NULL,
	NULL,
	"0.1.0",
	STANDARD_MODULE_PROPERTIES
};
