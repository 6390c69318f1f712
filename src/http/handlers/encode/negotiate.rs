//! `Accept-Encoding`: which of the encodings on offer a client gets.

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, SEC_WEBSOCKET_KEY};

/// An encoding of contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http::handlers) enum Encoding {
    Brotli,
    Gzip,
    Zstd,
}

/// Weights that differ by less are the same.
const PRECISION: f32 = 0.00001;

impl Encoding {
    /// Those that are preferred first when nothing is said.
    pub(in crate::http::handlers) const USUAL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// The encoding of this name in lower case.
    pub(in crate::http::handlers) fn parse(name: &str) -> Option<Self> {
        Self::USUAL.into_iter().find(|encoding| encoding.name() == name)
    }

    /// Its name in header fields.
    pub(in crate::http::handlers) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The encodings that a client takes of those on offer, the best first: by the client's
/// weights (RFC 9110, section 12.4.2), then in the order of the offer. `*` names none, and a
/// handshake of WebSocket gets none.
pub(in crate::http::handlers) fn accepted(
    headers: &HeaderMap,
    offered: &[Encoding],
) -> Vec<Encoding> {
    if offered.is_empty() || headers.contains_key(SEC_WEBSOCKET_KEY) {
        return Vec::new();
    }
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    let mut taken: Vec<(usize, f32)> = Vec::new();
    for item in lines.flat_map(|line| line.split(',')) {
        let (name, weight) = match item.split_once(';') {
            Some((name, parameters)) => (name, weight(parameters)),
            None => (item, 1.0),
        };
        let name = name.trim();
        let place = offered.iter().position(|e| e.name().eq_ignore_ascii_case(name));
        if let Some(place) = place.filter(|_| weight >= PRECISION) {
            taken.push((place, weight));
        }
    }
    taken.sort_by(|(place, weight), (other_place, other_weight)| {
        if (weight - other_weight).abs() < PRECISION {
            place.cmp(other_place)
        } else {
            other_weight.total_cmp(weight)
        }
    });
    taken.into_iter().map(|(place, _)| offered[place]).collect()
}

/// The weight among the parameters of an item: the first of them, 1 when it is none.
fn weight(parameters: &str) -> f32 {
    let first = parameters.split(';').next().unwrap_or_default().trim();
    let value = match first.split_at_checked(2) {
        Some((key, value)) if key.eq_ignore_ascii_case("q=") => value.parse().ok(),
        _ => None,
    };
    value.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[track_caller]
    fn check(accept: &'static str, expected: &[&str]) {
        let headers = [(ACCEPT_ENCODING, HeaderValue::from_static(accept))].into_iter().collect();
        let got: Vec<_> = accepted(&headers, &Encoding::USUAL).iter().map(|e| e.name()).collect();
        assert_eq!(got, expected, "{accept}");
    }

    #[test]
    fn a_client_must_name_what_it_takes() {
        check("gzip", &["gzip"]);
        check("GZIP", &["gzip"]);
        check("deflate, gzip;q=1.0, *;q=0.5", &["gzip"]);
        check("gzip;q=0", &[]);
        check("*", &[]);
        check("", &[]);
    }

    #[test]
    fn the_clients_weights_count_before_our_order() {
        check("gzip, br, zstd", &["zstd", "br", "gzip"]);
        check("gzip, zstd;q=0.5", &["gzip", "zstd"]);
        check("gzip;Q=0.2, br; q=0.3", &["br", "gzip"]);
        check("gzip;q=7, br;q=x", &["br", "gzip"]);
    }

    #[test]
    fn a_websocket_handshake_gets_none() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("x"));
        assert_eq!(accepted(&headers, &Encoding::USUAL), []);
    }
}
