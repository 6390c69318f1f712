//! `encode`: compresses answers.

use crate::adapter::error::{Error, Result};
use crate::adapter::response_matcher::{self, ResponseMatchers};
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, expect_no_arg, integer, not_registered, unknown};
use crate::config::handlers::{Brotli, Encode, Encodings, Gzip, Handler, Zstd};
use caddyfile_parser::Dispenser;

/// The encodings.
const NAMES: [&str; 3] = ["zstd", "br", "gzip"];

/// Which are used when none is named.
const DEFAULT: [&str; 2] = ["zstd", "gzip"];

/// How hard Zstandard tries.
const ZSTD_LEVELS: [&str; 4] = ["fastest", "better", "best", "default"];

/// Reads
///
/// ```caddyfile
/// encode [MATCHER] [ENCODING…] {
///     gzip [LEVEL]
///     br [QUALITY [WINDOW]]
///     zstd [LEVEL] {
///         level LEVEL
///         disable_checksum
///     }
///     minimum_length BYTES
///     match RESPONSE_MATCHER
/// }
/// ```
///
/// Encodings of the first line have their defaults. They come after those of the block, in
/// the order in which a client that does not mind gets them.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut encode = Encode::default();
    let mut matchers = ResponseMatchers::new();
    let named = d.remaining_args_as_tokens();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "minimum_length" => {
                let length = expect_arg(d)?;
                encode.minimum_length = expect_integer(d, &length)?;
            }
            "match" => response_matcher::define(d, &mut matchers)?,
            name => {
                parse_encoding(d, name, &mut encode.encodings)?;
                encode.prefer.push(name.to_owned());
            }
        }
    }
    encode.matcher = matchers.remove("match");
    for token in named {
        if !add_default(&token.text, &mut encode) {
            let id = format!("http.encoders.{}", token.text);
            let text = format!("finding encoder module '': module not registered: {id}");
            return Err(Error::from(d.err(text)).relocate(&token).suggest(NAMES));
        }
    }
    if encode.prefer.is_empty() {
        for name in DEFAULT {
            add_default(name, &mut encode);
        }
    }
    Ok(Handler::Encode(encode))
}

/// Adds an encoding with its defaults; false when it is not known.
fn add_default(name: &str, encode: &mut Encode) -> bool {
    match name {
        "br" => encode.encodings.br = Some(Brotli::default()),
        "gzip" => encode.encodings.gzip = Some(Gzip::default()),
        "zstd" => encode.encodings.zstd = Some(Zstd::default()),
        _ => return false,
    }
    encode.prefer.push(name.to_owned());
    true
}

/// Reads the segment of one encoding.
fn parse_encoding(d: &mut Dispenser, name: &str, encodings: &mut Encodings) -> Result<()> {
    match name {
        "br" => encodings.br = Some(parse_brotli(&mut d.new_from_next_segment())?),
        "gzip" => encodings.gzip = Some(parse_gzip(&mut d.new_from_next_segment())?),
        "zstd" => encodings.zstd = Some(parse_zstd(&mut d.new_from_next_segment())?),
        _ => {
            let words = [&NAMES[..], &["minimum_length", "match"]].concat();
            return Err(not_registered(d, "http.encoders", name, &words));
        }
    }
    Ok(())
}

/// The integer in the loaded token; Go's error stands alone then.
fn expect_integer(d: &Dispenser, text: &str) -> Result<i64> {
    integer(text).map_err(|error| Error::blame(&d.token(), error))
}

/// Reads `gzip [LEVEL]`.
fn parse_gzip(d: &mut Dispenser) -> Result<Gzip> {
    d.next();
    let level = if d.next_arg() { expect_integer(d, d.val())? } else { 0 };
    Ok(Gzip { level })
}

/// Reads `br [QUALITY [WINDOW]]`.
fn parse_brotli(d: &mut Dispenser) -> Result<Brotli> {
    d.next();
    let mut brotli = Brotli::default();
    if d.next_arg() {
        brotli.quality = Some(expect_integer(d, d.val())?);
    }
    if d.next_arg() {
        brotli.lgwin = expect_integer(d, d.val())?;
    }
    Ok(brotli)
}

/// Reads `zstd [LEVEL] { level LEVEL; disable_checksum }`.
fn parse_zstd(d: &mut Dispenser) -> Result<Zstd> {
    d.next();
    let mut zstd = Zstd::default();
    match d.remaining_args().as_slice() {
        [] => {}
        [level] => zstd.level = expect_zstd_level(d, level)?,
        _ => return Err(d.arg_err().into()),
    }
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "level" => {
                let args = d.remaining_args();
                let [level] = args.as_slice() else { return Err(d.arg_err().into()) };
                if !zstd.level.is_empty() {
                    return Err(d.err("compression level already specified").into());
                }
                zstd.level = expect_zstd_level(d, level)?;
            }
            "disable_checksum" => {
                expect_no_arg(d)?;
                if zstd.checksum.is_some() {
                    return Err(d.err("checksum already specified").into());
                }
                zstd.checksum = Some(false);
            }
            other => {
                let text = format!("unknown subdirective '{other}'");
                return Err(unknown(d, text, &["level", "disable_checksum"]));
            }
        }
    }
    Ok(zstd)
}

fn expect_zstd_level(d: &Dispenser, level: &str) -> Result<String> {
    if ZSTD_LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
        return Ok(level.to_owned());
    }
    let [fastest, better, best, default] = ZSTD_LEVELS;
    let text = format!(
        "unexpected compression level, use one of '{fastest}', '{better}', '{best}', '{default}'"
    );
    Err(unknown(d, text, &ZSTD_LEVELS))
}
