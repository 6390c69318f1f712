//! Names that travel as numbers: the worker holds them as interned strings.

/// The CGI variables of a request, in the order in which [`crate::request::Head::vars`]
/// numbers them (from 0).
pub const VARS: [&str; 26] = [
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "DOCUMENT_ROOT",
    "DOCUMENT_URI",
    "GATEWAY_INTERFACE",
    "HTTP_HOST",
    "HTTPS",
    "PATH_INFO",
    "PHP_SELF",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "REQUEST_METHOD",
    "REQUEST_SCHEME",
    "REQUEST_URI",
    "SCRIPT_FILENAME",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
    "SSL_PROTOCOL",
    "SSL_CIPHER",
    "AUTH_TYPE",
    "REMOTE_IDENT",
];

/// Header names that clients send often: as HTTP has them, and as PHP has them.
/// [`crate::request::Head::headers`] numbers them from 1; 0 means that the name follows.
pub const HEADERS: [(&str, &str); 44] = [
    ("Accept", "HTTP_ACCEPT"),
    ("Accept-Charset", "HTTP_ACCEPT_CHARSET"),
    ("Accept-Encoding", "HTTP_ACCEPT_ENCODING"),
    ("Accept-Language", "HTTP_ACCEPT_LANGUAGE"),
    ("Access-Control-Request-Headers", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"),
    ("Access-Control-Request-Method", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"),
    ("Authorization", "HTTP_AUTHORIZATION"),
    ("Cache-Control", "HTTP_CACHE_CONTROL"),
    ("Connection", "HTTP_CONNECTION"),
    ("Content-Disposition", "HTTP_CONTENT_DISPOSITION"),
    ("Content-Encoding", "HTTP_CONTENT_ENCODING"),
    ("Content-Length", "HTTP_CONTENT_LENGTH"),
    ("Content-Type", "HTTP_CONTENT_TYPE"),
    ("Cookie", "HTTP_COOKIE"),
    ("Dnt", "HTTP_DNT"),
    ("Expect", "HTTP_EXPECT"),
    ("Forwarded", "HTTP_FORWARDED"),
    ("If-Match", "HTTP_IF_MATCH"),
    ("If-Modified-Since", "HTTP_IF_MODIFIED_SINCE"),
    ("If-None-Match", "HTTP_IF_NONE_MATCH"),
    ("If-Range", "HTTP_IF_RANGE"),
    ("Keep-Alive", "HTTP_KEEP_ALIVE"),
    ("Origin", "HTTP_ORIGIN"),
    ("Pragma", "HTTP_PRAGMA"),
    ("Priority", "HTTP_PRIORITY"),
    ("Range", "HTTP_RANGE"),
    ("Referer", "HTTP_REFERER"),
    ("Sec-Ch-Ua", "HTTP_SEC_CH_UA"),
    ("Sec-Ch-Ua-Mobile", "HTTP_SEC_CH_UA_MOBILE"),
    ("Sec-Ch-Ua-Platform", "HTTP_SEC_CH_UA_PLATFORM"),
    ("Sec-Fetch-Dest", "HTTP_SEC_FETCH_DEST"),
    ("Sec-Fetch-Mode", "HTTP_SEC_FETCH_MODE"),
    ("Sec-Fetch-Site", "HTTP_SEC_FETCH_SITE"),
    ("Sec-Fetch-User", "HTTP_SEC_FETCH_USER"),
    ("Sec-Gpc", "HTTP_SEC_GPC"),
    ("Te", "HTTP_TE"),
    ("Upgrade-Insecure-Requests", "HTTP_UPGRADE_INSECURE_REQUESTS"),
    ("User-Agent", "HTTP_USER_AGENT"),
    ("Via", "HTTP_VIA"),
    ("X-Csrf-Token", "HTTP_X_CSRF_TOKEN"),
    ("X-Forwarded-For", "HTTP_X_FORWARDED_FOR"),
    ("X-Forwarded-Host", "HTTP_X_FORWARDED_HOST"),
    ("X-Forwarded-Proto", "HTTP_X_FORWARDED_PROTO"),
    ("X-Requested-With", "HTTP_X_REQUESTED_WITH"),
];

/// The number of a header name in any case: 0 when it is not in [`HEADERS`].
pub fn header_number(name: &[u8]) -> u16 {
    HEADERS
        .binary_search_by(|(known, _)| {
            let lower = |b: &u8| b.to_ascii_lowercase();
            known.as_bytes().iter().map(lower).cmp(name.iter().map(lower))
        })
        .map_or(0, |i| u16::try_from(i + 1).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_header_is_found_in_any_case() {
        for (i, (name, php)) in HEADERS.iter().enumerate() {
            assert_eq!(header_number(name.to_uppercase().as_bytes()) as usize, i + 1, "{name}");
            let expected = format!("HTTP_{}", name.to_uppercase().replace('-', "_"));
            assert_eq!(*php, expected);
        }
        assert_eq!(header_number(b"X-Unknown"), 0);
    }
}
