//! Figures as a collector gets them: what Prometheus' text says, in OTLP's messages.
//!
//! The text is read back, so that both always tell the same. Counters and histograms are
//! cumulative since the start of the process; their values are floating-point numbers, as
//! Prometheus' are.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource as ResourceMessage;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use prost::Message;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The series that says when the process began.
const STARTED: &str = "process_start_time_seconds";

/// The message that tells what a text in Prometheus' form does.
pub(super) fn message(text: &str, resource: &Resource) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let scope = InstrumentationScope { name: "pogo".to_owned(), ..Default::default() };
    let metrics =
        ScopeMetrics { scope: Some(scope), metrics: metrics(text, now), ..Default::default() };
    let attributes = ResourceAttributesWithSchema::from(resource).attributes.0;
    let resource = ResourceMessage { attributes, ..Default::default() };
    let metrics = ResourceMetrics {
        resource: Some(resource),
        scope_metrics: vec![metrics],
        ..Default::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![metrics] }.encode_to_vec()
}

/// Series of one name.
#[derive(Debug, Default)]
struct Family<'t> {
    name: &'t str,
    kind: &'t str,
    help: &'t str,
    series: Vec<Series<'t>>,
}

#[derive(Debug)]
struct Series<'t> {
    /// With what tells the parts of a histogram apart.
    name: &'t str,
    labels: Vec<(&'t str, String)>,
    value: f64,
}

fn metrics(text: &str, now: Duration) -> Vec<Metric> {
    let families = families(text);
    let of_process = families.iter().find(|family| family.name == STARTED);
    let started = of_process.and_then(|family| family.series.first());
    let times = Times {
        started: started.map_or(0, |series| nanos(Duration::from_secs_f64(series.value.max(0.0)))),
        now: nanos(now),
    };
    let told = families.iter().filter(|family| !family.series.is_empty());
    told.map(|family| family.metric(&times)).collect()
}

/// Since when, and until when.
struct Times {
    started: u64,
    now: u64,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Family<'_> {
    fn metric(&self, times: &Times) -> Metric {
        let temporality = AggregationTemporality::Cumulative.into();
        let data = match self.kind {
            "counter" => Data::Sum(Sum {
                data_points: self.numbers(times.started, times.now),
                aggregation_temporality: temporality,
                is_monotonic: true,
            }),
            "histogram" => Data::Histogram(Histogram {
                data_points: self.histograms(times),
                aggregation_temporality: temporality,
            }),
            _ => Data::Gauge(Gauge { data_points: self.numbers(0, times.now) }),
        };
        Metric {
            name: self.name.to_owned(),
            description: self.help.to_owned(),
            data: Some(data),
            ..Default::default()
        }
    }

    fn numbers(&self, started: u64, now: u64) -> Vec<NumberDataPoint> {
        let point = |series: &Series<'_>| NumberDataPoint {
            attributes: attributes(&series.labels),
            start_time_unix_nano: started,
            time_unix_nano: now,
            value: Some(number_data_point::Value::AsDouble(series.value)),
            ..Default::default()
        };
        self.series.iter().map(point).collect()
    }

    /// The histograms, each of which is several series in a row: its buckets from the
    /// lowest, which count those below them too, then the sum and the count.
    fn histograms(&self, times: &Times) -> Vec<HistogramDataPoint> {
        let mut points = Vec::new();
        let (mut bounds, mut counts, mut below, mut sum) = (Vec::new(), Vec::new(), 0, None);
        for series in &self.series {
            let part = series.name.strip_prefix(self.name).unwrap_or_default();
            match (part, series.labels.last()) {
                ("_bucket", Some((_, bound))) => {
                    let count = to_count(series.value);
                    counts.push(count.saturating_sub(below));
                    below = count;
                    bounds.extend(bound.parse().ok().filter(|bound: &f64| bound.is_finite()));
                }
                ("_sum", _) => sum = Some(series.value),
                _ => {
                    points.push(HistogramDataPoint {
                        attributes: attributes(&series.labels),
                        start_time_unix_nano: times.started,
                        time_unix_nano: times.now,
                        count: to_count(series.value),
                        sum: sum.take(),
                        bucket_counts: std::mem::take(&mut counts),
                        explicit_bounds: std::mem::take(&mut bounds),
                        ..Default::default()
                    });
                    below = 0;
                }
            }
        }
        points
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was a count before it was written as text"
)]
const fn to_count(value: f64) -> u64 {
    value as u64
}

fn attributes(labels: &[(&str, String)]) -> Vec<KeyValue> {
    let attribute = |(key, value): &(&str, String)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.clone())) }),
        ..Default::default()
    };
    labels.iter().map(attribute).collect()
}

fn families(text: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')) {
            families.push(Family { name, help, ..Family::default() });
            continue;
        }
        let Some(family) = families.last_mut() else { continue };
        match line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            Some((_, kind)) => family.kind = kind,
            None => family.series.extend(series(line)),
        }
    }
    families
}

/// Reads `name{label="value",…} number`.
fn series(line: &str) -> Option<Series<'_>> {
    let (named, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, mut rest)) = named.split_once('{') else {
        return Some(Series { name: named, labels: Vec::new(), value });
    };
    let mut labels = Vec::new();
    while let Some((label, quoted)) = rest.split_once("=\"") {
        let (text, after) = unquote(quoted)?;
        labels.push((label.trim_start_matches(','), text));
        rest = after;
    }
    Some(Series { name, labels, value })
}

/// A value up to its closing quote, and what follows.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((text, &quoted[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => text.push('\n'),
                escaped => text.push(escaped),
            },
            c => text.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP a_total Things, many.\n# TYPE a_total counter\n\
                        a_total{x=\"a\\\"b\\\\\",y=\"{},\"} 2\na_total{x=\"\",y=\"\"} 3\n\
                        # HELP process_start_time_seconds Start.\n\
                        # TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.5\n\
                        # HELP h Sizes.\n# TYPE h histogram\nh_bucket{c=\"1\",le=\"256\"} 1\n\
                        h_bucket{c=\"1\",le=\"1024\"} 4\nh_bucket{c=\"1\",le=\"+Inf\"} 5\n\
                        h_sum{c=\"1\"} 99.5\nh_count{c=\"1\"} 5\n\
                        # HELP none Nothing.\n# TYPE none gauge\n";

    fn told() -> Vec<Metric> {
        metrics(TEXT, Duration::from_secs(9))
    }

    #[test]
    fn counters_and_gauges_have_their_labels_and_times() {
        let metrics = told();
        let names: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names, ["a_total", STARTED, "h"]);
        assert_eq!(metrics[0].description, "Things, many.");
        let Some(Data::Sum(sum)) = &metrics[0].data else { panic!("{metrics:?}") };
        assert!(sum.is_monotonic);
        let point = &sum.data_points[0];
        assert_eq!(
            (point.start_time_unix_nano, point.time_unix_nano),
            (1_500_000_000, 9_000_000_000)
        );
        assert_eq!(point.value, Some(number_data_point::Value::AsDouble(2.0)));
        let own = |(key, value): (&'static str, &str)| (key, value.to_owned());
        let expected = [("x", "a\"b\\"), ("y", "{},")].map(own);
        assert_eq!(point.attributes, attributes(&expected));
        assert!(matches!(&metrics[1].data, Some(Data::Gauge(_))));
    }

    #[test]
    fn buckets_count_what_is_in_them_alone() {
        let metrics = told();
        let Some(Data::Histogram(histogram)) = &metrics[2].data else { panic!("{metrics:?}") };
        let point = &histogram.data_points[0];
        assert_eq!(point.explicit_bounds, [256.0, 1024.0]);
        assert_eq!(point.bucket_counts, [1, 3, 1]);
        assert_eq!((point.count, point.sum), (5, Some(99.5)));
        assert_eq!(point.attributes, attributes(&[("c", "1".to_owned())]));
    }
}
