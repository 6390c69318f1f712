//! AWS X-Ray: `X-Amzn-Trace-Id: Root=1-TIME-REST;Parent=SPAN;Sampled=1`.

use super::{field, remote, set};
use http::HeaderMap;
use opentelemetry::trace::SpanContext;

const FIELD: &str = "x-amzn-trace-id";
/// The digits of the time, with which a trace's identifier begins.
const TIME: usize = 8;

pub(super) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    let (mut trace, mut span, mut is_sampled) = (String::new(), "", false);
    for part in field(headers, FIELD).split(';') {
        match part.trim().split_once('=')? {
            ("Root", root) => {
                let (time, rest) = root.strip_prefix("1-")?.split_once('-')?;
                trace = format!("{time}{rest}");
            }
            ("Parent", parent) => span = parent,
            ("Sampled", sampled) => is_sampled = sampled == "1",
            _ => {}
        }
    }
    if trace.len() != 32 || span.len() != 16 {
        return None;
    }
    remote(&trace, span, is_sampled)
}

pub(super) fn inject(context: &SpanContext, headers: &mut HeaderMap) {
    let (trace, span) = (context.trace_id().to_string(), context.span_id());
    let (time, rest) = trace.split_at(TIME);
    let sampled = u8::from(context.is_sampled());
    set(headers, FIELD, &format!("Root=1-{time}-{rest};Parent={span};Sampled={sampled}"));
}
