//! What the variables `OTEL_*` say of spans.
//!
//! | variable | default |
//! | --- | --- |
//! | `OTEL_SDK_DISABLED` | `false` |
//! | `OTEL_TRACES_EXPORTER` | `otlp`; or `console`, `none` |
//! | `OTEL_TRACES_SAMPLER`, `…_ARG` | `parentbased_always_on` |
//! | `OTEL_PROPAGATORS` | `tracecontext,baggage`; or `b3`, `b3multi`, `jaeger`, `xray`, `ottrace`, `none` |
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | none |
//! | `OTEL_BSP_SCHEDULE_DELAY` | 5000 ms, the longest that a span waits for others |
//! | `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | 512 spans in one message |
//! | `OTEL_BSP_MAX_QUEUE_SIZE` | 2048 spans that wait; more are dropped |
//! | `OTEL_BSP_EXPORT_TIMEOUT` | 30000 ms for a message with all its attempts |
//!
//! | `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT` | 4096 characters; longer texts are cut |
//! | `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT` | 128 |
//!
//! The last two may be set without `SPAN_`, too. Further ones are in [`crate::otlp`].

use super::batch::Limits;
use super::propagation::Propagators;
use crate::otlp::{self, Signal, UnknownProtocol, Variables};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::Sampler;
use std::time::Duration;

/// The characters of a text when nothing is said of it.
const TEXT_MAX: usize = 4096;

/// What the variables ask for, and is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An exporter that is none.
    #[error("creating trace exporter error: unknown exporter or metrics producer")]
    Exporter,
    /// A protocol that is none.
    #[error("creating trace exporter error: {0}")]
    Protocol(#[from] UnknownProtocol),
}

/// Where spans go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Nowhere.
    None,
    /// To standard output.
    Console,
    /// To a collector.
    Collector(Box<otlp::Settings>),
}

/// What the variables say.
#[derive(Debug)]
pub(super) struct Settings {
    /// Whether nothing is traced at all.
    pub(super) disabled: bool,
    pub(super) exporter: Destination,
    pub(super) sampler: Sampler,
    /// Who we are.
    pub(super) resource: Resource,
    /// The attributes of a span.
    pub(super) attributes_max: u32,
    pub(super) limits: Limits,
    pub(super) propagators: Propagators,
    /// What is wrong with them, and passed over.
    pub(super) complaints: Vec<String>,
}

impl Settings {
    /// Reads the variables of the process.
    pub(super) fn of_process() -> Result<Self, SettingsError> {
        Self::read(Variables::of_process())
    }

    fn read(mut variables: Variables<'_>) -> Result<Self, SettingsError> {
        let exporter = match variables.text("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {
                let settings = otlp::Settings::read(&mut variables, Signal::Traces)?;
                Destination::Collector(Box::new(settings))
            }
            Some("console") => Destination::Console,
            Some("none") => Destination::None,
            Some(_) => return Err(SettingsError::Exporter),
        };
        Ok(Self {
            disabled: variables.switch("OTEL_SDK_DISABLED") == Some(true),
            exporter,
            sampler: sampler(&mut variables),
            resource: otlp::resource(&mut variables),
            attributes_max: attributes_max(&mut variables),
            limits: limits(&mut variables),
            propagators: Propagators::read(&mut variables),
            complaints: variables.into_complaints(),
        })
    }
}

fn sampler(variables: &mut Variables<'_>) -> Sampler {
    let name = variables.text("OTEL_TRACES_SAMPLER").map(|name| name.to_ascii_lowercase());
    let root = match name.as_deref() {
        None | Some("always_on" | "parentbased_always_on") => Sampler::AlwaysOn,
        Some("always_off" | "parentbased_always_off") => Sampler::AlwaysOff,
        Some("traceidratio" | "parentbased_traceidratio") => {
            Sampler::TraceIdRatioBased(ratio(variables))
        }
        Some(other) => {
            variables.complain(format!("unsupported sampler: {other}"));
            Sampler::AlwaysOn
        }
    };
    match name.as_deref() {
        Some("always_on" | "always_off" | "traceidratio") => root,
        _ => Sampler::ParentBased(Box::new(root)),
    }
}

fn ratio(variables: &mut Variables<'_>) -> f64 {
    let Some(text) = variables.text("OTEL_TRACES_SAMPLER_ARG") else { return 1.0 };
    match text.parse() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => return ratio,
        Ok(ratio) if ratio < 0.0 => {
            variables.complain("invalid trace ID ratio: less than 0.0".to_owned());
        }
        Ok(_) => variables.complain("invalid trace ID ratio: greater than 1.0".to_owned()),
        Err(_) => variables.complain(format!("OTEL_TRACES_SAMPLER_ARG: \"{text}\" is no number")),
    }
    1.0
}

fn attributes_max(variables: &mut Variables<'_>) -> u32 {
    let names = ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"];
    let max = names.iter().find_map(|name| variables.number(name));
    max.and_then(|max| max.try_into().ok()).unwrap_or(128)
}

/// `-1` is no limit at all.
fn text_max(variables: &mut Variables<'_>) -> usize {
    let names = ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"];
    let max = names.iter().find_map(|name| match variables.text(name).as_deref() {
        Some("-1") => Some(u64::MAX),
        _ => variables.number(name),
    });
    max.map_or(TEXT_MAX, |max| usize::try_from(max).unwrap_or(usize::MAX))
}

fn limits(variables: &mut Variables<'_>) -> Limits {
    let mut count = |name: &str| {
        let count = variables.number(name).filter(|count| *count > 0)?;
        usize::try_from(count).ok()
    };
    let queue = count("OTEL_BSP_MAX_QUEUE_SIZE").unwrap_or(2048);
    let batch = count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE").unwrap_or(512);
    let delay = variables.millis("OTEL_BSP_SCHEDULE_DELAY");
    let export = variables.millis("OTEL_BSP_EXPORT_TIMEOUT");
    Limits {
        queue,
        batch: batch.min(queue),
        delay: delay.unwrap_or(Duration::from_secs(5)),
        export: export.unwrap_or(Duration::from_secs(30)),
        text: text_max(variables),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(Variables::new(|name| {
            let word = name.strip_prefix("OTEL_")?;
            set.iter().find(|(key, _)| *key == word).map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn an_exporter_or_a_protocol_that_is_none_is_refused() {
        let check = |set: &[(&str, &str)], expected: &str| {
            let got = read(set).map_err(|error| error.to_string());
            assert_eq!(got.map(|_| ()), Err(format!("creating trace exporter error: {expected}")));
        };
        check(&[("TRACES_EXPORTER", "zipkin")], "unknown exporter or metrics producer");
        check(
            &[("EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")],
            "invalid OTLP protocol - should be one of ['grpc', 'http/protobuf']",
        );
    }

    #[test]
    fn samplers_are_known_by_name() {
        #[track_caller]
        fn check(name: &str, arg: &str, expected: &str) -> Vec<String> {
            let set = [("TRACES_SAMPLER", name), ("TRACES_SAMPLER_ARG", arg)];
            let settings = read(&set).expect("an exporter");
            assert_eq!(format!("{:?}", settings.sampler), expected, "{name} {arg}");
            settings.complaints
        }
        let none: [String; 0] = [];
        assert_eq!(check("", "", "ParentBased(AlwaysOn)"), none);
        assert_eq!(check("Always_Off", "", "AlwaysOff"), none);
        assert_eq!(check("traceidratio", "0.25", "TraceIdRatioBased(0.25)"), none);
        let wrong = check("parentbased_traceidratio", "2", "ParentBased(TraceIdRatioBased(1.0))");
        assert_eq!(wrong, ["invalid trace ID ratio: greater than 1.0"]);
        let wrong = check("xray", "", "ParentBased(AlwaysOn)");
        assert_eq!(wrong, ["unsupported sampler: xray"]);
    }

    #[test]
    fn the_service_has_the_name_that_is_given() {
        let check = |set: &[(&str, &str)], expected: &str| {
            let resource = read(set).expect("an exporter").resource;
            let name = resource.get(&opentelemetry::Key::new("service.name"));
            assert_eq!(name.map(|name| name.to_string()), Some(expected.to_owned()));
        };
        let attributes = ("RESOURCE_ATTRIBUTES", "a=b,service.name=of%20list");
        check(&[attributes], "of list");
        check(&[attributes, ("SERVICE_NAME", "own")], "own");
    }

    #[test]
    fn texts_have_a_limit_unless_it_is_lifted() {
        let check = |set: &[(&str, &str)], expected: usize| {
            assert_eq!(read(set).expect("an exporter").limits.text, expected, "{set:?}");
        };
        check(&[], 4096);
        check(&[("ATTRIBUTE_VALUE_LENGTH_LIMIT", "-1")], usize::MAX);
        let own = ("SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7");
        check(&[own, ("ATTRIBUTE_VALUE_LENGTH_LIMIT", "8")], 7);
    }

    #[test]
    fn a_batch_is_no_larger_than_the_queue() {
        let settings = read(&[("BSP_MAX_QUEUE_SIZE", "10"), ("BSP_SCHEDULE_DELAY", "x")]);
        let settings = settings.expect("an exporter");
        assert_eq!((settings.limits.queue, settings.limits.batch), (10, 10));
        assert_eq!(settings.limits.delay, Duration::from_secs(5));
        assert_eq!(settings.complaints, ["OTEL_BSP_SCHEDULE_DELAY: \"x\" is no number"]);
    }
}
