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

/// The number of a CGI variable in [`VARS`].
///
/// # Panics
/// When there is none of this name, which is to be found out when the program is compiled.
pub const fn var(name: &str) -> usize {
    let mut at = 0;
    while !is_same(VARS[at].as_bytes(), name.as_bytes()) {
        at += 1;
    }
    at
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    match (one, other) {
        ([], []) => true,
        ([a, one @ ..], [b, other @ ..]) => *a == *b && is_same(one, other),
        _ => false,
    }
}

/// Header names that clients send often: as HTTP has them, and as PHP has them, in the
/// order of their lengths, in which one is found with few looks at letters.
/// [`crate::request::Head::headers`] numbers them from 1; 0 means that the name follows.
pub const HEADERS: [(&str, &str); 44] = [
    ("Te", "HTTP_TE"),
    ("Dnt", "HTTP_DNT"),
    ("Via", "HTTP_VIA"),
    ("Range", "HTTP_RANGE"),
    ("Accept", "HTTP_ACCEPT"),
    ("Cookie", "HTTP_COOKIE"),
    ("Expect", "HTTP_EXPECT"),
    ("Origin", "HTTP_ORIGIN"),
    ("Pragma", "HTTP_PRAGMA"),
    ("Referer", "HTTP_REFERER"),
    ("Sec-Gpc", "HTTP_SEC_GPC"),
    ("If-Match", "HTTP_IF_MATCH"),
    ("If-Range", "HTTP_IF_RANGE"),
    ("Priority", "HTTP_PRIORITY"),
    ("Forwarded", "HTTP_FORWARDED"),
    ("Sec-Ch-Ua", "HTTP_SEC_CH_UA"),
    ("Connection", "HTTP_CONNECTION"),
    ("Keep-Alive", "HTTP_KEEP_ALIVE"),
    ("User-Agent", "HTTP_USER_AGENT"),
    ("Content-Type", "HTTP_CONTENT_TYPE"),
    ("X-Csrf-Token", "HTTP_X_CSRF_TOKEN"),
    ("Authorization", "HTTP_AUTHORIZATION"),
    ("Cache-Control", "HTTP_CACHE_CONTROL"),
    ("If-None-Match", "HTTP_IF_NONE_MATCH"),
    ("Accept-Charset", "HTTP_ACCEPT_CHARSET"),
    ("Content-Length", "HTTP_CONTENT_LENGTH"),
    ("Sec-Fetch-Dest", "HTTP_SEC_FETCH_DEST"),
    ("Sec-Fetch-Mode", "HTTP_SEC_FETCH_MODE"),
    ("Sec-Fetch-Site", "HTTP_SEC_FETCH_SITE"),
    ("Sec-Fetch-User", "HTTP_SEC_FETCH_USER"),
    ("Accept-Encoding", "HTTP_ACCEPT_ENCODING"),
    ("Accept-Language", "HTTP_ACCEPT_LANGUAGE"),
    ("X-Forwarded-For", "HTTP_X_FORWARDED_FOR"),
    ("Content-Encoding", "HTTP_CONTENT_ENCODING"),
    ("Sec-Ch-Ua-Mobile", "HTTP_SEC_CH_UA_MOBILE"),
    ("X-Forwarded-Host", "HTTP_X_FORWARDED_HOST"),
    ("X-Requested-With", "HTTP_X_REQUESTED_WITH"),
    ("If-Modified-Since", "HTTP_IF_MODIFIED_SINCE"),
    ("X-Forwarded-Proto", "HTTP_X_FORWARDED_PROTO"),
    ("Sec-Ch-Ua-Platform", "HTTP_SEC_CH_UA_PLATFORM"),
    ("Content-Disposition", "HTTP_CONTENT_DISPOSITION"),
    ("Upgrade-Insecure-Requests", "HTTP_UPGRADE_INSECURE_REQUESTS"),
    ("Access-Control-Request-Method", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"),
    ("Access-Control-Request-Headers", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"),
];

/// The number of a header name in any case: 0 when it is not in [`HEADERS`].
pub fn header_number(name: &[u8]) -> u16 {
    let first = HEADERS.partition_point(|(known, _)| known.len() < name.len());
    let same_length = HEADERS[first..].iter().take_while(|(known, _)| known.len() == name.len());
    same_length
        .map(|(known, _)| known.as_bytes())
        .position(|known| known.eq_ignore_ascii_case(name))
        .map_or(0, |at| u16::try_from(first + at + 1).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_has_its_number() {
        for (i, name) in VARS.iter().enumerate() {
            assert_eq!(var(name), i, "{name}");
        }
    }

    #[test]
    fn every_known_header_is_found_in_any_case() {
        for (i, (name, php)) in HEADERS.iter().enumerate() {
            assert_eq!(header_number(name.to_uppercase().as_bytes()) as usize, i + 1, "{name}");
            let expected = format!("HTTP_{}", name.to_uppercase().replace('-', "_"));
            assert_eq!(*php, expected);
        }
        for unknown in ["", "X", "X-Unknown", "X-Forwarded-Hosts", &"x".repeat(99)] {
            assert_eq!(header_number(unknown.as_bytes()), 0, "{unknown}");
        }
    }
}
