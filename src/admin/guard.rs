//! Who may use the endpoint: hosts and origins, against web pages that would like to.
//!
//! A page in an operator's browser can send requests to this machine. The host check keeps
//! out those that reach it under a name of their own (DNS rebinding), the origin check
//! those that do so openly.

use super::error::ApiError;
use crate::config::admin::Admin;
use crate::http::NetworkAddress;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, REFERER, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method};
use std::fmt;

const FETCH_MODE: &str = "sec-fetch-mode";
const METHODS: HeaderValue = HeaderValue::from_static("OPTIONS, GET, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue =
    HeaderValue::from_static("Content-Type, Content-Length, Cache-Control");

/// What is checked of each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guard {
    host: bool,
    origin: bool,
    allowed: Vec<Origin>,
}

/// A scheme, if one is wanted, and a host with its port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.scheme.as_str(), self.host.as_str()) {
            ("", "") => Ok(()),
            ("", host) => write!(f, "//{host}"),
            (scheme, "") => write!(f, "{scheme}:"),
            (scheme, host) => write!(f, "{scheme}://{host}"),
        }
    }
}

impl Guard {
    /// What the endpoint at this address checks.
    pub(super) fn new(admin: &Admin, address: &NetworkAddress) -> Self {
        // Browsers reach no Unix socket, and the system says who may.
        let is_local = address.is_unix() || address.is_fd();
        let port = address.ports.0;
        let own = || match address {
            _ if is_local => Vec::new(),
            address if address.is_loopback() => ["localhost", "[::1]", "127.0.0.1"]
                .map(|host| Origin { host: format!("{host}:{port}"), ..Origin::default() })
                .to_vec(),
            address => vec![Origin { host: address.join(port), ..Origin::default() }],
        };
        let named = |all: &Vec<String>| {
            let mut all: Vec<Origin> =
                all.iter().filter_map(|text| Origin::configured(text)).collect();
            all.dedup();
            all
        };
        Self {
            host: !address.is_wildcard() && !is_local,
            origin: admin.enforce_origin,
            allowed: admin.origins.as_ref().map_or_else(own, named),
        }
    }

    /// Whether the host of a request is looked at.
    pub(super) const fn checks_host(&self) -> bool {
        self.host
    }

    /// The origins, as the log names them.
    pub(super) fn origins(&self) -> impl Iterator<Item = String> {
        self.allowed.iter().map(Origin::to_string)
    }

    /// Lets a request pass, with the fields that its answer needs.
    ///
    /// # Errors
    /// When it may not.
    pub(super) fn check(
        &self,
        method: &Method,
        host: &str,
        headers: &HeaderMap,
    ) -> Result<HeaderMap, ApiError> {
        refuse_browsers(headers)?;
        if self.host && !self.allowed.iter().any(|o| o.host.eq_ignore_ascii_case(host)) {
            return Err(ApiError::new(403, format!("host not allowed: {host}")));
        }
        let mut answer = HeaderMap::new();
        if !self.origin && !headers.contains_key(ORIGIN) && !headers.contains_key(FETCH_MODE) {
            return Ok(answer);
        }
        let origin = self.check_origin(headers)?;
        if method == Method::OPTIONS {
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            let yes = HeaderValue::from_static("true");
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        if let Ok(value) = HeaderValue::from_str(&origin.to_string()) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
        }
        Ok(answer)
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<Origin, ApiError> {
        let field = |name| text(headers, name).unwrap_or_default();
        let given = match field(ORIGIN.as_str()) {
            "" => field(REFERER.as_str()),
            origin => origin,
        };
        let missing = "required Origin header is missing or invalid";
        let origin = Origin::parse(given).ok_or_else(|| ApiError::new(403, missing))?;
        let allows = |allowed: &Origin| {
            (allowed.scheme.is_empty() || allowed.scheme == origin.scheme)
                && allowed.host.eq_ignore_ascii_case(&origin.host)
        };
        if self.allowed.iter().any(allows) {
            return Ok(origin);
        }
        let text = format!("client is not allowed to access from origin '{given}'");
        Err(ApiError::new(403, text))
    }
}

impl Origin {
    fn configured(text: &str) -> Option<Self> {
        if text.contains("://") {
            return Self::parse(text);
        }
        Some(Self { scheme: String::new(), host: text.to_owned() })
    }

    /// The scheme and the host of a URL; `None` when it is none.
    fn parse(text: &str) -> Option<Self> {
        if text.bytes().any(|b| b.is_ascii_control()) {
            return None;
        }
        let is_scheme = |s: &str| {
            s.starts_with(|c: char| c.is_ascii_alphabetic())
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
            Some(("", _)) => return None,
            _ => (String::new(), text),
        };
        let Some(rest) = rest.strip_prefix("//") else {
            return Some(Self { scheme, host: String::new() });
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.contains([' ', '<', '>', '"', '\\']) {
            return None;
        }
        Some(Self { scheme, host: host.to_owned() })
    }
}

/// What only browsers send, and none with good intent.
fn refuse_browsers(headers: &HeaderMap) -> Result<(), ApiError> {
    let has = |name, part: &str| text(headers, name).is_some_and(|value| value.contains(part));
    let refused = |message: &str, logged| {
        Err(ApiError { logged: Some(logged), ..ApiError::new(400, message) })
    };
    if has(UPGRADE.as_str(), "websocket") {
        let logged = "websocket connections aren't allowed";
        return refused("WebSocket connections aren't allowed.", logged);
    }
    if has(FETCH_MODE, "no-cors") {
        let logged =
            "client attempted to make request by disabling same-origin policy using no-cors mode";
        return refused("Disabling same-origin restrictions is not allowed.", logged);
    }
    if text(headers, ORIGIN.as_str()) == Some("null") {
        return refused("Buggy browser is sending null Origin header.", "invalid origin 'null'");
    }
    Ok(())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a request with this host and these fields passes an endpoint at `listen`:
    /// the allowed origin, or the error.
    #[track_caller]
    fn check(admin: &Admin, listen: &str, host: &str, fields: &[(&str, &str)], expected: &str) {
        let address = NetworkAddress::parse(listen, 0).expect("an address");
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: http::HeaderName = name.parse().expect("a name");
            headers.insert(name, value.parse().expect("a value"));
        }
        let got = match Guard::new(admin, &address).check(&Method::GET, host, &headers) {
            Ok(answer) => text(&answer, "access-control-allow-origin").unwrap_or("yes").to_owned(),
            Err(error) => format!("{} {}", error.status, error.message),
        };
        assert_eq!(got, expected);
    }

    fn origins(all: &[&str]) -> Admin {
        let origins = Some(all.iter().map(|o| (*o).to_owned()).collect());
        Admin { origins, ..Admin::default() }
    }

    #[test]
    fn a_host_must_be_one_of_ours() {
        let own = Admin::default();
        check(&own, "localhost:2019", "localhost:2019", &[], "yes");
        check(&own, "127.0.0.1:2019", "LOCALHOST:2019", &[], "yes");
        check(&own, "localhost:2019", "[::1]:2019", &[], "yes");
        check(&own, "localhost:2019", "evil.test", &[], "403 host not allowed: evil.test");
        check(&own, ":2019", "any.test", &[], "yes");
        check(&own, "unix//a", "any.test", &[], "yes");
        check(&own, "10.0.0.1:9", "10.0.0.1:9", &[], "yes");
        check(&origins(&["a.test"]), "localhost:2019", "a.test", &[], "yes");
        let refused = "403 host not allowed: localhost:2019";
        check(&origins(&[]), "localhost:2019", "localhost:2019", &[], refused);
    }

    #[test]
    fn an_origin_must_be_one_of_ours_when_there_is_one() {
        let own = Admin::default();
        let host = "localhost:2019";
        let from = |origin: &'static str| [("origin", origin)];
        check(&own, host, host, &from("http://localhost:2019"), "http://localhost:2019");
        let evil = "403 client is not allowed to access from origin 'http://evil.test'";
        check(&own, host, host, &from("http://evil.test"), evil);
        let none = "403 client is not allowed to access from origin ''";
        check(&own, host, host, &[("sec-fetch-mode", "cors")], none);
        let missing = "403 required Origin header is missing or invalid";
        check(&own, host, host, &from("://x"), missing);
        let strict = Admin { enforce_origin: true, ..origins(&[host, "https://b.test"]) };
        check(&strict, host, host, &[], none);
        check(
            &strict,
            host,
            host,
            &[("referer", "http://localhost:2019/x")],
            "http://localhost:2019",
        );
        check(&strict, host, host, &from("https://b.test"), "https://b.test");
        let plain = "403 client is not allowed to access from origin 'http://b.test'";
        check(&strict, host, host, &from("http://b.test"), plain);
    }

    #[test]
    fn what_browsers_do_across_sites_is_refused() {
        let (own, host) = (Admin::default(), "localhost:2019");
        let socket = "400 WebSocket connections aren't allowed.";
        check(&own, host, host, &[("upgrade", "websocket")], socket);
        let blind = "400 Disabling same-origin restrictions is not allowed.";
        check(&own, host, host, &[("sec-fetch-mode", "no-cors")], blind);
        let null = "400 Buggy browser is sending null Origin header.";
        check(&own, host, host, &[("origin", "null")], null);
    }
}
