//! By which header fields a trace goes from server to server.
//!
//! A file per form of them; each reads and writes a span's context. `baggage` belongs to
//! nobody here: its field goes on as it came.

mod b3;
mod jaeger;
mod ottrace;
mod w3c;
mod xray;

use crate::otlp::Variables;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The forms that are read and written, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Propagators(Vec<Form>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    TraceContext,
    Baggage,
    B3,
    B3Multi,
    Jaeger,
    Xray,
    OtTrace,
}

impl Form {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "tracecontext" => Self::TraceContext,
            "baggage" => Self::Baggage,
            "b3" => Self::B3,
            "b3multi" => Self::B3Multi,
            "jaeger" => Self::Jaeger,
            "xray" => Self::Xray,
            "ottrace" => Self::OtTrace,
            _ => return None,
        })
    }
}

impl Propagators {
    /// Those of `OTEL_PROPAGATORS`. `none` among them turns all off; the usual ones take
    /// their place when nothing known is named.
    pub fn read(variables: &mut Variables<'_>) -> Self {
        let usual = || Self(vec![Form::TraceContext, Form::Baggage]);
        let Some(names) = variables.text("OTEL_PROPAGATORS") else { return usual() };
        let names: Vec<&str> = names.split(',').map(str::trim).collect();
        if names.contains(&"none") {
            return Self(Vec::new());
        }
        let unknown: Vec<&str> =
            names.iter().copied().filter(|name| Form::named(name).is_none()).collect();
        if !unknown.is_empty() {
            variables.complain(format!("unknown propagator: {}", unknown.join(",")));
        }
        let known: Vec<Form> = names.into_iter().filter_map(Form::named).collect();
        if known.is_empty() { usual() } else { Self(known) }
    }

    /// The context that a request's header names; the last form that names one wins.
    pub fn extract(&self, headers: &HeaderMap) -> Option<SpanContext> {
        let read = |form: &Form| match form {
            Form::TraceContext => w3c::extract(headers),
            Form::Baggage => None,
            Form::B3 | Form::B3Multi => b3::extract(headers),
            Form::Jaeger => jaeger::extract(headers),
            Form::Xray => xray::extract(headers),
            Form::OtTrace => ottrace::extract(headers),
        };
        self.0.iter().rev().find_map(read)
    }

    /// Names a context in a header.
    pub fn inject(&self, context: &SpanContext, headers: &mut HeaderMap) {
        if !context.is_valid() {
            return;
        }
        for form in &self.0 {
            match form {
                Form::TraceContext => w3c::inject(context, headers),
                Form::Baggage => {}
                Form::B3 => b3::inject(context, headers),
                Form::B3Multi => b3::inject_multi(context, headers),
                Form::Jaeger => jaeger::inject(context, headers),
                Form::Xray => xray::inject(context, headers),
                Form::OtTrace => ottrace::inject(context, headers),
            }
        }
    }
}

/// The text of a field; empty when there is none.
fn field<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// A context of another server; `None` when an identifier is no number or 0.
fn remote(trace: &str, span: &str, is_sampled: bool) -> Option<SpanContext> {
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if trace.len() > 32 || span.len() > 16 || !is_hex(trace) || !is_hex(span) {
        return None;
    }
    let trace = TraceId::from(u128::from_str_radix(trace, 16).ok()?);
    let span = SpanId::from(u64::from_str_radix(span, 16).ok()?);
    let flags = TraceFlags::default().with_sampled(is_sampled);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        fields.iter().for_each(|(name, value)| set(&mut headers, name, value));
        headers
    }

    fn propagators(names: &str) -> (Propagators, Vec<String>) {
        let mut variables = Variables::new(|_| Some(names.to_owned()));
        let propagators = Propagators::read(&mut variables);
        (propagators, variables.into_complaints())
    }

    /// What is read from `fields` must be `expected`, as `TRACE SPAN sampled`.
    #[track_caller]
    fn check(name: &str, fields: &[(&'static str, &str)], expected: &str) {
        let got = propagators(name).0.extract(&headers(fields));
        let got = got.map(|c| format!("{} {} {}", c.trace_id(), c.span_id(), c.is_sampled()));
        assert_eq!(got.unwrap_or_default(), expected, "{name} {fields:?}");
    }

    /// What is written must be `expected`.
    #[track_caller]
    fn check_written(name: &str, is_sampled: bool, expected: &[(&'static str, &str)]) {
        let context = remote(TRACE, SPAN, is_sampled).expect("valid");
        let mut got = HeaderMap::new();
        propagators(name).0.inject(&context, &mut got);
        assert_eq!(got, headers(expected), "{name}");
    }

    #[test]
    fn propagators_are_known_by_name() {
        let check = |names: &str, expected: &[Form], complaints: &[&str]| {
            let (got, complained) = propagators(names);
            assert_eq!(
                (got.0.as_slice(), complained.len()),
                (expected, complaints.len()),
                "{names}"
            );
            assert_eq!(complained, complaints);
        };
        check("", &[Form::TraceContext, Form::Baggage], &[]);
        check("b3, jaeger", &[Form::B3, Form::Jaeger], &[]);
        check("b3,none", &[], &[]);
        check("b3,x,y", &[Form::B3], &["unknown propagator: x,y"]);
        check("x", &[Form::TraceContext, Form::Baggage], &["unknown propagator: x"]);
    }

    #[test]
    fn the_form_of_w3c_is_read_strictly() {
        let whole = format!("{TRACE} {SPAN} true");
        let read = |value: &str, expected: &str| {
            check("tracecontext", &[("traceparent", value)], expected)
        };
        read(&format!("00-{TRACE}-{SPAN}-01"), &whole);
        read(&format!("00-{TRACE}-{SPAN}-00"), &format!("{TRACE} {SPAN} false"));
        read(&format!("cc-{TRACE}-{SPAN}-03-what"), &whole);
        read(&format!("00-{TRACE}-{SPAN}-01-what"), "");
        read(&format!("00-{TRACE}-{SPAN}-04"), "");
        read(&format!("ff-{TRACE}-{SPAN}-01"), "");
        read(&format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), "");
        read(&format!("00-{}-{SPAN}-01", "0".repeat(32)), "");
        read("00-bad", "");
    }

    #[test]
    fn the_state_of_a_trace_goes_on_with_it() {
        let parent = format!("00-{TRACE}-{SPAN}-01");
        let (propagators, _) = propagators("tracecontext");
        let check = |state: &str, expected: Option<&str>| {
            let mut headers = headers(&[("traceparent", &parent), ("tracestate", state)]);
            let context = propagators.extract(&headers).expect("a context");
            propagators.inject(&context, &mut headers);
            let got = headers.get("tracestate").and_then(|value| value.to_str().ok());
            assert_eq!(got, expected, "{state}");
        };
        check("a=b,c=d", Some("a=b,c=d"));
        check("bad", None);
        check(&"a=b,".repeat(33), None);
    }

    #[test]
    fn other_forms_are_read() {
        let whole = format!("{TRACE} {SPAN} true");
        let short = format!("{}{} {SPAN} false", "0".repeat(16), &TRACE[16..]);
        check("b3", &[("b3", &format!("{TRACE}-{SPAN}-d"))], &whole);
        check("b3", &[("b3", &format!("{}-{SPAN}-0-{SPAN}", &TRACE[16..]))], &short);
        check("b3", &[("b3", "0")], "");
        let multi = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
        check("b3", &[multi[0], multi[1], ("x-b3-sampled", "true")], &whole);
        check("b3multi", &[multi[0], multi[1], ("x-b3-flags", "1")], &whole);
        check("b3multi", &[multi[0], multi[1], ("x-b3-sampled", "x")], "");
        check("b3multi", &[multi[0]], "");
        check("jaeger", &[("uber-trace-id", &format!("{TRACE}:{SPAN}:0:3"))], &whole);
        check("jaeger", &[("uber-trace-id", &format!("{}:{SPAN}:0:0", &TRACE[16..]))], &short);
        check("jaeger", &[("uber-trace-id", &format!("{TRACE}:{SPAN}:1"))], "");
        let root = format!("Root=1-{}-{}", &TRACE[..8], &TRACE[8..]);
        let xray = |rest: &str| format!("{root};{rest}");
        check("xray", &[("x-amzn-trace-id", &xray(&format!("Parent={SPAN};Sampled=1")))], &whole);
        check("xray", &[("x-amzn-trace-id", &xray("Sampled=1"))], "");
        let ot = [("ot-tracer-traceid", &TRACE[16..]), ("ot-tracer-spanid", SPAN)];
        check("ottrace", &[ot[0], ot[1], ("ot-tracer-sampled", "false")], &short);
        check("ottrace", &[ot[0], ot[1], ("ot-tracer-sampled", "x")], "");
    }

    #[test]
    fn other_forms_are_written() {
        check_written("b3", true, &[("b3", &format!("{TRACE}-{SPAN}-1"))]);
        let multi = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-sampled", "0")];
        check_written("b3multi", false, &multi);
        check_written("jaeger", true, &[("uber-trace-id", &format!("{TRACE}:{SPAN}:0:1"))]);
        let xray = format!("Root=1-{}-{};Parent={SPAN};Sampled=0", &TRACE[..8], &TRACE[8..]);
        check_written("xray", false, &[("x-amzn-trace-id", &xray)]);
        check_written(
            "ottrace",
            true,
            &[
                ("ot-tracer-traceid", &TRACE[16..]),
                ("ot-tracer-spanid", SPAN),
                ("ot-tracer-sampled", "true"),
            ],
        );
        let parent = format!("00-{TRACE}-{SPAN}-01");
        check_written("tracecontext,baggage", true, &[("traceparent", &parent)]);
        check_written("none", true, &[]);
    }
}
