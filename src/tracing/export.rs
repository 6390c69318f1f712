//! Where spans go: to a collector, or to standard output as JSON.

use super::settings::Destination;
use crate::client::tls::TlsError;
use crate::otlp::Sender;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use opentelemetry::{KeyValue, Value};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use serde_json::json;
use std::io::{self, Write};
use tokio::sync::watch;

/// Sends spans away.
#[derive(Debug)]
pub(super) struct Exporter {
    target: Target,
    resource: Resource,
}

#[derive(Debug)]
enum Target {
    Console,
    Collector(Box<Sender>, ResourceAttributesWithSchema),
}

impl Exporter {
    /// An exporter; none when spans go nowhere.
    pub(super) fn new(to: Destination, resource: &Resource) -> Result<Option<Self>, TlsError> {
        let target = match to {
            Destination::None => return Ok(None),
            Destination::Console => Target::Console,
            Destination::Collector(settings) => {
                Target::Collector(Box::new(Sender::new(*settings)?), resource.into())
            }
        };
        Ok(Some(Self { target, resource: resource.clone() }))
    }

    /// Sends spans; says why if they do not arrive.
    pub(super) async fn export(
        &mut self,
        batch: Vec<SpanData>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), String> {
        let (sender, resource) = match &mut self.target {
            Target::Collector(sender, resource) => (sender, resource),
            Target::Console => return print(&batch, &self.resource).await,
        };
        let resource_spans = group_spans_by_resource_and_scope(batch, resource);
        let message = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let answer = sender.send(&message, stop).await.map_err(|error| error.to_string())?;
        // What is no message, as an empty body of something else, says nothing.
        let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
        match answer.partial_success {
            Some(part) if part.rejected_spans != 0 || !part.error_message.is_empty() => {
                let (count, why) = (part.rejected_spans, part.error_message);
                Err(format!("OTLP partial success: {why} ({count} spans rejected)"))
            }
            _ => Ok(()),
        }
    }
}

/// Writes each span as a line of JSON, in the form of OpenTelemetry for Go.
async fn print(batch: &[SpanData], resource: &Resource) -> Result<(), String> {
    let mut lines = Vec::new();
    for span in batch {
        lines.extend_from_slice(described(span, resource).to_string().as_bytes());
        lines.push(b'\n');
    }
    // Who reads it may be slow.
    let written = tokio::task::spawn_blocking(move || {
        let mut out = io::stdout().lock();
        out.write_all(&lines).and_then(|()| out.flush())
    });
    let written = written.await.map_err(|panic| panic.to_string())?;
    written.map_err(|error| error.to_string())
}

fn described(span: &SpanData, resource: &Resource) -> serde_json::Value {
    let time = |at| jiff::Timestamp::try_from(at).map(|at| at.to_string()).unwrap_or_default();
    let context = |trace: TraceId, id: SpanId, remote: bool| {
        let flags = if id == SpanId::INVALID { 0 } else { span.span_context.trace_flags().to_u8() };
        json!({
            "TraceID": trace.to_string(),
            "SpanID": id.to_string(),
            "TraceFlags": format!("{flags:02x}"),
            "TraceState": span.span_context.trace_state().header(),
            "Remote": remote,
        })
    };
    let trace = span.span_context.trace_id();
    let above = if span.parent_span_id == SpanId::INVALID { TraceId::INVALID } else { trace };
    let (code, why) = match &span.status {
        Status::Unset => ("Unset", ""),
        Status::Ok => ("Ok", ""),
        Status::Error { description } => ("Error", &**description),
    };
    let kind = match span.span_kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    };
    let own = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    json!({
        "Name": span.name,
        "SpanContext": context(trace, span.span_context.span_id(), false),
        "Parent": context(above, span.parent_span_id, span.parent_span_is_remote),
        "SpanKind": kind,
        "StartTime": time(span.start_time),
        "EndTime": time(span.end_time),
        "Attributes": span.attributes.iter().map(pair).collect::<Vec<_>>(),
        "Status": { "Code": code, "Description": why },
        "Resource": own.map(|attribute| pair(&attribute)).collect::<Vec<_>>(),
        "InstrumentationScope": { "Name": span.instrumentation_scope.name() },
    })
}

fn pair(attribute: &KeyValue) -> serde_json::Value {
    let (kind, value) = match &attribute.value {
        Value::I64(number) => ("INT64", json!(number)),
        Value::F64(number) => ("FLOAT64", json!(number)),
        Value::Bool(is_true) => ("BOOL", json!(is_true)),
        value => ("STRING", json!(value.as_str())),
    };
    json!({ "Key": attribute.key.as_str(), "Value": { "Type": kind, "Value": value } })
}
