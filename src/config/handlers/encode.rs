//! `encode`: compresses answers.

use super::response_matcher::ResponseMatcher;
use crate::config::{is_default, some_or_default};
use serde::{Deserialize, Serialize};

/// `encode`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Encode {
    /// Encodings and their settings.
    #[serde(skip_serializing_if = "is_default")]
    pub encodings: Encodings,
    /// Which are preferred.
    #[serde(skip_serializing_if = "is_default")]
    pub prefer: Vec<String>,
    /// Shorter answers are left alone; 512 bytes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub minimum_length: i64,
    /// Which answers; Caddy's list of content types when absent.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matcher: Option<ResponseMatcher>,
}

/// The namespace `http.encoders`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "http.encoders.*", deny_unknown_fields, default)]
pub struct Encodings {
    /// Brotli.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_or_default")]
    pub br: Option<Brotli>,
    /// Gzip.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_or_default")]
    pub gzip: Option<Gzip>,
    /// Zstandard.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_or_default")]
    pub zstd: Option<Zstd>,
}

/// `br`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Brotli {
    /// From 0, fast, to 11, small; 6 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<i64>,
    /// The window's size as a power of two, from 10 to 24; the quality decides when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub lgwin: i64,
}

/// `gzip`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gzip {
    /// From 1, fast, to 9, small; 5 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub level: i64,
}

/// `zstd`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Zstd {
    /// `fastest`, `default`, `better` or `best`; `default` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub level: String,
    /// Whether frames end with a checksum; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<bool>,
}
