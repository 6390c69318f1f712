//! `encode`: compresses answers.

use crate::adapter::error::{Error, Result};
use crate::adapter::response_matcher;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, integer, unknown};
use crate::config::handlers::{Encode, Handler};
use caddyfile_parser::Dispenser;
use serde_json::{Map, Value, json};

/// Reads the settings of an encoding from its segment.
type ParseSettings = fn(&mut Dispenser) -> Result<Value>;

/// The encodings.
const ENCODINGS: [(&str, ParseSettings); 3] =
    [("zstd", parse_zstd), ("br", parse_br), ("gzip", parse_gzip)];

/// What is used when none is named.
const DEFAULT: [&str; 2] = ["zstd", "gzip"];

/// Reads
///
/// ```caddyfile
/// encode [MATCHER] [ENCODING…] {
///     gzip [LEVEL]
///     br [QUALITY]
///     zstd [LEVEL] {
///         level LEVEL
///         disable_checksum
///     }
///     minimum_length BYTES
///     match RESPONSE_MATCHER
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut encode = Encode::default();
    let named = d.remaining_args_as_tokens();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "minimum_length" => {
                let length = expect_arg(d)?;
                encode.minimum_length = expect_integer(d, &length)?;
            }
            "match" => encode.matcher = Some(response_matcher::parse(d)?),
            name => {
                let Some((_, settings)) = ENCODINGS.iter().find(|(known, _)| *known == name) else {
                    let id = format!("http.encoders.{name}");
                    let text = format!("getting module named '{id}': module not registered: {id}");
                    return Err(Error::from(d.err(text)).suggest(ENCODINGS.map(|known| known.0)));
                };
                let settings = settings(&mut d.new_from_next_segment())?;
                encode.encodings.insert(name.to_owned(), settings);
                encode.prefer.push(name.to_owned());
            }
        }
    }
    for token in &named {
        let name = token.text.as_str();
        if !ENCODINGS.iter().any(|(known, _)| *known == name) {
            let text =
                format!("finding encoder module '': module not registered: http.encoders.{name}");
            let error = Error::from(d.err(text)).relocate(token);
            return Err(error.suggest(ENCODINGS.map(|known| known.0)));
        }
        add_default(&mut encode, name);
    }
    if encode.prefer.is_empty() {
        DEFAULT.iter().for_each(|name| add_default(&mut encode, name));
    }
    Ok(Handler::Encode(encode))
}

fn add_default(encode: &mut Encode, name: &str) {
    encode.encodings.insert(name.to_owned(), json!({}));
    encode.prefer.push(name.to_owned());
}

/// The integer in the loaded token; Go's error stands alone then.
fn expect_integer(d: &Dispenser, text: &str) -> Result<i64> {
    integer(text).map_err(|error| Error::blame(&d.token(), error))
}

/// Reads `gzip [LEVEL]`.
fn parse_gzip(d: &mut Dispenser) -> Result<Value> {
    d.next();
    if !d.next_arg() {
        return Ok(json!({}));
    }
    let level = expect_integer(d, d.val())?;
    Ok(if level == 0 { json!({}) } else { json!({ "level": level }) })
}

/// Reads `br [QUALITY]`.
fn parse_br(d: &mut Dispenser) -> Result<Value> {
    d.next();
    if !d.next_arg() {
        return Ok(json!({}));
    }
    let quality = expect_integer(d, d.val())?;
    Ok(json!({ "quality": quality }))
}

/// Reads `zstd [LEVEL] { level LEVEL; disable_checksum }`.
fn parse_zstd(d: &mut Dispenser) -> Result<Value> {
    d.next();
    let mut settings = Map::new();
    if d.next_arg() {
        settings.insert("level".to_owned(), d.val().into());
    }
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "level" => {
                let level = expect_arg(d)?;
                if settings.insert("level".to_owned(), level.into()).is_some() {
                    return Err(d.err("compression level already specified").into());
                }
            }
            "disable_checksum" => {
                if settings.insert("checksum".to_owned(), false.into()).is_some() {
                    return Err(d.err("checksum already specified").into());
                }
            }
            other => {
                let text = format!("unknown subdirective '{other}'");
                return Err(unknown(d, text, &["level", "disable_checksum"]));
            }
        }
    }
    Ok(Value::Object(settings))
}
