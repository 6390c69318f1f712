//! Encoders: the form that a log has.

use super::filters::FieldFilters;
use crate::adapter::error::{Error, Result};
use crate::adapter::values::{
    expect_arg, expect_no_arg, expect_only_arg, not_registered, scalar, unknown,
};
use crate::config::logging::encoders::{Append, Encoder, Filter, Journald, Text};
use caddyfile_parser::Dispenser;

const ENCODERS: [&str; 5] = ["append", "console", "filter", "journald", "json"];

/// Settings of the encoders that write text themselves.
const TEXT_SETTINGS: [&str; 11] = [
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

/// Reads `format ENCODER …` or `wrap ENCODER …`, of which the first word is loaded.
pub(in crate::adapter) fn parse_encoder(d: &mut Dispenser) -> Result<Encoder> {
    Ok(match expect_arg(d)?.as_str() {
        "append" => Encoder::Append(parse_append(&mut d.new_from_next_segment())?),
        "console" => Encoder::Console(parse_text(&mut d.new_from_next_segment())?),
        "filter" => Encoder::Filter(parse_filter(&mut d.new_from_next_segment())?),
        "journald" => Encoder::Journald(parse_journald(&mut d.new_from_next_segment())?),
        "json" => Encoder::Json(parse_text(&mut d.new_from_next_segment())?),
        name => return Err(not_registered(d, "caddy.logging.encoders", name, &ENCODERS)),
    })
}

/// Reads
///
/// ```caddyfile
/// console {
///     message_key KEY
///     level_key KEY
///     time_key KEY
///     name_key KEY
///     caller_key KEY
///     stacktrace_key KEY
///     line_ending TEXT
///     time_format FORMAT
///     time_local
///     duration_format FORMAT
///     level_format FORMAT
/// }
/// ```
///
/// and the same for `json`.
fn parse_text(d: &mut Dispenser) -> Result<Text> {
    d.next();
    expect_no_arg(d)?;
    let mut text = Text::default();
    while d.next_block(0) {
        let token = d.token();
        if token.text == "time_local" {
            text.time_local = true;
            expect_no_arg(d)?;
            continue;
        }
        let arg = expect_only_arg(d)?;
        match token.text.as_str() {
            "message_key" => text.message_key = Some(arg),
            "level_key" => text.level_key = Some(arg),
            "time_key" => text.time_key = Some(arg),
            "name_key" => text.name_key = Some(arg),
            "caller_key" => text.caller_key = Some(arg),
            "stacktrace_key" => text.stacktrace_key = Some(arg),
            "line_ending" => text.line_ending = Some(arg),
            "time_format" => text.time_format = arg,
            "duration_format" => text.duration_format = arg,
            "level_format" => text.level_format = arg,
            other => {
                let error = Error::from(d.err(format!("unrecognized subdirective {other}")));
                return Err(error.relocate(&token).suggest(TEXT_SETTINGS));
            }
        }
    }
    Ok(text)
}

/// Reads `append { wrap ENCODER …; FIELD VALUE; fields { FIELD VALUE } }`.
fn parse_append(d: &mut Dispenser) -> Result<Append> {
    d.next();
    let mut append = Append::default();
    while d.next_block(0) {
        match d.val() {
            "wrap" => append.wrap = Some(Box::new(parse_encoder(d)?)),
            "fields" => {
                let nesting = d.nesting();
                while d.next_block(nesting) {
                    append_field(d, &mut append)?;
                }
            }
            _ => append_field(d, &mut append)?,
        }
    }
    Ok(append)
}

/// Reads `FIELD VALUE`, of which the field is loaded.
fn append_field(d: &mut Dispenser, append: &mut Append) -> Result<()> {
    let field = d.val().to_owned();
    expect_arg(d)?;
    append.fields.insert(field, scalar(&d.token()));
    expect_no_arg(d)
}

/// Reads `filter { wrap ENCODER …; FIELD FILTER …; fields { FIELD FILTER … } }`.
fn parse_filter(d: &mut Dispenser) -> Result<Filter> {
    d.next();
    let mut wrap = None;
    let mut filters = FieldFilters::default();
    while d.next_block(0) {
        match d.val() {
            "wrap" => wrap = Some(Box::new(parse_encoder(d)?)),
            "fields" => {
                let nesting = d.nesting();
                while d.next_block(nesting) {
                    filters.parse(d)?;
                }
            }
            _ => filters.parse(d)?,
        }
    }
    Ok(Filter { wrap, fields: filters.merge()? })
}

/// Reads `journald { wrap ENCODER … }`.
fn parse_journald(d: &mut Dispenser) -> Result<Journald> {
    d.next();
    expect_no_arg(d)?;
    let mut journald = Journald::default();
    while d.next_block(0) {
        if d.val() != "wrap" {
            let text = format!("unrecognized subdirective {}", d.val());
            return Err(unknown(d, text, &["wrap"]));
        }
        journald.wrap = Some(Box::new(parse_encoder(d)?));
    }
    Ok(journald)
}
