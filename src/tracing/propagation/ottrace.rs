//! OpenTracing's basic tracers: `ot-tracer-traceid`, `ot-tracer-spanid` and
//! `ot-tracer-sampled`. The fields `ot-baggage-*` go on as they came.

use super::{field, remote, set};
use http::HeaderMap;
use opentelemetry::trace::SpanContext;

const TRACE: &str = "ot-tracer-traceid";
const SPAN: &str = "ot-tracer-spanid";
const SAMPLED: &str = "ot-tracer-sampled";

pub(super) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    let is_sampled = match field(headers, SAMPLED).to_ascii_lowercase().as_str() {
        "1" | "true" => true,
        "0" | "false" | "" => false,
        _ => return None,
    };
    let (trace, span) = (field(headers, TRACE), field(headers, SPAN));
    let fits = matches!(trace.len(), 16 | 32) && span.len() == 16;
    if fits { remote(trace, span, is_sampled) } else { None }
}

/// Only the lower half of a trace's identifier has room.
pub(super) fn inject(context: &SpanContext, headers: &mut HeaderMap) {
    set(headers, TRACE, &context.trace_id().to_string()[16..]);
    set(headers, SPAN, &context.span_id().to_string());
    set(headers, SAMPLED, if context.is_sampled() { "true" } else { "false" });
}
