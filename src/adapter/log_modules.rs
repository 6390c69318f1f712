//! What logs consist of: writers, encoders, filters of fields, sampling.

use super::error::Result;
use super::values::{
    expect_arg, expect_duration, expect_no_arg, expect_only_arg, integer, not_registered, size,
    unknown,
};
use crate::config::duration::Duration;
use crate::config::logging::Sampling;
use caddyfile_parser::Dispenser;
use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

const WRITERS: [&str; 5] = ["stdout", "stderr", "discard", "file", "net"];
const ENCODERS: [&str; 3] = ["console", "json", "filter"];

/// Settings of the encoders that write text themselves.
const ENCODER_SETTINGS: [&str; 11] = [
    "message_key",
    "level_key",
    "time_key",
    "name_key",
    "caller_key",
    "stacktrace_key",
    "line_ending",
    "time_format",
    "time_local",
    "duration_format",
    "level_format",
];

const FILTERS: [&str; 10] = [
    "cookie",
    "delete",
    "hash",
    "ip_mask",
    "multi_regexp",
    "query",
    "regexp",
    "rename",
    "replace",
    "set_cookie",
];

const FILE_SETTINGS: [&str; 8] = [
    "mode",
    "dir_mode",
    "roll_size",
    "roll_disabled",
    "roll_local_time",
    "roll_keep",
    "roll_keep_for",
    "roll_interval",
];

/// Reads `output WRITER …`, of which `output` is loaded.
pub(super) fn parse_writer(d: &mut Dispenser) -> Result<Value> {
    let name = expect_arg(d)?;
    let fields = match name.as_str() {
        "stdout" | "stderr" | "discard" => Fields::new(),
        "file" => parse_file(&mut d.new_from_next_segment())?,
        "net" => parse_net(&mut d.new_from_next_segment())?,
        _ => return Err(not_registered(d, "caddy.logging.writers", &name, &WRITERS)),
    };
    Ok(module("output", &name, fields))
}

/// Reads `format ENCODER …`, of which `format` is loaded; also what a filter wraps.
pub(super) fn parse_encoder(d: &mut Dispenser) -> Result<Value> {
    let name = expect_arg(d)?;
    let fields = match name.as_str() {
        "console" | "json" => parse_text_encoder(&mut d.new_from_next_segment())?,
        "filter" => parse_filter_encoder(&mut d.new_from_next_segment())?,
        _ => return Err(not_registered(d, "caddy.logging.encoders", &name, &ENCODERS)),
    };
    Ok(module("format", &name, fields))
}

/// Reads `sampling { interval DURATION; first NUM; thereafter NUM }`.
pub(super) fn parse_sampling(d: &mut Dispenser) -> Result<Sampling> {
    let mut d = d.new_from_next_segment();
    d.next();
    expect_no_arg(&mut d)?;
    let mut sampling = Sampling::default();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "interval" => {
                sampling.interval = expect_duration(&mut d, "failed to parse interval")?;
            }
            "first" => sampling.first = expect_number(&mut d, "failed to parse first")?,
            "thereafter" => {
                sampling.thereafter = expect_number(&mut d, "failed to parse thereafter")?;
            }
            other => {
                let text = format!("unrecognized subdirective: {other}");
                return Err(unknown(&d, text, &["interval", "first", "thereafter"]));
            }
        }
    }
    Ok(sampling)
}

fn parse_file(d: &mut Dispenser) -> Result<Fields> {
    d.next();
    let mut fields = Fields::new();
    fields.insert("filename".to_owned(), expect_only_arg(d)?.into());
    while d.next_block(0) {
        let word = d.val().to_owned();
        let (field, value) = match word.as_str() {
            "mode" | "dir_mode" => (word.as_str(), expect_only_arg(d)?.into()),
            "roll_disabled" => ("roll", false.into()),
            "roll_local_time" => ("roll_local_time", true.into()),
            "roll_size" => {
                let text = expect_only_arg(d)?;
                let bytes = size(&text).map_err(|e| d.err(format!("parsing size: {e}")))?;
                ("roll_size_mb", bytes.div_ceil(1 << 20).into())
            }
            "roll_keep" => ("roll_keep", expect_number(d, "parsing roll_keep number")?.into()),
            "roll_keep_for" => {
                let span = expect_duration(d, "parsing roll_keep_for duration")?;
                ("roll_keep_days", days(d, span)?.into())
            }
            "roll_interval" => {
                let span = expect_duration(d, "parsing roll_interval duration")?;
                ("roll_interval", span.0.into())
            }
            other => {
                let text = format!("unrecognized subdirective '{other}'");
                return Err(unknown(d, text, &FILE_SETTINGS));
            }
        };
        fields.insert(field.to_owned(), value);
    }
    Ok(fields)
}

/// Days that have begun in a span.
fn days(d: &Dispenser, span: Duration) -> Result<i64> {
    const DAY: i64 = 86_400_000_000_000;
    if span.0 < 0 {
        return Err(d.err(format!("negative roll_keep_for duration: {span}")).into());
    }
    Ok(span.0 / DAY + i64::from(span.0 % DAY > 0))
}

fn parse_net(d: &mut Dispenser) -> Result<Fields> {
    d.next();
    let mut fields = Fields::new();
    fields.insert("address".to_owned(), expect_only_arg(d)?.into());
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "dial_timeout" => {
                let text = expect_only_arg(d)?;
                let timeout = Duration::parse(&text)
                    .map_err(|_| d.err(format!("invalid duration: {text}")))?;
                fields.insert("dial_timeout".to_owned(), timeout.0.into());
            }
            "soft_start" => {
                fields.insert("soft_start".to_owned(), true.into());
            }
            other => {
                let text = format!("unrecognized subdirective '{other}'");
                return Err(unknown(d, text, &["dial_timeout", "soft_start"]));
            }
        }
    }
    Ok(fields)
}

fn parse_text_encoder(d: &mut Dispenser) -> Result<Fields> {
    d.next();
    expect_no_arg(d)?;
    let mut fields = Fields::new();
    while d.next_block(0) {
        let word = d.val().to_owned();
        if !ENCODER_SETTINGS.contains(&word.as_str()) {
            let text = format!("unrecognized subdirective {word}");
            return Err(unknown(d, text, &ENCODER_SETTINGS));
        }
        let value = if word == "time_local" {
            expect_no_arg(d)?;
            Value::Bool(true)
        } else {
            expect_only_arg(d)?.into()
        };
        fields.insert(word, value);
    }
    Ok(fields)
}

/// Reads `filter { wrap ENCODER …; FIELD FILTER …; fields { FIELD FILTER … } }`.
fn parse_filter_encoder(d: &mut Dispenser) -> Result<Fields> {
    d.next();
    expect_no_arg(d)?;
    let mut fields = Fields::new();
    let mut filters = Fields::new();
    while d.next_block(0) {
        match d.val() {
            "wrap" => {
                fields.insert("wrap".to_owned(), parse_encoder(d)?);
            }
            "fields" => {
                let nesting = d.nesting();
                while d.next_block(nesting) {
                    parse_filter(d, &mut filters)?;
                }
            }
            _ => parse_filter(d, &mut filters)?,
        }
    }
    if !filters.is_empty() {
        fields.insert("fields".to_owned(), Value::Object(filters));
    }
    Ok(fields)
}

/// Reads `FIELD FILTER …`, of which the field is loaded.
fn parse_filter(d: &mut Dispenser, filters: &mut Fields) -> Result<()> {
    let field = d.val().to_owned();
    let name = expect_arg(d)?;
    if !FILTERS.contains(&name.as_str()) {
        return Err(not_registered(d, "caddy.logging.encoders.filter", &name, &FILTERS));
    }
    let mut segment = d.new_from_next_segment();
    let filter = module("filter", &name, parse_filter_settings(&mut segment, &name)?);
    let Some(earlier) = filters.get_mut(&field) else {
        filters.insert(field, filter);
        return Ok(());
    };
    merge_regexps(earlier, filter).map_err(|both| {
        let text = if both {
            format!("cannot mix regexp filters with other filter types for field {field}")
        } else {
            format!(
                "field {field} already has a filter; \
                 multiple non-regexp filters per field are not supported"
            )
        };
        d.err(text).into()
    })
}

/// Puts a second regular expression behind the first. Otherwise fails, and says whether one
/// of the two is one.
fn merge_regexps(earlier: &mut Value, filter: Value) -> std::result::Result<(), bool> {
    let is_regexp = |filter: &Value| filter["filter"] == "regexp";
    let was_regexp = is_regexp(earlier) || earlier["filter"] == "multi_regexp";
    if !was_regexp || !is_regexp(&filter) {
        return Err(was_regexp || is_regexp(&filter));
    }
    let operation = |mut filter: Value| {
        if let Some(fields) = filter.as_object_mut() {
            fields.remove("filter");
        }
        filter
    };
    if is_regexp(earlier) {
        let first = operation(earlier.take());
        *earlier = json!({ "filter": "multi_regexp", "operations": [first] });
    }
    if let Some(operations) = earlier["operations"].as_array_mut() {
        operations.push(operation(filter));
    }
    Ok(())
}

fn parse_filter_settings(d: &mut Dispenser, name: &str) -> Result<Fields> {
    d.next();
    let mut fields = Fields::new();
    let mut set = |field: &str, value: Value| {
        if value != "" {
            fields.insert(field.to_owned(), value);
        }
    };
    match name {
        "rename" if d.next_arg() => set("name", d.val().into()),
        "replace" if d.next_arg() => set("value", d.val().into()),
        "regexp" => {
            for field in ["regexp", "value"] {
                if d.next_arg() {
                    set(field, d.val().into());
                }
            }
        }
        "multi_regexp" => set("operations", parse_operations(d)?),
        "ip_mask" => {
            for (field, bits) in parse_ip_mask(d)? {
                set(field, bits.into());
            }
        }
        "query" => set("actions", parse_actions(d, "parameter")?),
        "cookie" | "set_cookie" => set("actions", parse_actions(d, "name")?),
        _ => {}
    }
    Ok(fields)
}

/// Reads `ip_mask IPV4_BITS [IPV6_BITS]` or the block with `ipv4` and `ipv6`.
fn parse_ip_mask(d: &mut Dispenser) -> Result<Vec<(&'static str, i64)>> {
    let mut masks = Vec::new();
    let args = d.remaining_args();
    if args.len() > 2 {
        return Err(d.err("too many arguments").into());
    }
    for (field, text) in ["ipv4_cidr", "ipv6_cidr"].into_iter().zip(&args) {
        masks.push((field, parse_bits(d, text)?));
    }
    while d.next_block(0) {
        let field = match d.val() {
            "ipv4" => "ipv4_cidr",
            "ipv6" => "ipv6_cidr",
            other => {
                let text = format!("unrecognized subdirective {other}");
                return Err(unknown(d, text, &["ipv4", "ipv6"]));
            }
        };
        let text = expect_arg(d)?;
        masks.push((field, parse_bits(d, &text)?));
    }
    Ok(masks)
}

fn parse_bits(d: &Dispenser, text: &str) -> Result<i64> {
    integer(text).map_err(|error| d.err(format!("error parsing {text}: {error}")).into())
}

/// Reads a block of `regexp EXPRESSION BY`.
fn parse_operations(d: &mut Dispenser) -> Result<Value> {
    let mut operations = Vec::new();
    while d.next_block(0) {
        if d.val() != "regexp" {
            return Err(unknown(d, format!("unrecognized subdirective {}", d.val()), &["regexp"]));
        }
        let Some([regexp, value]) = d.all_args() else {
            return Err(d.arg_err().into());
        };
        let mut operation = json!({ "regexp": regexp });
        if !value.is_empty() {
            operation["value"] = value.into();
        }
        operations.push(operation);
    }
    if operations.is_empty() {
        let text = "multi_regexp filter requires at least one regexp operation";
        return Err(d.err(text).into());
    }
    Ok(Value::Array(operations))
}

/// Reads a block of `replace NAME BY`, `hash NAME` and `delete NAME`.
fn parse_actions(d: &mut Dispenser, key: &str) -> Result<Value> {
    let mut actions = Vec::new();
    while d.next_block(0) {
        let kind = d.val().to_owned();
        if !["replace", "hash", "delete"].contains(&kind.as_str()) {
            let text = format!("unrecognized subdirective {kind}");
            return Err(unknown(d, text, &["replace", "hash", "delete"]));
        }
        let mut action = json!({ "type": kind, key: expect_arg(d)? });
        if kind == "replace" {
            action["value"] = expect_arg(d)?.into();
        }
        actions.push(action);
    }
    Ok(Value::Array(actions))
}

fn expect_number(d: &mut Dispenser, what: &str) -> Result<i64> {
    let text = expect_arg(d)?;
    integer(&text).map_err(|error| d.err(format!("{what}: {error}")).into())
}

fn module(key: &str, name: &str, mut fields: Fields) -> Value {
    fields.insert(key.to_owned(), name.into());
    Value::Object(fields)
}
