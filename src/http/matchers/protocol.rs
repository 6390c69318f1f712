//! `protocol https`: the request came over this protocol.

use crate::http::exchange::Exchange;
use http::Version;
use http::header::CONTENT_TYPE;

/// The compiled matcher.
#[derive(Debug)]
pub(super) enum Protocol {
    /// Over TLS, or not.
    Tls(bool),
    Grpc,
    /// This version; `true` means or a later one.
    Version(Version, bool),
    /// A word that nobody knows never matches.
    Unknown,
}

impl Protocol {
    pub(super) fn new(word: &str) -> Self {
        let (version, or_later) = match word.strip_suffix('+') {
            Some(version) => (version, true),
            None => (word, false),
        };
        match (version, or_later) {
            ("https", false) => Self::Tls(true),
            ("http", false) => Self::Tls(false),
            ("grpc", false) => Self::Grpc,
            ("http/1.0", _) => Self::Version(Version::HTTP_10, or_later),
            ("http/1.1", _) => Self::Version(Version::HTTP_11, or_later),
            ("http/2", _) => Self::Version(Version::HTTP_2, or_later),
            ("http/3", _) => Self::Version(Version::HTTP_3, or_later),
            _ => Self::Unknown,
        }
    }

    pub(super) fn matches(&self, ex: &Exchange<'_>) -> bool {
        match self {
            Self::Tls(wanted) => ex.is_tls() == *wanted,
            Self::Grpc => {
                let content_type = ex.headers().get(CONTENT_TYPE);
                content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
            }
            Self::Version(version, false) => ex.version() == *version,
            Self::Version(version, true) => ex.version() >= *version,
            Self::Unknown => false,
        }
    }
}
