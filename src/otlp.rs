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
