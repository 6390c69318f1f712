//! Loggers.

use super::fault::{At, Checked, Fault, each};
use crate::config::logging::encoders::Encoder;
use crate::config::logging::filters::{FieldFilter, MultiRegexp};
use crate::config::logging::{Log, Logging};
use crate::go::regexp;

const LEVELS: [&str; 7] = ["", "debug", "info", "warn", "error", "panic", "fatal"];
/// Bounds of `multi_regexp`.
const OPERATIONS_MAX: usize = 50;
const PATTERN_MAX: usize = 1000;

/// Checks all loggers.
pub(super) fn check(logging: &Logging) -> Checked {
    if let Some(encoder) = logging.sink.as_ref().and_then(|sink| sink.encoder.as_ref()) {
        in_encoder(encoder).field("encoder").field("sink")?;
    }
    for (name, log) in &logging.logs {
        let checked = in_log(log);
        let words = format!("setting up custom log '{name}': ");
        checked.map_err(|fault| fault.after_outside_modules(&words)).field(name).field("logs")?;
    }
    Ok(())
}

fn in_log(log: &Log) -> Checked {
    if let Some(encoder) = &log.encoder {
        in_encoder(encoder).field("encoder")?;
    }
    let level = log.level.to_lowercase();
    if !LEVELS.contains(&level.as_str()) && !level.contains('{') {
        return Err(Fault::new(format!("unrecognized log level: {level}"))).field("level");
    }
    names(log)
}

/// When both lists are there, each of their names is an exception to one of the other's.
fn names(log: &Log) -> Checked {
    if log.include.is_empty() || log.exclude.is_empty() {
        return Ok(());
    }
    if let Some(name) = log.include.iter().find(|name| log.exclude.contains(name)) {
        let why = "include and exclude must not intersect, but found";
        return Err(Fault::new(format!("{why} {name} in both lists"))).field("include");
    }
    let is_within =
        |inner: &str, outer: &str| format!("{inner}.").starts_with(&format!("{outer}."));
    let is_related = |name: &&String| {
        log.exclude.iter().any(|other| is_within(name, other) || is_within(other, name))
    };
    match log.include.iter().find(|name| !is_related(name)) {
        None => Ok(()),
        Some(name) => Err(Fault::new(format!(
            "when both include and exclude are populated, each element must be a superspace or \
             subspace of one in the other list; check '{name}' in include"
        )))
        .field("include"),
    }
}

fn in_encoder(encoder: &Encoder) -> Checked {
    let namespace = "caddy.logging.encoders";
    let wrapped = |wrap: Option<&Encoder>| wrap.map_or(Ok(()), in_encoder).field("wrap");
    match encoder {
        Encoder::Append(append) => wrapped(append.wrap.as_deref()).inline(namespace, "append"),
        Encoder::Filter(filter) => wrapped(filter.wrap.as_deref())
            .and_then(|()| {
                filter
                    .fields
                    .iter()
                    .try_for_each(|(name, field)| in_filter(field).field(name))
                    .field("fields")
            })
            .inline(namespace, "filter"),
        Encoder::Journald(journald) => {
            wrapped(journald.wrap.as_deref()).inline(namespace, "journald")
        }
        Encoder::Console(_) | Encoder::Json(_) => Ok(()),
    }
}

fn in_filter(filter: &FieldFilter) -> Checked {
    let namespace = "caddy.logging.encoders.filter";
    match filter {
        FieldFilter::IpMask(mask) => {
            let why = match (mask.ipv4_cidr, mask.ipv6_cidr) {
                (0..=32, 0..=128) => return Ok(()),
                (0..=32, bits) => format!("invalid IPv6 mask: {bits} (must be between 0 and 128)"),
                (bits, _) => format!("invalid IPv4 mask: {bits} (must be between 0 and 32)"),
            };
            Err(Fault::new(why)).inline(namespace, "ip_mask")
        }
        FieldFilter::MultiRegexp(multi) => operations(multi).inline(namespace, "multi_regexp"),
        FieldFilter::Regexp(expression) => regexp::check(&expression.regexp)
            .map_err(Fault::new)
            .field("regexp")
            .inline(namespace, "regexp"),
        _ => Ok(()),
    }
}

fn operations(multi: &MultiRegexp) -> Checked {
    let operations = &multi.operations.0;
    if operations.len() > OPERATIONS_MAX {
        let (count, most) = (operations.len(), OPERATIONS_MAX);
        let why = format!("too many regexp operations: {count} (maximum {most} allowed)");
        return Err(Fault::new(why)).field("operations");
    }
    if operations.is_empty() {
        let why = "multi_regexp filter requires at least one operation";
        return Err(Fault::new(why)).field("operations");
    }
    let checks = |(index, pattern): (usize, &str)| {
        let length = pattern.len();
        if length > PATTERN_MAX {
            return Err(format!(
                "regexp pattern {index} too long: {length} characters (maximum {PATTERN_MAX})"
            ));
        }
        if pattern.is_empty() {
            return Err(format!("regexp pattern {index} cannot be empty"));
        }
        regexp::check(pattern)
            .map_err(|why| format!("compiling regexp pattern {index} ({pattern}): {why}"))
    };
    let patterns: Vec<&str> = operations.iter().map(|each| each.regexp.as_str()).collect();
    let numbered: Vec<(usize, &str)> = patterns.into_iter().enumerate().collect();
    each(&numbered, |pattern| checks(*pattern).map_err(Fault::new)).field("operations")
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{accepted, refused};

    #[track_caller]
    fn check(log: &str, path: &str, message: &str) {
        let (got_path, got) = refused(&format!(r#"{{"logging":{{"logs":{{"a":{log}}}}}}}"#));
        assert_eq!(got_path, format!("logging.logs.a.{path}"));
        assert_eq!(got, format!("setting up custom log 'a': {message}"));
    }

    #[test]
    fn levels_are_words() {
        check(r#"{"level":"LOUD"}"#, "level", "unrecognized log level: loud");
        accepted(r#"{"logging":{"logs":{"a":{"level":"Debug"}}}}"#);
    }

    #[test]
    fn names_are_not_both_included_and_excluded() {
        let both = r#"{"include":["http","tls"],"exclude":["http.log"]}"#;
        check(
            both,
            "include",
            "when both include and exclude are populated, each element must be a superspace or \
             subspace of one in the other list; check 'tls' in include",
        );
        let same = r#"{"include":["http"],"exclude":["http"]}"#;
        let why = "include and exclude must not intersect, but found http in both lists";
        check(same, "include", why);
        accepted(r#"{"logging":{"logs":{"a":{"include":["http"],"exclude":["http.log"]}}}}"#);
    }

    #[test]
    fn filters_are_checked() {
        let filter = |filter: &str| {
            format!(r#"{{"encoder":{{"format":"filter","fields":{{"x":{filter}}}}}}}"#)
        };
        let way = "loading log encoder module: loading module 'filter': \
                   provision caddy.logging.encoders.filter: loading log filter modules: key x: ";
        check(
            &filter(r#"{"filter":"regexp","regexp":"("}"#),
            "encoder.fields.x.regexp",
            &format!(
                "{way}loading module 'regexp': provision caddy.logging.encoders.filter.regexp: \
                 error parsing regexp: missing closing ): `(`"
            ),
        );
        check(
            &filter(r#"{"filter":"ip_mask","ipv4_cidr":33}"#),
            "encoder.fields.x",
            &format!(
                "{way}loading module 'ip_mask': provision caddy.logging.encoders.filter.ip_mask: \
                 invalid IPv4 mask: 33 (must be between 0 and 32)"
            ),
        );
    }
}
