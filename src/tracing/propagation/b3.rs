//! B3: `b3: TRACE-SPAN-SAMPLED-PARENT`, or a field for each, as Zipkin has them.

use super::{field, remote, set};
use http::HeaderMap;
use opentelemetry::trace::SpanContext;

const SINGLE: &str = "b3";
const TRACE: &str = "x-b3-traceid";
const SPAN: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const DEBUG: &str = "x-b3-flags";

/// Reads the one field, or else the many.
pub(super) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    single(field(headers, SINGLE)).or_else(|| {
        let is_sampled = match field(headers, SAMPLED).to_ascii_lowercase().as_str() {
            "1" | "true" => true,
            "0" | "false" | "" => field(headers, DEBUG) == "1",
            _ => return None,
        };
        ids(field(headers, TRACE), field(headers, SPAN), is_sampled)
    })
}

fn single(value: &str) -> Option<SpanContext> {
    let mut parts = value.split('-');
    let (trace, span) = (parts.next()?, parts.next()?);
    let is_sampled = match parts.next() {
        Some("1" | "d") => true,
        Some("0") | None => false,
        Some(_) => return None,
    };
    ids(trace, span, is_sampled)
}

fn ids(trace: &str, span: &str, is_sampled: bool) -> Option<SpanContext> {
    let fits = matches!(trace.len(), 16 | 32) && span.len() == 16;
    if fits { remote(trace, span, is_sampled) } else { None }
}

pub(super) fn inject(context: &SpanContext, headers: &mut HeaderMap) {
    let (trace, span) = (context.trace_id(), context.span_id());
    set(headers, SINGLE, &format!("{trace}-{span}-{}", u8::from(context.is_sampled())));
}

pub(super) fn inject_multi(context: &SpanContext, headers: &mut HeaderMap) {
    set(headers, TRACE, &context.trace_id().to_string());
    set(headers, SPAN, &context.span_id().to_string());
    set(headers, SAMPLED, if context.is_sampled() { "1" } else { "0" });
}
