//! `encode`: compresses answers on their way out.
//!
//! ```caddyfile
//! encode zstd br gzip
//! ```
//!
//! is `{"handler":"encode","encodings":{"br":{},"gzip":{},"zstd":{}},"prefer":["zstd","br","gzip"]}`.
//! The client's weights decide which of them it gets, then `prefer`, then this order.
//! Answers of 512 bytes or less (`minimum_length`), of types that do not compress, with an
//! encoding of their own or marked `no-transform`, and partial ones pass as they are. The
//! `ETag` gets the encoding's name as a suffix, which is taken off an `If-None-Match`.
//!
//! [`negotiate`] reads what a client accepts, [`encoder`] compresses.

mod encoder;
pub(super) mod negotiate;

use super::headers::Answers;
use crate::blocking;
use crate::config::handlers::Encode as Config;
use crate::http::exchange::Exchange;
use crate::http::response::Filter;
use crate::http::server::ProvisionError;
use crate::http::sniff;
use bytes::Bytes;
use encoder::{Encoder, Settings};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use negotiate::Encoding;

/// Answers that are not longer gain nothing.
const LENGTH_MIN: usize = 512;

/// From how many bytes on others need not wait until they are compressed: that takes some
/// hundred microseconds.
const LONG: usize = 16 * 1024;

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

/// Events come one by one; no length says whether they are worth it.
const EVENTS: &str = "text/event-stream";

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Encode {
    /// The encodings, those first that are preferred.
    settings: Vec<Settings>,
    offered: Vec<Encoding>,
    /// Answers must be longer; none is long enough when absent.
    length_min: Option<usize>,
    answers: Option<Answers>,
}

impl Encode {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let invalid = |text: String| ProvisionError::Invalid(format!("encode: {text}"));
        let mut settings: Vec<Settings> = Vec::new();
        let has = |settings: &[Settings], encoding: Encoding| {
            settings.iter().any(|settings| settings.encoding() == encoding)
        };
        for name in &config.prefer {
            let encoding = Encoding::parse(name);
            let found = encoding.and_then(|encoding| Settings::of(encoding, &config.encodings));
            let Some(found) = found else {
                return Err(invalid(format!("encoding {name} not enabled")));
            };
            if encoding.is_some_and(|encoding| has(&settings, encoding)) {
                return Err(invalid(format!("encoding {name} is duplicated in prefer")));
            }
            settings.push(found.map_err(invalid)?);
        }
        for encoding in Encoding::USUAL {
            if has(&settings, encoding) {
                continue;
            }
            if let Some(found) = Settings::of(encoding, &config.encodings) {
                settings.push(found.map_err(invalid)?);
            }
        }
        let length_min = match config.minimum_length {
            0 => Some(LENGTH_MIN),
            length => usize::try_from(length).ok(),
        };
        Ok(Self {
            offered: settings.iter().map(|settings| settings.encoding()).collect(),
            settings,
            length_min,
            answers: config.matcher.as_ref().map(Answers::new),
        })
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        let encoding = negotiate::accepted(ex.headers(), &self.offered).first().copied();
        if let Some(encoding) = encoding
            && ex.headers().contains_key(IF_NONE_MATCH)
        {
            // Handlers below know the answer without our suffix.
            ex.change_headers(|headers, _| strip_suffix(headers, encoding.name()));
        }
        let of_encoding = |settings: &&Settings| Some(settings.encoding()) == encoding;
        let settings = self.settings.iter().find(of_encoding).copied();
        ex.response.filter(Compression { config: self, settings, body: Body::Untouched });
    }

    /// Whether an answer gains, and may be changed.
    fn wants(&self, ex: &mut Exchange<'_>, first: usize) -> bool {
        let headers = &ex.response.headers;
        let announced = length(headers).unwrap_or_default();
        let is_long =
            |min: usize| first > min || usize::try_from(announced).is_ok_and(|len| len > min);
        if !is_stream_of_events(headers) && !self.length_min.is_some_and(is_long) {
            return false;
        }
        if matches!(ex.response.status, 204 | 206 | 304)
            || headers.get(CONTENT_ENCODING).is_some_and(|value| !value.is_empty())
            || headers.contains_key(CONTENT_RANGE)
            || lists(headers, &CACHE_CONTROL, "no-transform")
        {
            return false;
        }
        if headers.get(CONTENT_TYPE).is_none_or(HeaderValue::is_empty) && first > 0 {
            let kind = sniff::content_type(&ex.response.first);
            ex.response.set(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        self.matches(ex)
    }

    fn matches(&self, ex: &Exchange<'_>) -> bool {
        if let Some(answers) = &self.answers {
            return answers.matches(ex);
        }
        let kind = ex.response.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        kind.is_some_and(|kind| TYPES.iter().any(|t| kind.starts_with(t)))
    }
}

/// What happens to the body of one answer.
enum Body {
    /// Nothing, or not yet: an answer without a body is not an empty compressed one.
    Untouched,
    Encoded(Encoder),
    /// Its encoder failed: it breaks off.
    Broken,
}

/// Compresses one answer, if its client accepts an encoding.
struct Compression<'s> {
    config: &'s Encode,
    settings: Option<Settings>,
    body: Body,
}

impl Filter for Compression<'_> {
    fn head(&mut self, ex: &mut Exchange<'_>, first: usize) -> bool {
        if ex.response.status == 304 {
            // What a cache learns from it is what it would have learnt from the answer.
            add_vary(&mut ex.response.headers);
        }
        if !self.config.wants(ex, first) {
            return false;
        }
        let headers = &mut ex.response.headers;
        add_vary(headers);
        let Some(settings) = self.settings else { return false };
        let Ok(encoder) = settings.encoder(length(headers)) else { return false };
        let name = settings.encoding().name();
        headers.remove(CONTENT_LENGTH);
        headers.remove(ACCEPT_RANGES);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        add_suffix(headers, name);
        self.body = Body::Encoded(encoder);
        // The answer to HEAD has no body, nor the end of one.
        first > 0 || ex.method != http::Method::HEAD
    }

    fn body(&mut self, data: Bytes, end: bool, flush: bool) -> Bytes {
        let body = std::mem::replace(&mut self.body, Body::Broken);
        let mut encoder = match body {
            Body::Encoded(encoder) => encoder,
            Body::Untouched => return data,
            Body::Broken => return Bytes::new(),
        };
        let encode = || {
            if end {
                return encoder.finish(&data);
            }
            let out = encoder.write(&data, flush);
            self.body = Body::Encoded(encoder);
            out
        };
        let out = if data.len() < LONG { encode() } else { blocking::in_place(encode) };
        out.unwrap_or_default().into()
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_stream_of_events(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim_end().eq_ignore_ascii_case(EVENTS)
}

/// Whether a field with a list has this item.
fn lists(headers: &HeaderMap, name: &HeaderName, item: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|v| v.split(',')).any(|word| word.trim().eq_ignore_ascii_case(item))
}

fn add_vary(headers: &mut HeaderMap) {
    if !lists(headers, &VARY, "accept-encoding") {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

/// `"x"` becomes `"x-gzip"`; weak ones stay.
fn add_suffix(headers: &mut HeaderMap, name: &str) {
    let strong = headers.get(ETAG).and_then(|v| v.to_str().ok()).filter(|v| v.starts_with('"'));
    let named = strong.and_then(|tag| tag.strip_suffix('"')).map(|tag| format!("{tag}-{name}\""));
    if let Some(tag) = named.and_then(|tag| tag.parse().ok()) {
        headers.insert(ETAG, tag);
    }
}

fn strip_suffix(headers: &mut HeaderMap, name: &str) {
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let tags = lines.collect::<Vec<_>>().join(", ").replace(&format!("-{name}\""), "\"");
    if let Ok(tags) = tags.parse() {
        headers.insert(IF_NONE_MATCH, tags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(config: &str, expected: &str) {
        let config = serde_json::from_str(config).expect("the case is right JSON");
        let error = Encode::provision(&config).expect_err("it is wrong");
        assert_eq!(error.to_string(), format!("encode: {expected}"));
    }

    #[test]
    fn wrong_settings_are_refused() {
        check_refused(r#"{"prefer":["lz4"]}"#, "encoding lz4 not enabled");
        check_refused(
            r#"{"encodings":{"br":{}},"prefer":["br","br"]}"#,
            "encoding br is duplicated in prefer",
        );
        check_refused(
            r#"{"encodings":{"gzip":{"level":-1}}}"#,
            "gzip: compression level -1 is not within 1 and 9",
        );
        check_refused(
            r#"{"encodings":{"br":{"quality":12}}}"#,
            "br: quality 12 is not within 0 and 11",
        );
        check_refused(
            r#"{"encodings":{"zstd":{"level":"most"}}}"#,
            "zstd: unknown compression level \"most\"",
        );
    }

    #[track_caller]
    fn check_offered(config: &str, expected: &[&str]) {
        let config = serde_json::from_str(config).expect("the case is right JSON");
        let encode = Encode::provision(&config).expect("it is right");
        let offered: Vec<_> = encode.offered.iter().map(|e| e.name()).collect();
        assert_eq!(offered, expected);
    }

    #[test]
    fn preferred_encodings_come_first_and_the_others_are_offered_too() {
        check_offered(r#"{"encodings":{"gzip":{},"br":{}}}"#, &["br", "gzip"]);
        check_offered(
            r#"{"encodings":{"gzip":{},"br":{},"zstd":{}},"prefer":["gzip"]}"#,
            &["gzip", "zstd", "br"],
        );
    }

    #[test]
    fn the_suffix_goes_on_strong_tags_and_off_conditions() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, HeaderValue::from_static("\"abc\""));
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("\"abc-br\""));
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("W/\"x\""));
        add_suffix(&mut headers, "br");
        strip_suffix(&mut headers, "br");
        assert_eq!(headers[ETAG], "\"abc-br\"");
        assert_eq!(headers[IF_NONE_MATCH], "\"abc\", W/\"x\"");
        add_vary(&mut headers);
        add_vary(&mut headers);
        assert_eq!(headers.get_all(VARY).iter().count(), 1);
    }

    #[test]
    fn events_are_known_by_their_type() {
        for (kind, expected) in [
            ("text/event-stream", true),
            ("Text/Event-Stream ; charset=utf-8", true),
            ("text/event-streams", false),
        ] {
            let headers = [(CONTENT_TYPE, HeaderValue::from_static(kind))].into_iter().collect();
            assert_eq!(is_stream_of_events(&headers), expected, "{kind}");
        }
    }
}
