//! `tracing`: records a span of the request, the child of the one that its header names.
//!
//! ```caddyfile
//! tracing {
//!     span {http.request.method}_{http.request.uri.path}
//!     span_attributes {
//!         shop.cart {http.request.cookie.cart}
//!     }
//! }
//! ```
//!
//! Handlers behind it, and PHP, see the span in the request's header (`traceparent`), in
//! `{http.vars.trace_id}` and `{http.vars.span_id}`; the access log has it as `traceID` and
//! `spanID`. It ends with the request's handlers; only then are placeholders in attributes
//! filled in. Everything else about it stands in the environment: see [`crate::tracing`].

use crate::config::handlers::Tracing as Config;
use crate::http::exchange::{Exchange, Failure, Outcome};
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::{Provision, ProvisionError};
use crate::http::uri::split_host;
use crate::logging::json;
use crate::tracing::{Key, KeyValue, Provider, Span, Status};
use http::HeaderMap;
use http::header::USER_AGENT;
use opentelemetry::trace::Span as _;
use std::borrow::Cow;
use std::sync::Arc;

/// The name of a span without one.
const NAME: &str = "handler";
/// Methods that have a name of their own in attributes.
const METHODS: [&str; 9] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// The compiled handler.
#[derive(Debug)]
pub(crate) struct Tracing {
    provider: Arc<Provider>,
    name: Template,
    attributes: Vec<(Key, Template)>,
}

/// A span of an exchange, and the handler that began it.
#[derive(Debug)]
pub(crate) struct Traced<'s> {
    span: Span,
    handler: &'s Tracing,
}

impl Tracing {
    pub(super) fn provision(
        config: &Config,
        provision: &Provision<'_>,
    ) -> Result<Self, ProvisionError> {
        let provider = provision.tracers.provider();
        let provider = provider.map_err(|error| ProvisionError::Invalid(error.to_string()))?;
        let name = if config.span.is_empty() { NAME } else { &config.span };
        let attribute = |(name, value): (&String, &String)| {
            (Key::new(name.clone()), Template::new(value, Unknown::Vanishes))
        };
        Ok(Self {
            provider,
            name: Template::new(name, Unknown::Vanishes),
            attributes: config.span_attributes.iter().map(attribute).collect(),
        })
    }

    /// Whether filling its texts needs the request's body in memory.
    pub(super) fn needs_body(&self) -> bool {
        self.name.needs_body() || self.attributes.iter().any(|(_, value)| value.needs_body())
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        let name = self.name.fill_text(ex).into_owned();
        let around = ex.traced.last().map(|traced| traced.span.span_context());
        let Some(mut span) = self.provider.begin(name, ex.headers(), around) else { return };
        if span.is_recording() {
            span.set_attributes(request_attributes(ex));
        }
        ex.change_headers(|headers, _| self.provider.inject(&span, headers));
        let context = span.span_context();
        if context.is_valid() {
            let ids = [context.trace_id().to_string(), context.span_id().to_string()];
            let names = [("trace_id", "traceID"), ("span_id", "spanID")];
            for ((variable, field), id) in names.into_iter().zip(ids) {
                ex.log_fields.push((Cow::Borrowed(field), json::text(id.as_bytes())));
                ex.vars.set(Cow::Borrowed(variable.as_bytes()), Cow::Owned(id.into_bytes()));
            }
        }
        ex.traced.push(Traced { span, handler: self });
    }
}

impl Exchange<'_> {
    /// The handlers are done: their spans end, the last one first.
    pub(crate) fn end_spans(&mut self, outcome: &Outcome) {
        while let Some(Traced { mut span, handler }) = self.traced.pop() {
            if span.is_recording() {
                let filled = handler.attributes.iter().map(|(key, value)| {
                    KeyValue::new(key.clone(), value.fill_text(self).into_owned())
                });
                span.set_attributes(filled);
                self.describe_answer(&mut span, outcome);
            }
            span.end();
        }
    }

    fn describe_answer(&self, span: &mut Span, outcome: &Outcome) {
        let status = match outcome {
            _ if self.response.has_begun() => self.response.status,
            Ok(_) if self.response.status == 0 => 200,
            Ok(_) => self.response.status,
            Err(Failure::Error(error)) => error.status,
            // Nobody was answered.
            Err(Failure::Abort) => return,
        };
        let size = |key: &'static str, size: u64| {
            let size = i64::try_from(size).ok().filter(|size| *size > 0);
            size.map(|size| KeyValue::new(key, size))
        };
        span.set_attributes(size("http.request.body.size", self.body_bytes_read()));
        span.set_attributes(size("http.response.body.size", self.response.size));
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        match status {
            100..500 => {}
            500..600 => span.set_status(Status::error("")),
            _ => span.set_status(Status::error(format!("Invalid HTTP status code {status}"))),
        }
    }
}

/// What is known of a request before it is answered, by the names of OpenTelemetry's
/// conventions for HTTP servers.
fn request_attributes(ex: &Exchange<'_>) -> Vec<KeyValue> {
    let text = |key: &'static str, value: &[u8]| {
        let value = String::from_utf8_lossy(value).into_owned();
        (!value.is_empty()).then(|| KeyValue::new(key, value))
    };
    let port = |key: &'static str, port: Option<u16>| {
        port.filter(|port| *port > 0).map(|port| KeyValue::new(key, i64::from(port)))
    };
    let (host, host_port) = split_host(&ex.host);
    let usual = if ex.is_tls() { 443 } else { 80 };
    let host_port = std::str::from_utf8(host_port).ok().and_then(|port| port.parse().ok());
    let method = ex.method.as_str();
    let upper = method.to_ascii_uppercase();
    let known = METHODS.into_iter().find(|known| *known == upper);
    let peer = ex.remote().socket_addr();
    let address = peer.map(|peer| peer.ip().to_string()).unwrap_or_default();
    let first = |headers: &HeaderMap, name: &str| {
        headers.get(name).map(|value| value.as_bytes().to_vec()).unwrap_or_default()
    };
    let forwarded = first(ex.headers(), "x-forwarded-for");
    let client = match forwarded.split(|byte| *byte == b',').next() {
        Some(first) if !first.is_empty() => first,
        _ => address.as_bytes(),
    };
    let version = ex.proto().split_once('/').map_or("", |(_, version)| version);
    let all = [
        Some(KeyValue::new("server.address", String::from_utf8_lossy(host).into_owned())),
        Some(KeyValue::new("http.request.method", known.unwrap_or("_OTHER"))),
        Some(KeyValue::new("url.scheme", ex.scheme())),
        port("server.port", host_port.filter(|port| *port != usual)),
        text("http.request.method_original", method.as_bytes()).filter(|_| known != Some(method)),
        text("network.peer.address", address.as_bytes()),
        port("network.peer.port", peer.map(|peer| peer.port())),
        text("user_agent.original", &first(ex.headers(), USER_AGENT.as_str())),
        text("client.address", client),
        text("url.path", &ex.target.path),
        text("network.protocol.version", version.as_bytes()),
    ];
    all.into_iter().flatten().collect()
}
