//! `log`: logs a site's requests; and the option of the same name.

use crate::adapter::error::Result;
use crate::adapter::log_modules::{parse_core, parse_encoder, parse_sampling, parse_writer};
use crate::adapter::scope::{NamedLog, Scope, Value};
use crate::adapter::values::{expect_arg, expect_args, expect_no_arg, unknown};
use crate::config::logging::Log;
use caddyfile_parser::Dispenser;
use std::collections::HashSet;

/// The log that is there without being configured.
pub(in crate::adapter) const DEFAULT: &str = "default";

const SUBDIRECTIVES: [&str; 9] = [
    "output",
    "format",
    "core",
    "level",
    "sampling",
    "hostnames",
    "no_hostname",
    "include",
    "exclude",
];

/// Those that a log has once at most.
const ONCE: [&str; 6] = ["output", "format", "core", "level", "sampling", "no_hostname"];

/// Reads
///
/// ```caddyfile
/// log [NAME] {
///     output WRITER …
///     format ENCODER …
///     core CORE …
///     level LEVEL
///     sampling { … }
///     hostnames HOST…
///     no_hostname
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let mut log = parse_log(d, None)?;
    if log.name.is_empty() && log.log.is_some() {
        log.name = format!("log{}", scope.shared.logs.next());
    }
    if let Some(settings) = log.log.as_mut().filter(|_| !log.name.is_empty()) {
        settings.include = vec![format!("http.log.access.{}", log.name)];
    }
    Ok(vec![Value::Log(Box::new(log))])
}

/// Reads the option, which adds
///
/// ```caddyfile
///     include LOGGER…
///     exclude LOGGER…
/// ```
///
/// and is about the default log when it gives no name.
pub(in crate::adapter) fn parse_option(d: &mut Dispenser, known: &[NamedLog]) -> Result<NamedLog> {
    d.next();
    parse_log(d, Some(known))
}

/// `known` holds the logs of earlier options, and is `None` in a site.
fn parse_log(d: &mut Dispenser, known: Option<&[NamedLog]>) -> Result<NamedLog> {
    let mut log = NamedLog::default();
    if d.next_arg() {
        log.name = d.val().to_owned();
        expect_no_arg(d)?;
    } else if known.is_some() {
        log.name = DEFAULT.to_owned();
    }
    if known.is_some_and(|known| known.iter().any(|other| other.name == log.name)) {
        return Err(d.err(format!("duplicate global log option for: {}", log.name)).into());
    }
    let mut settings = Log::default();
    let mut seen = HashSet::new();
    while d.next_block(0) {
        let word = d.val().to_owned();
        if ONCE.contains(&word.as_str()) && !seen.insert(word.clone()) {
            let text =
                format!("'{word}' subdirective specified more than once in the same log block");
            return Err(d.err(text).into());
        }
        parse_subdirective(d, known.is_some(), &mut settings, &mut log)?;
    }
    log.log = Some(settings).filter(|settings| *settings != Log::default());
    Ok(log)
}

fn parse_subdirective(
    d: &mut Dispenser,
    is_option: bool,
    settings: &mut Log,
    log: &mut NamedLog,
) -> Result<()> {
    let word = d.val().to_owned();
    let refused = |place: &str| d.err(format!("{word} is not allowed in the log {place}"));
    match word.as_str() {
        "hostnames" if is_option => return Err(refused("global options").into()),
        "include" | "exclude" if !is_option => return Err(refused("directive").into()),
        "hostnames" => log.hostnames.extend(expect_args(d)?),
        "no_hostname" => {
            expect_no_arg(d)?;
            log.no_hostname = true;
        }
        "output" => settings.writer = Some(parse_writer(d)?),
        "format" => settings.encoder = Some(parse_encoder(d)?),
        "core" => settings.core = Some(parse_core(d)?),
        "sampling" => settings.sampling = Some(parse_sampling(d)?),
        "level" => {
            settings.level = expect_arg(d)?;
            expect_no_arg(d)?;
        }
        "include" => settings.include.extend(d.remaining_args()),
        "exclude" => settings.exclude.extend(d.remaining_args()),
        other => {
            return Err(unknown(d, format!("unrecognized subdirective: {other}"), &SUBDIRECTIVES));
        }
    }
    Ok(())
}
