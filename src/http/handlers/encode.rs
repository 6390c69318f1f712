//! `encode`: compresses answers on their way out.
//!
//! ```caddyfile
//! encode zstd br gzip
//! ```
//!
//! is `{"handler":"encode","encodings":{"br":{},"gzip":{},"zstd":{}},"prefer":["zstd","br","gzip"]}`.
//! Only gzip is spoken yet, so it is what a client that accepts it gets. Answers of less
//! than 512 bytes, of types that do not compress, with an encoding of their own or marked
//! `no-transform`, and partial ones pass as they are. The `ETag` gets the suffix `-gzip`.

use super::headers::Answers;
use crate::config::handlers::Encode as Config;
use crate::http::exchange::Exchange;
use crate::http::response::Filter;
use crate::http::server::ProvisionError;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue};
use std::io::Write as _;

/// Caddy's default; more gains little and costs much.
const LEVEL: u32 = 5;
/// Shorter answers gain nothing.
const LENGTH_MIN: usize = 512;

/// The encodings.
const NAMES: [&str; 3] = ["br", "gzip", "zstd"];

/// Content types that compress: their beginnings.
const TYPES: [&str; 35] = [
    "application/atom+xml",
    "application/eot",
    "application/font",
    "application/geo+json",
    "application/graphql+json",
    "application/graphql-response+json",
    "application/javascript",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/opentype",
    "application/otf",
    "application/rss+xml",
    "application/truetype",
    "application/ttf",
    "application/vnd.api+json",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-httpd-cgi",
    "application/x-javascript",
    "application/x-opentype",
    "application/x-otf",
    "application/x-perl",
    "application/x-protobuf",
    "application/x-ttf",
    "application/xhtml+xml",
    "application/xml",
    "font/ttf",
    "font/otf",
    "image/svg+xml",
    "image/vnd.microsoft.icon",
    "image/x-icon",
    "multipart/bag",
    "multipart/mixed",
    "text/",
];

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Encode {
    gzip: Option<Compression>,
    length_min: usize,
    answers: Option<Answers>,
}

impl Encode {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        if let Some(name) = config.prefer.iter().find(|name| !NAMES.contains(&name.as_str())) {
            let text = format!("encode: unknown encoding \"{name}\"");
            return Err(ProvisionError::Invalid(text));
        }
        let level = config.encodings.gzip.as_ref().map(|gzip| match gzip.level {
            0 => Ok(Compression::new(LEVEL)),
            level @ 1..=9 => Ok(Compression::new(u32::try_from(level).unwrap_or(LEVEL))),
            level => Err(ProvisionError::Invalid(format!(
                "encode: gzip: compression level {level} is not within 1 and 9"
            ))),
        });
        Ok(Self {
            gzip: level.transpose()?,
            length_min: usize::try_from(config.minimum_length)
                .ok()
                .filter(|n| *n > 0)
                .unwrap_or(LENGTH_MIN),
            answers: config.matcher.as_ref().map(Answers::new),
        })
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        let Some(level) = self.gzip else { return };
        if !accepts_gzip(ex.headers()) {
            return;
        }
        if ex.headers().contains_key(IF_NONE_MATCH) {
            // Handlers below know the answer without our suffix.
            ex.change_headers(|headers, _| strip_suffix(headers));
        }
        ex.response.filter(Gzip { config: self, level, encoder: None });
    }

    fn wants(&self, ex: &Exchange<'_>, first: usize) -> bool {
        let headers = &ex.response.headers;
        let says = |name, word: &str| {
            headers
                .get(name)
                .and_then(|v: &HeaderValue| v.to_str().ok())
                .is_some_and(|v| v.to_ascii_lowercase().contains(word))
        };
        let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        let is_long =
            first >= self.length_min || announced.is_some_and(|n: usize| n >= self.length_min);
        let may = !matches!(ex.response.status, 204 | 206 | 304)
            && !headers.contains_key(CONTENT_ENCODING)
            && !headers.contains_key(CONTENT_RANGE)
            && !says(CACHE_CONTROL, "no-transform");
        is_long && may && self.matches(ex)
    }

    fn matches(&self, ex: &Exchange<'_>) -> bool {
        if let Some(answers) = &self.answers {
            return answers.matches(ex);
        }
        let kind = ex.response.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        kind.is_some_and(|kind| TYPES.iter().any(|t| kind.starts_with(t)))
    }
}

/// Compresses one answer.
struct Gzip<'s> {
    config: &'s Encode,
    level: Compression,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Filter for Gzip<'_> {
    fn head(&mut self, ex: &mut Exchange<'_>, first: usize) -> bool {
        let wants = self.config.wants(ex, first);
        let headers = &mut ex.response.headers;
        if wants {
            headers.remove(CONTENT_LENGTH);
            headers.remove(ACCEPT_RANGES);
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            add_vary(headers);
            add_suffix(headers);
            self.encoder = Some(GzEncoder::new(Vec::new(), self.level));
        }
        wants
    }

    fn body(&mut self, data: Bytes, end: bool, flush: bool) -> Bytes {
        // Writing to memory does not fail.
        let Some(encoder) = &mut self.encoder else { return data };
        let _ = encoder.write_all(&data);
        if end {
            let done = self.encoder.take().and_then(|encoder| encoder.finish().ok());
            return done.unwrap_or_default().into();
        }
        if flush {
            let _ = encoder.flush();
        }
        std::mem::take(encoder.get_mut()).into()
    }
}

/// Whether the client names gzip, and not with `q=0`.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|p| p.strip_prefix("q=")?.parse::<f32>().ok());
        is_gzip && weight.is_none_or(|q| q > 0.0)
    })
}

fn add_vary(headers: &mut HeaderMap) {
    let names = headers.get_all(VARY).iter().filter_map(|v| v.to_str().ok());
    let mut names = names.flat_map(|v| v.split(',')).map(str::trim);
    if !names.any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding")) {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

/// `"x"` becomes `"x-gzip"`; weak ones stay.
fn add_suffix(headers: &mut HeaderMap) {
    let strong = headers.get(ETAG).and_then(|v| v.to_str().ok()).filter(|v| v.starts_with('"'));
    let named = strong.and_then(|tag| tag.strip_suffix('"')).map(|tag| format!("{tag}-gzip\""));
    if let Some(tag) = named.and_then(|tag| tag.parse().ok()) {
        headers.insert(ETAG, tag);
    }
}

fn strip_suffix(headers: &mut HeaderMap) {
    let stripped = headers
        .get(IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .map(|tags| tags.replace("-gzip\"", "\""));
    if let Some(tags) = stripped.and_then(|tags| tags.parse().ok()) {
        headers.insert(IF_NONE_MATCH, tags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &'static str, expected: bool) {
        let headers = [(ACCEPT_ENCODING, HeaderValue::from_static(accept))].into_iter().collect();
        assert_eq!(accepts_gzip(&headers), expected, "{accept}");
    }

    #[test]
    fn a_client_must_name_gzip() {
        check("gzip", true);
        check("GZIP", true);
        check("deflate, gzip;q=1.0, *;q=0.5", true);
        check("gzip;q=0", false);
        check("*", false);
        check("br", false);
    }

    #[track_caller]
    fn check_refused(config: &str, expected: &str) {
        let config = serde_json::from_str(config).expect("the case is right JSON");
        let error = Encode::provision(&config).expect_err("it is wrong");
        assert_eq!(error.to_string(), format!("encode: {expected}"));
    }

    #[test]
    fn wrong_settings_are_refused() {
        check_refused(r#"{"prefer":["lz4"]}"#, "unknown encoding \"lz4\"");
        check_refused(
            r#"{"encodings":{"gzip":{"level":-1}}}"#,
            "gzip: compression level -1 is not within 1 and 9",
        );
    }

    #[test]
    fn the_suffix_goes_on_strong_tags_and_off_conditions() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, HeaderValue::from_static("\"abc\""));
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("\"abc-gzip\", W/\"x\""));
        add_suffix(&mut headers);
        strip_suffix(&mut headers);
        assert_eq!(headers[ETAG], "\"abc-gzip\"");
        assert_eq!(headers[IF_NONE_MATCH], "\"abc\", W/\"x\"");
        add_vary(&mut headers);
        add_vary(&mut headers);
        assert_eq!(headers.get_all(VARY).iter().count(), 1);
    }
}
