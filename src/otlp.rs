//! OTLP: how a collector is sent what was recorded.
//!
//! In reading order: [`variables`] reads `OTEL_*`; [`settings`] has what they say of the
//! collector; a [`Sender`] sends messages there by `grpc` or `http`, and again when `retry`
//! says that it may help. What the messages are, this room does not know.

mod grpc;
mod http;
mod retry;
mod sender;
mod settings;
mod variables;

pub use sender::{SendError, Sender};
pub use settings::{Protocol, Settings, UnknownProtocol};
pub use variables::Variables;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Figures.
    Metrics,
}

impl Signal {
    /// Its word in the names of variables.
    const fn word(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
        }
    }

    /// The path that it is posted to.
    const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// The procedure that takes it.
    const fn procedure(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }
}

/// Who we are: what `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say, and which
/// server this is.
pub fn resource(variables: &mut Variables<'_>) -> Resource {
    let attributes = variables.pairs("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let name = variables.text("OTEL_SERVICE_NAME").map(|name| ("service.name".to_owned(), name));
    let own = [("webengine.name", "Pogo"), ("webengine.version", env!("CARGO_PKG_VERSION"))];
    Resource::builder()
        .with_attributes(attributes.into_iter().chain(name).map(|(k, v)| KeyValue::new(k, v)))
        .with_attributes(own.map(|(key, value)| KeyValue::new(key, value)))
        .build()
}
