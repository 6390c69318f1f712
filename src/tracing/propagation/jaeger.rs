//! Jaeger: `uber-trace-id: TRACE:SPAN:PARENT:FLAGS`.

use super::{field, remote, set};
use http::HeaderMap;
use opentelemetry::trace::SpanContext;

const FIELD: &str = "uber-trace-id";
const SAMPLED: i64 = 1;

pub(super) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    let parts: Vec<&str> = field(headers, FIELD).split(':').collect();
    let [trace, span, _parent, flags] = parts[..] else { return None };
    let flags = if flags.is_empty() { 0 } else { i64::from_str_radix(flags, 16).ok()? };
    remote(trace, span, flags & SAMPLED != 0)
}

pub(super) fn inject(context: &SpanContext, headers: &mut HeaderMap) {
    let (trace, span) = (context.trace_id(), context.span_id());
    set(headers, FIELD, &format!("{trace}:{span}:0:{}", u8::from(context.is_sampled())));
}
