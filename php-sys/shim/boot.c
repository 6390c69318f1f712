/* PHP's module startup, done once in the zygote, and what a worker begins with. */
#include "internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#ifdef ZEND_MAX_EXECUTION_TIMERS
#include <Zend/zend_max_execution_timer.h>
#endif

ZEND_TSRMLS_CACHE_DEFINE()

struct pogo_state pogo;

static char *boot_messages;
static size_t boot_messages_len;
static int (*register_builtin_extensions)(void);

void pogo_collect_boot_message(const char *message)
{
	size_t len = strlen(message);
	char *grown = realloc(boot_messages, boot_messages_len + len + 2);
	if (grown == NULL) {
		return;
	}
	boot_messages = grown;
	memcpy(boot_messages + boot_messages_len, message, len);
	boot_messages_len += len;
	boot_messages[boot_messages_len++] = '\n';
	boot_messages[boot_messages_len] = '\0';
}

pogo_str pogo_boot_messages(void)
{
	return pogo_str_of(boot_messages ? boot_messages : "", boot_messages_len);
}

const char *pogo_php_version(void)
{
	return PHP_VERSION;
}

/*
 * Debian's libraries of every PHP version bear one name to the loader, so another than
 * that of our headers may be here. Its structures differ: we do not get further then.
 */
static bool is_our_php(void)
{
	const zend_module_entry *standard =
		zend_hash_str_find_ptr(&module_registry, ZEND_STRL("standard"));
	const char *theirs = standard != NULL ? standard->build_id : "unknown";
	char text[160];

	if (strcmp(theirs, ZEND_MODULE_BUILD_ID) == 0) {
		return true;
	}
	snprintf(text, sizeof(text), "pogo-php was built for PHP %d.%d (%s), and libphp.so is %s",
		PHP_MAJOR_VERSION, PHP_MINOR_VERSION, ZEND_MODULE_BUILD_ID, theirs);
	pogo_collect_boot_message(text);
	return false;
}

/* Registers our modules behind PHP's own, before those of php.ini. */
static int register_extensions(void)
{
	if (register_builtin_extensions() == FAILURE || !is_our_php()) {
		return FAILURE;
	}
	if (zend_register_internal_module(&pogo_frankenphp_module) == NULL) {
		return FAILURE;
	}
	return zend_register_internal_module(&pogo_tasks_module) == NULL ? FAILURE : SUCCESS;
}

void pogo_replace_function(const char *name, zif_handler handler, zif_handler *original)
{
	zend_function *function = zend_hash_str_find_ptr(CG(function_table), name, strlen(name));
	if (function == NULL || function->type != ZEND_INTERNAL_FUNCTION) {
		return;
	}
	if (original != NULL) {
		*original = function->internal_function.handler;
	}
	function->internal_function.handler = handler;
}

/* A child that a script forked has neither our client nor our server. */
static void in_forked_child(void)
{
	if (!pogo.worker || pogo.forked) {
		return;
	}
	pogo.forked = true;
	pogo.host.forked(pogo.host.ctx);
}

static bool opcache_is_up(void)
{
	return zend_get_extension("Zend OPcache") != NULL && INI_BOOL("opcache.enable");
}

bool pogo_boot(const pogo_names *names, char *ini, pogo_boot_info *info)
{
	/* zend_signal keeps what it finds now and gives it back at every request. */
	signal(SIGPIPE, SIG_IGN);
#ifdef ZTS
	php_tsrm_startup();
	ZEND_TSRMLS_CACHE_UPDATE();
#endif
	zend_signal_startup();
	sapi_startup(&pogo_sapi_module);
	pogo_sapi_module.php_ini_ignore_cwd = 1;
	pogo_sapi_module.ini_entries = ini;
	register_builtin_extensions = php_register_internal_extensions_func;
	php_register_internal_extensions_func = register_extensions;
	if (php_module_startup(&pogo_sapi_module, NULL) == FAILURE) {
		return false;
	}
	pogo_vars_startup(names);
	pogo_limit_startup();
	pogo_replace_functions();
	pogo_replace_environment_functions();
	pthread_atfork(NULL, NULL, in_forked_child);
	info->php_version = PHP_VERSION;
#ifdef ZTS
	info->zts = true;
#else
	info->zts = false;
#endif
	info->opcache = opcache_is_up();
	return true;
}

static int classic_or_resident(void)
{
	volatile int code = pogo.codes.bailout;

	zend_first_try {
		code = pogo.resident ? pogo_resident_run() : pogo_classic_run();
	} zend_catch {
		/* Only a bailout outside of every request phase comes here. */
		if (pogo.phase == POGO_SERVING && !pogo.forked) {
			pogo.host.done(pogo.host.ctx, true);
		}
	} zend_end_try();
	return code;
}

int pogo_worker_run(const pogo_worker_config *config, pogo_exit_codes codes)
{
	memset(&pogo, 0, sizeof(pogo));
	pogo.host = config->host;
	pogo.codes = codes;
	pogo.script = config->script;
	pogo.worker = true;
	pogo.resident = config->script != NULL;
	pogo.tasks = config->tasks;
	pogo.cwd_moved = true;
	pogo_limit_worker(config);
#if PHP_VERSION_ID >= 80500
	php_child_init();
#elif defined(ZEND_MAX_EXECUTION_TIMERS)
	zend_max_execution_timer_init();
#endif
	return classic_or_resident();
}
