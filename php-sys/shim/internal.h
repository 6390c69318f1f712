/* What the shim's files share. Only this header includes PHP. */
#ifndef POGO_INTERNAL_H
#define POGO_INTERNAL_H

#include "shim.h"

#include <php.h>
#include <SAPI.h>
#include <Zend/zend_exceptions.h>
#include <Zend/zend_extensions.h>
#include <Zend/zend_interfaces.h>
#include <ext/spl/spl_exceptions.h>
#include <ext/standard/basic_functions.h>
#include <ext/standard/info.h>
#include <php_main.h>
#include <php_output.h>
#include <php_variables.h>

#if PHP_VERSION_ID < 80200
#error "Pogo needs PHP 8.2 or newer"
#endif

/* What a worker is doing. */
enum pogo_phase {
	POGO_BOOTING,  /* a resident script before its first request, or no worker at all */
	POGO_WAITING,  /* between two requests */
	POGO_SERVING,  /* a request is open */
};

struct pogo_state {
	pogo_host host;
	pogo_exit_codes codes;
	pogo_work work;
	const char *script;
	enum pogo_phase phase;
	bool worker;    /* the host is there */
	bool resident;  /* runs one script that takes work */
	bool tasks;     /* that work is tasks */
	bool is_task;   /* the open work is a task */
	bool looped;    /* the script has asked for work */
	bool finished;  /* the client has its answer, the script goes on */
	bool headed;    /* the host has the head of the answer */
	bool forked;    /* a script forked, and this is the child */
	bool draining;  /* the host wants no more work taken */
	bool cwd_moved; /* a script called chdir() */
};

ZEND_TSRMLS_CACHE_EXTERN()

extern struct pogo_state pogo;

extern zend_module_entry pogo_frankenphp_module;
extern zend_module_entry pogo_tasks_module;
extern sapi_module_struct pogo_sapi_module;

static inline pogo_str pogo_str_of(const char *ptr, size_t len)
{
	pogo_str s = {ptr, len};
	return s;
}

static inline pogo_str pogo_str_of_zend(const zend_string *s)
{
	return pogo_str_of(ZSTR_VAL(s), ZSTR_LEN(s));
}

/* boot.c */
void pogo_replace_function(const char *name, zif_handler handler, zif_handler *original);
void pogo_collect_boot_message(const char *message);

/* sapi.c */
void pogo_bind_work(void);
void pogo_unbind_work(void);
bool pogo_finish_answer(void);
int pogo_send_informational(int status);

/* vars.c */
void pogo_vars_startup(const pogo_names *names);
void pogo_register_variables(zval *track_vars);
void pogo_replace_environment_functions(void);
zend_string *pogo_header_name(uint16_t number);

/* request.c */
int pogo_classic_run(void);
void pogo_enter_folder(const char *script);

/* resident.c */
int pogo_resident_run(void);
PHP_FUNCTION(frankenphp_handle_request);

/* limit.c */
void pogo_limit_startup(void);
void pogo_limit_worker(const pogo_worker_config *config);
void pogo_limit_begin(uint64_t job, bool has_body);
void pogo_limit_execution(void);
void pogo_limit_end(void);
zend_long pogo_limit_seconds(void);
void pogo_limit_restore(zend_long seconds);

/* tasks.c */
void pogo_report_result(zval *result);

/* functions.c */
void pogo_replace_functions(void);

#endif
