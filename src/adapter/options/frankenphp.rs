//! `frankenphp`: the PHP workers of the whole server.

use super::Options;
use crate::adapter::directives::{expect_unsigned, parse_worker, unknown_of};
use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, unsigned};
use crate::config::duration::Duration;
use crate::config::php::FrankenPhp;
use caddyfile_parser::Dispenser;
use std::collections::{BTreeMap, HashSet};

const SUBDIRECTIVES: &str =
    "num_threads, max_threads, php_ini, worker, max_wait_time, max_idle_time, max_requests";

/// Reads
///
/// ```caddyfile
/// frankenphp {
///     num_threads NUM
///     max_threads NUM | auto
///     max_wait_time DURATION
///     max_idle_time DURATION
///     max_requests NUM
///     php_ini NAME VALUE | { NAME VALUE }
///     worker …
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    let mut app = FrankenPhp::default();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "num_threads" => app.num_threads = expect_unsigned(d)?,
            "max_threads" => app.max_threads = parse_max_threads(d)?,
            "max_wait_time" => app.max_wait_time = parse_time(d, "max_wait_time", "10s")?,
            "max_idle_time" => app.max_idle_time = parse_time(d, "max_idle_time", "30s")?,
            "max_requests" => app.max_requests = u64::from(expect_unsigned(d)?),
            "php_ini" => parse_php_ini(d, &mut app.php_ini)?,
            "worker" => app.workers.push(parse_worker(d)?),
            other => return Err(unknown_of("frankenphp", SUBDIRECTIVES, d, other)),
        }
    }
    check(d, &app)?;
    options.frankenphp = Some(app);
    Ok(())
}

fn check(d: &Dispenser, app: &FrankenPhp) -> Result<()> {
    if app.max_threads > 0 && i64::from(app.num_threads) > app.max_threads {
        // The doubled quote is FrankenPHP's.
        let text = "\"max_threads\"\" must be greater than or equal to \"num_threads\"";
        return Err(d.err(text).into());
    }
    let mut seen = HashSet::new();
    for worker in &app.workers {
        let file = &worker.file_name;
        if !worker.match_path.is_empty() {
            let text = format!(
                "\"match\" can only be used in a php_server worker block, \
                 not in a global one: {file:?}"
            );
            return Err(d.err(text).into());
        }
        if !seen.insert(file) {
            let text = format!("global workers must not have duplicate filenames: {file:?}");
            return Err(d.err(text).into());
        }
    }
    Ok(())
}

fn parse_max_threads(d: &mut Dispenser) -> Result<i64> {
    match expect_arg(d)?.as_str() {
        "auto" => Ok(-1),
        number => unsigned(number).map(i64::from).map_err(|error| d.wrap_err(error).into()),
    }
}

/// A duration without days.
fn parse_time(d: &mut Dispenser, name: &str, example: &str) -> Result<Duration> {
    let text = expect_arg(d)?;
    text.parse()
        .map_err(|_| d.err(format!("{name} must be a valid duration (example: {example})")).into())
}

fn parse_php_ini(d: &mut Dispenser, settings: &mut BTreeMap<String, String>) -> Result<()> {
    let wrong =
        |d: &Dispenser| d.err("\"php_ini\" must be in the format: php_ini \"<key>\" \"<value>\"");
    let mut args = d.remaining_args();
    if !args.is_empty() {
        let (Some(value), Some(name), true) = (args.pop(), args.pop(), args.is_empty()) else {
            return Err(wrong(d).into());
        };
        settings.insert(name, value);
    }
    let nesting = d.nesting();
    while d.next_block(nesting) {
        let name = d.val().to_owned();
        let Some([value]) = d.all_args() else {
            return Err(wrong(d).into());
        };
        settings.insert(name, value);
    }
    Ok(())
}
