//! W3C Trace Context: `traceparent: 00-TRACE-SPAN-FLAGS` and `tracestate`.

use super::{field, remote, set};
use http::HeaderMap;
use opentelemetry::trace::{SpanContext, TraceFlags, TraceState};
use std::str::FromStr;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// The members of a state.
const STATE_MAX: usize = 32;
/// Sampled, and: the trace's identifier was made by chance.
const FLAGS: u8 = 0b11;

pub(super) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    let mut parts = field(headers, PARENT).split('-');
    let mut part = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        (!part.bytes().any(|b| b.is_ascii_uppercase())).then_some(part)
    };
    let version = u8::from_str_radix(part(2)?, 16).ok()?;
    let (trace, span) = (part(32)?, part(16)?);
    let flags = u8::from_str_radix(part(2)?, 16).ok()?;
    // Later versions may say more; this one must not.
    if version == u8::MAX || version == 0 && (flags > FLAGS || parts.next().is_some()) {
        return None;
    }
    let context = remote(trace, span, false)?;
    // What is no state does not spoil the parent.
    let state = Some(field(headers, STATE)).filter(|state| state.split(',').count() <= STATE_MAX);
    let state = state.and_then(|state| TraceState::from_str(state).ok()).unwrap_or_default();
    let (trace, span) = (context.trace_id(), context.span_id());
    Some(SpanContext::new(trace, span, TraceFlags::new(flags & FLAGS), true, state))
}

pub(super) fn inject(context: &SpanContext, headers: &mut HeaderMap) {
    let (trace, span) = (context.trace_id(), context.span_id());
    let flags = context.trace_flags().to_u8() & FLAGS;
    set(headers, PARENT, &format!("00-{trace}-{span}-{flags:02x}"));
    // The state belongs to the parent: another one's must not go on beside it.
    headers.remove(STATE);
    let state = context.trace_state().header();
    if !state.is_empty() {
        set(headers, STATE, &state);
    }
}
