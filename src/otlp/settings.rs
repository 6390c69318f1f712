//! Where the collector is and how it is spoken to: `OTEL_EXPORTER_OTLP_*`.
//!
//! | variable | default |
//! | --- | --- |
//! | `PROTOCOL` | `http/protobuf`; or `grpc` |
//! | `ENDPOINT` | `https://localhost:4318`, with `grpc` `https://localhost:4317` |
//! | `INSECURE` | what the scheme of the endpoint says |
//! | `HEADERS` | none; as `key=value,key=value`, values percent-encoded |
//! | `COMPRESSION` | none; or `gzip` |
//! | `TIMEOUT` | 10000 ms, for each attempt |
//! | `CERTIFICATE` | the system's authorities |
//! | `CLIENT_CERTIFICATE`, `CLIENT_KEY` | none |
//!
//! Each may have its signal's word before its own (`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`),
//! and counts for that signal only, then. The defaults are those of OpenTelemetry for Go,
//! as Caddy has them.

use super::{Signal, Variables};
use crate::client::Url;
use crate::client::tls::Files;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// How the collector is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Grpc,
    /// Protocol buffers over HTTP/1.1.
    Http,
}

/// What the variables say of the collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What it is sent.
    pub(super) signal: Signal,
    /// How it is spoken to.
    pub(super) protocol: Protocol,
    /// Where it is.
    pub(super) url: Url,
    /// Fields of each request.
    pub(super) headers: Vec<(String, String)>,
    /// Whether messages are compressed.
    pub(super) gzip: bool,
    /// How long one attempt may take.
    pub(super) timeout: Duration,
    /// What TLS needs.
    pub(super) tls: Files,
}

/// A protocol that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid OTLP protocol - should be one of ['grpc', 'http/protobuf']")]
pub struct UnknownProtocol;

impl Settings {
    /// Reads the variables of a signal.
    ///
    /// # Errors
    /// When the protocol is none. What else is wrong, the variables complain of.
    pub fn read(variables: &mut Variables<'_>, signal: Signal) -> Result<Self, UnknownProtocol> {
        let names = |word: &str| {
            let own = format!("OTEL_EXPORTER_OTLP_{}_{word}", signal.word());
            [own, format!("OTEL_EXPORTER_OTLP_{word}")]
        };
        let text = |variables: &Variables<'_>, word| {
            names(word).iter().find_map(|name| variables.text(name))
        };
        let protocol = match text(variables, "PROTOCOL").as_deref() {
            None | Some("http/protobuf") => Protocol::Http,
            Some("grpc") => Protocol::Grpc,
            Some(_) => return Err(UnknownProtocol),
        };
        let mut url = endpoint(variables, names("ENDPOINT"), protocol, signal);
        if let Some(insecure) = names("INSECURE").iter().find_map(|name| variables.switch(name)) {
            url.secure = !insecure;
        }
        let headers = names("HEADERS").iter().find_map(|name| variables.pairs(name));
        let headers = headers.unwrap_or_default().into_iter();
        let timeout = names("TIMEOUT").iter().find_map(|name| variables.millis(name));
        let identity = text(variables, "CLIENT_CERTIFICATE").zip(text(variables, "CLIENT_KEY"));
        Ok(Self {
            signal,
            protocol,
            headers: headers.filter(|field| is_field(variables, field)).collect(),
            gzip: text(variables, "COMPRESSION").is_some_and(|word| word == "gzip"),
            timeout: timeout.unwrap_or(TIMEOUT),
            tls: Files {
                roots: text(variables, "CERTIFICATE").map(Into::into).into_iter().collect(),
                identity: identity.map(|(chain, key)| (chain.into(), key.into())),
            },
            url,
        })
    }
}

/// The endpoint: a signal's own is used as it is, below a common one each has its path.
fn endpoint(
    variables: &mut Variables<'_>,
    [own, common]: [String; 2],
    protocol: Protocol,
    signal: Signal,
) -> Url {
    let mut read = |name: &str| {
        let text = variables.text(name)?;
        let url = Url::parse(&text);
        if url.is_none() {
            variables.complain(format!("{name}: \"{text}\" is no address of http or https"));
        }
        url
    };
    if let Some(mut url) = read(&own) {
        if url.target.is_empty() {
            url.target = "/".to_owned();
        }
        return on_port(url, protocol);
    }
    let mut url = read(&common).unwrap_or_else(|| {
        let authority = match protocol {
            Protocol::Http => "localhost:4318",
            Protocol::Grpc => "localhost:4317",
        };
        Url::parse(&format!("https://{authority}")).expect("it is an address")
    });
    url.target = format!("{}{}", url.target.trim_end_matches('/'), signal.path());
    on_port(url, protocol)
}

/// gRPC's addresses always have a port; one without has that of its scheme.
fn on_port(mut url: Url, protocol: Protocol) -> Url {
    if protocol == Protocol::Grpc {
        url.port = url.port.or(Some(if url.secure { 443 } else { 80 }));
    }
    url
}

/// Whether a field may stand in a head.
fn is_field(variables: &mut Variables<'_>, (name, value): &(String, String)) -> bool {
    let is_one =
        http::HeaderName::try_from(name).is_ok() && http::HeaderValue::try_from(value).is_ok();
    if !is_one {
        variables.complain(format!("OTEL_EXPORTER_OTLP_HEADERS: \"{name}\" is no field"));
    }
    is_one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Settings, UnknownProtocol> {
        let mut variables = Variables::new(|name| {
            let word = name.strip_prefix("OTEL_EXPORTER_OTLP_")?;
            set.iter().find(|(key, _)| *key == word).map(|(_, value)| (*value).to_owned())
        });
        Settings::read(&mut variables, Signal::Traces)
    }

    #[track_caller]
    fn check(set: &[(&str, &str)], expected: &str) {
        let settings = read(set).expect("a protocol");
        let Url { secure, authority, target, .. } = settings.url;
        assert_eq!(format!("{secure} {authority}{target}"), expected, "{set:?}");
    }

    #[test]
    fn a_signals_own_endpoint_is_used_as_it_is() {
        check(&[], "true localhost:4318/v1/traces");
        check(&[("PROTOCOL", "grpc")], "true localhost:4317/v1/traces");
        check(&[("ENDPOINT", "http://c:1/base/")], "false c:1/base/v1/traces");
        check(&[("ENDPOINT", "http://c:1"), ("TRACES_ENDPOINT", "https://d")], "true d/");
        check(&[("TRACES_ENDPOINT", "http://d/x")], "false d/x");
        check(&[("ENDPOINT", "c:1")], "true localhost:4318/v1/traces");
    }

    #[test]
    fn insecure_says_more_than_the_scheme() {
        check(&[("INSECURE", "TRUE")], "false localhost:4318/v1/traces");
        check(&[("ENDPOINT", "http://c"), ("INSECURE", "no")], "true c/v1/traces");
        check(
            &[("ENDPOINT", "https://c"), ("INSECURE", "false"), ("TRACES_INSECURE", "true")],
            "false c/v1/traces",
        );
    }

    #[test]
    fn fields_limits_and_compression_are_read() {
        let settings = read(&[
            ("HEADERS", "api-key=a%20b,bad name=c"),
            ("TRACES_TIMEOUT", "5"),
            ("TIMEOUT", "6"),
            ("COMPRESSION", "gzip"),
        ]);
        let settings = settings.expect("a protocol");
        assert_eq!(settings.headers, [("api-key".to_owned(), "a b".to_owned())]);
        assert_eq!((settings.timeout, settings.gzip), (Duration::from_millis(5), true));
        assert_eq!(read(&[("PROTOCOL", "http/json")]), Err(UnknownProtocol));
    }
}
