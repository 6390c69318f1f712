//! `php`: runs PHP for every request.

use super::new_route;
use crate::adapter::error::{Error, Result};
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::{expect_arg, expect_args, integer, unknown, unsigned};
use crate::config::duration::Duration;
use crate::config::handlers::{Handler, Php};
use crate::config::php::Worker;
use caddyfile_parser::Dispenser;
use std::collections::{BTreeMap, HashSet};

/// The subdirectives of `php`, which `php_server` has, too.
const SUBDIRECTIVES: &str =
    "hot_reload, name, root, split, env, resolve_root_symlink, request_body_timeout, worker";

const WORKER_SUBDIRECTIVES: &str =
    "name, file, num, env, watch, match, max_consecutive_failures, max_threads";

/// What `watch` watches when it names nothing.
const WATCHED: &str = "./**/*.{env,php,twig,yaml,yml}";

/// Reads
///
/// ```caddyfile
/// php [MATCHER] {
///     root DIR
///     split EXTENSION…
///     env NAME VALUE
///     name NAME
///     resolve_root_symlink [BOOL]
///     request_body_timeout DURATION
///     worker …
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let matcher = scope.take_matcher(d)?;
    d.next();
    let mut php = new_php(scope);
    if d.next_arg() {
        return Err(d.arg_err().into());
    }
    while d.next_block(0) {
        parse_subdirective(d, &mut php)?;
    }
    check_workers(d, &php)?;
    Ok(vec![new_route(matcher, Handler::Php(php))])
}

/// The handler of the next use of `php` or `php_server`.
pub(super) fn new_php(scope: &Scope<'_>) -> Php {
    let server_index = i64::from(scope.shared.php_servers.next()) + 1;
    Php { server_index, ..Php::default() }
}

/// Reads the subdirective that is loaded.
pub(super) fn parse_subdirective(d: &mut Dispenser, php: &mut Php) -> Result<()> {
    match d.val().to_owned().as_str() {
        "root" => php.root = expect_arg(d)?,
        "split" => php.split_path = expect_args(d)?,
        "env" => parse_env(d, &mut php.env)?,
        "name" => php.name = expect_arg(d)?,
        "resolve_root_symlink" => {
            if d.next_arg() {
                php.resolve_root_symlink = Some(parse_bool(d)?);
            }
        }
        "request_body_timeout" => {
            let text = expect_arg(d)?;
            let timeout = Duration::parse(&text).map_err(|error| d.wrap_err(error))?;
            php.request_body_timeout = Some(timeout);
        }
        "hot_reload" => {
            let text = "unable to enable hot reloading: no Mercure hub configured";
            return Err(d.err(text).into());
        }
        "worker" => php.workers.push(parse_worker(d)?),
        other => return Err(unknown_of("php or php_server", SUBDIRECTIVES, d, other)),
    }
    Ok(())
}

/// Refuses two workers with one file, unless they take different paths.
pub(super) fn check_workers(d: &Dispenser, php: &Php) -> Result<()> {
    let mut seen = HashSet::new();
    for worker in php.workers.iter().filter(|worker| worker.match_path.is_empty()) {
        let file = &worker.file_name;
        if !seen.insert(file) {
            let text = format!(
                "workers in a single \"php\" or \"php_server\" block must not have duplicate \
                 filenames: {file:?}"
            );
            return Err(d.err(text).into());
        }
    }
    Ok(())
}

/// Reads
///
/// ```caddyfile
/// worker [FILE [NUM | watch]] {
///     file FILE
///     num NUM
///     max_threads NUM
///     name NAME
///     env NAME VALUE
///     watch [PATTERN…]
///     match PATH…
///     max_consecutive_failures NUM
/// }
/// ```
pub(in crate::adapter) fn parse_worker(d: &mut Dispenser) -> Result<Worker> {
    let mut worker = Worker::default();
    if d.next_arg() {
        worker.file_name = d.val().to_owned();
    }
    if d.next_arg() {
        match d.val() {
            "watch" => worker.watch.push(WATCHED.to_owned()),
            number => worker.num = unsigned(number).map_err(|error| d.wrap_err(error))?,
        }
    }
    if d.next_arg() {
        let text = format!("FrankenPHP: too many \"worker\" arguments: {}", d.val());
        return Err(d.err(text).into());
    }
    let nesting = d.nesting();
    while d.next_block(nesting) {
        parse_worker_subdirective(d, &mut worker)?;
    }
    if worker.file_name.is_empty() {
        return Err(d.err("the \"file\" argument must be specified").into());
    }
    Ok(worker)
}

fn parse_worker_subdirective(d: &mut Dispenser, worker: &mut Worker) -> Result<()> {
    match d.val().to_owned().as_str() {
        "file" => worker.file_name = expect_arg(d)?,
        "num" => worker.num = expect_unsigned(d)?,
        "max_threads" => worker.max_threads = i64::from(expect_unsigned(d)?),
        "name" => worker.name = expect_arg(d)?,
        "env" => parse_env(d, &mut worker.env)?,
        "watch" => match d.remaining_args() {
            none if none.is_empty() => worker.watch.push(WATCHED.to_owned()),
            patterns => worker.watch.extend(patterns),
        },
        "match" => worker.match_path = normalized(d.remaining_args()),
        "max_consecutive_failures" => {
            let text = expect_arg(d)?;
            let number = integer(&text).map_err(|error| d.wrap_err(error))?;
            if number < -1 {
                return Err(d.err("max_consecutive_failures must be >= -1").into());
            }
            worker.max_consecutive_failures = number;
        }
        other => return Err(unknown_of("worker", WORKER_SUBDIRECTIVES, d, other)),
    }
    Ok(())
}

/// A number without a sign in the argument that must follow.
pub(in crate::adapter) fn expect_unsigned(d: &mut Dispenser) -> Result<u32> {
    let text = expect_arg(d)?;
    unsigned(&text).map_err(|error| d.wrap_err(error).into())
}

/// A subdirective that `module` does not know, in FrankenPHP's words.
pub(in crate::adapter) fn unknown_of(
    module: &str,
    allowed: &str,
    d: &Dispenser,
    word: &str,
) -> Error {
    let text =
        format!("unknown \"{module}\" subdirective: {word} (allowed directives are: {allowed})");
    let known: Vec<&str> = allowed.split(", ").collect();
    unknown(d, text, &known)
}

/// Paths as Caddy's matcher keeps them: in lower case, and a `*` that is not the first
/// takes the place of the first, as it matches everything anyway.
fn normalized(mut paths: Vec<String>) -> Vec<String> {
    for index in 0..paths.len() {
        if paths[index] == "*" && index > 0 {
            paths[0] = "*".to_owned();
            break;
        }
        paths[index] = paths[index].to_lowercase();
    }
    paths
}

fn parse_env(d: &mut Dispenser, env: &mut BTreeMap<String, String>) -> Result<()> {
    let Some([name, value]) = d.all_args() else {
        return Err(d.arg_err().into());
    };
    env.insert(name, value);
    Ok(())
}

/// Reads the loaded token as Go's `strconv.ParseBool`.
fn parse_bool(d: &Dispenser) -> Result<bool> {
    match d.val() {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        other => Err(d.err(format!("strconv.ParseBool: parsing {other:?}: invalid syntax")).into()),
    }
}
