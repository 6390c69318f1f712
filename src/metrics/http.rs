//! Requests by server, handler, status and method, and by host where that is asked for.
//!
//! Each route of a server counts under the name of its first handler, as in Caddy, and
//! what it measures goes on until the request is answered. Everything is atomic and has
//! its place found by index: counting takes no lock, and allocates only what is seen for
//! the first time.

use super::text::{Labels, Text, to_float};
use dashmap::DashMap;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Upper bounds of durations, in nanoseconds and as they are told in seconds.
const SPANS: [(u64, &str); 11] = [
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
];

/// Upper bounds of sizes in bytes.
const SIZES: [(u64, &str); 8] = [
    (256, "256"),
    (1 << 10, "1024"),
    (4 << 10, "4096"),
    (16 << 10, "16384"),
    (64 << 10, "65536"),
    (256 << 10, "262144"),
    (1 << 20, "1.048576e+06"),
    (4 << 20, "4.194304e+06"),
];

/// Methods that are told apart, and what stands for all others, in the order of their names.
const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "OTHER", "PATCH", "POST", "PUT", "TRACE"];

/// Hosts that nobody configured are told apart up to this number.
const HOSTS_MAX: usize = 10_000;
/// The host of those that are not told apart.
const OTHER: &str = "_other";

/// The figures of one configuration.
#[derive(Debug, Default)]
pub struct Requests {
    meters: Vec<Arc<Meter>>,
    hosts: Option<Hosts>,
}

/// How hosts are told apart.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Those of the configuration, in lower case.
    pub known: BTreeSet<String>,
    /// Whether the others are told apart, too.
    pub all: bool,
}

/// What the routes of one server count whose first handler has one name.
#[derive(Debug)]
pub struct Meter {
    server: String,
    handler: String,
    /// Of requests whose host is not told apart.
    rest: Arc<Counters>,
    hosts: Option<ByHost>,
}

#[derive(Debug)]
struct ByHost {
    known: HashMap<String, Arc<Counters>>,
    /// Hosts that nobody configured, if they are told apart.
    others: Option<DashMap<String, Arc<Counters>>>,
}

/// The counters of one meter, for one host if hosts are told apart.
#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    errors: AtomicU64,
    in_flight: AtomicI64,
    /// By the hundreds of the status.
    classes: [OnceLock<Box<Class>>; 9],
}

/// By the other digits of the status.
#[derive(Debug)]
struct Class([OnceLock<Box<Methods>>; 100]);

/// By the method.
type Methods = [OnceLock<Box<Series>>; METHODS.len()];

/// What is measured of requests that have all labels in common.
#[derive(Debug, Default)]
struct Series {
    duration: Histogram<{ SPANS.len() }>,
    first_byte: Histogram<{ SPANS.len() }>,
    asked: Histogram<{ SIZES.len() }>,
    answered: Histogram<{ SIZES.len() }>,
}

/// Values counted by their upper bounds.
#[derive(Debug)]
struct Histogram<const N: usize> {
    /// Values up to each bound and above the one before it.
    buckets: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

/// A request that a meter counts as in flight until this is dropped.
#[derive(Debug)]
pub struct InFlight(Arc<Counters>);

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'r> {
    /// The status, of the error if it failed.
    pub status: u16,
    /// The method.
    pub method: &'r str,
    /// Whether handlers failed.
    pub failed: bool,
    /// The size of the request, about.
    pub asked: u64,
    /// Bytes of the answer's body.
    pub answered: u64,
}

impl Requests {
    /// Counters for a configuration; by host if that is asked for.
    pub const fn new(hosts: Option<Hosts>) -> Self {
        Self { meters: Vec::new(), hosts }
    }

    /// The meter of a server's routes whose first handler has this name.
    pub fn meter(&mut self, server: &str, handler: &str) -> Arc<Meter> {
        let same = |meter: &&Arc<Meter>| meter.server == server && meter.handler == handler;
        if let Some(meter) = self.meters.iter().find(same) {
            return Arc::clone(meter);
        }
        let hosts = self.hosts.as_ref().map(|hosts| ByHost {
            known: hosts.known.iter().map(|host| (host.clone(), Arc::default())).collect(),
            others: hosts.all.then(DashMap::new),
        });
        let (server, handler) = (server.to_owned(), handler.to_owned());
        let meter = Arc::new(Meter { server, handler, rest: Arc::default(), hosts });
        self.meters.push(Arc::clone(&meter));
        meter
    }

    /// Writes all of it.
    pub(super) fn write(&self, text: &mut Text) {
        let mut rows: Vec<Row<'_>> = self.meters.iter().flat_map(|meter| meter.rows()).collect();
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        if rows.is_empty() {
            return;
        }
        write_measured(
            text,
            &rows,
            "caddy_http_request_duration_seconds",
            "Histogram of round-trip request durations.",
            |series, sink| series.duration.write(&SPANS, 1e9, sink),
        );
        write_errors(text, &rows);
        write_measured(
            text,
            &rows,
            "caddy_http_request_size_bytes",
            "Total size of the request. Includes body",
            |series, sink| series.asked.write(&SIZES, 1.0, sink),
        );
        let name = "caddy_http_requests_in_flight";
        text.family(name, "gauge", "Number of requests currently handled by this server.");
        for row in &rows {
            row.with_labels(None, |labels| {
                let running = u64::try_from(row.counters.in_flight.load(Relaxed)).unwrap_or(0);
                text.value(name, labels, to_float(running));
            });
        }
        let name = "caddy_http_requests_total";
        text.family(name, "counter", "Counter of HTTP(S) requests made.");
        for row in &rows {
            row.with_labels(None, |labels| {
                text.value(name, labels, to_float(row.counters.requests.load(Relaxed)));
            });
        }
        write_measured(
            text,
            &rows,
            "caddy_http_response_duration_seconds",
            "Histogram of times to first byte in response bodies.",
            |series, sink| series.first_byte.write(&SPANS, 1e9, sink),
        );
        write_measured(
            text,
            &rows,
            "caddy_http_response_size_bytes",
            "Size of the returned response.",
            |series, sink| series.answered.write(&SIZES, 1.0, sink),
        );
    }
}

/// Counters with the labels that they have.
struct Row<'m> {
    meter: &'m Meter,
    host: Option<String>,
    counters: Arc<Counters>,
}

/// A line of a histogram.
enum Line<'l> {
    /// Values up to a bound.
    Bucket(&'l str, u64),
    Sum(f64),
    Count(u64),
}

/// Takes the lines of a histogram.
type Sink<'s> = dyn FnMut(&Line<'_>) + 's;

fn write_errors(text: &mut Text, rows: &[Row<'_>]) {
    let name = "caddy_http_request_errors_total";
    let failed = |row: &&Row<'_>| row.counters.errors.load(Relaxed) > 0;
    let mut rows = rows.iter().filter(failed).peekable();
    if rows.peek().is_some() {
        text.family(name, "counter", "Number of requests resulting in middleware errors.");
    }
    for row in rows {
        row.with_labels(None, |labels| {
            text.value(name, labels, to_float(row.counters.errors.load(Relaxed)));
        });
    }
}

/// Writes one histogram of all series that have values.
fn write_measured<'r>(
    text: &mut Text,
    rows: &'r [Row<'r>],
    name: &str,
    help: &str,
    write: impl Fn(&Series, &mut Sink<'_>),
) {
    let mut family = Family { text, name, help, has_begun: false };
    let mut measured = Vec::new();
    for row in rows {
        row.counters.each(|status, method, series| measured.push((status, row, method, series)));
    }
    // By the labels in the order of their names, of which `code` is the first.
    let key = |(status, row, method, _): &(u16, &'r Row<'r>, &'r str, &'r Series)| {
        let (handler, host, server) = row.key();
        (*status, handler, host, *method, server)
    };
    measured.sort_by(|a, b| key(a).cmp(&key(b)));
    for (status, row, method, series) in measured {
        row.with_labels(Some((status, method)), |labels| {
            write(series, &mut |line| family.write(labels, line));
        });
    }
}

/// A family of histograms, begun when there is something to tell.
struct Family<'t> {
    text: &'t mut Text,
    name: &'t str,
    help: &'t str,
    has_begun: bool,
}

impl Family<'_> {
    fn write(&mut self, labels: &Labels<'_>, line: &Line<'_>) {
        let Self { text, name, help, has_begun } = self;
        if !std::mem::replace(has_begun, true) {
            text.family(name, "histogram", help);
        }
        match line {
            Line::Bucket(bound, count) => text.bucket(name, labels, bound, *count),
            Line::Sum(sum) => text.value(&format!("{name}_sum"), labels, *sum),
            Line::Count(count) => text.count(&format!("{name}_count"), labels, *count),
        }
    }
}

impl Row<'_> {
    fn key(&self) -> (&str, Option<&str>, &str) {
        (&self.meter.handler, self.host.as_deref(), &self.meter.server)
    }

    /// Its labels in the order of their names, with status and method if it is of one.
    fn with_labels(&self, of: Option<(u16, &str)>, then: impl FnOnce(&Labels<'_>)) {
        let status = of.map(|(status, _)| status.to_string());
        let labels = [
            ("code", status.as_deref()),
            ("handler", Some(&*self.meter.handler)),
            ("host", self.host.as_deref()),
            ("method", of.map(|(_, method)| method)),
            ("server", Some(&*self.meter.server)),
        ];
        let labels = labels.into_iter().filter_map(|(name, value)| Some((name, value?)));
        then(&labels.collect::<Vec<_>>());
    }
}

impl Meter {
    /// Counts a request for this host.
    pub fn enter(&self, host: &[u8]) -> InFlight {
        let counters = match &self.hosts {
            None => Arc::clone(&self.rest),
            Some(hosts) => hosts.find(host).unwrap_or_else(|| Arc::clone(&self.rest)),
        };
        counters.requests.fetch_add(1, Relaxed);
        counters.in_flight.fetch_add(1, Relaxed);
        InFlight(counters)
    }

    /// The counters that have counted something.
    fn rows(&self) -> Vec<Row<'_>> {
        let row = |host, counters: &Arc<Counters>| Row {
            meter: self,
            host,
            counters: Arc::clone(counters),
        };
        let mut rows = vec![row(self.hosts.as_ref().map(|_| OTHER.to_owned()), &self.rest)];
        if let Some(hosts) = &self.hosts {
            rows.extend(hosts.known.iter().map(|(host, c)| row(Some(host.clone()), c)));
            let others = hosts.others.iter().flatten();
            rows.extend(others.map(|entry| row(Some(entry.key().clone()), entry.value())));
        }
        rows.retain(|row| row.counters.requests.load(Relaxed) > 0);
        rows
    }
}

impl ByHost {
    /// The counters of a host; `None` when it is not told apart.
    fn find(&self, host: &[u8]) -> Option<Arc<Counters>> {
        let host = std::str::from_utf8(host).ok()?;
        let host = if host.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        };
        if let Some(counters) = self.known.get(&*host) {
            return Some(Arc::clone(counters));
        }
        let others = self.others.as_ref()?;
        if let Some(counters) = others.get(&*host) {
            return Some(Arc::clone(&counters));
        }
        if others.len() >= HOSTS_MAX {
            return None;
        }
        Some(Arc::clone(&others.entry(host.into_owned()).or_default()))
    }
}

impl Counters {
    fn series(&self, status: u16, method: &str) -> &Series {
        let place = usize::from(status.clamp(100, 999)) - 100;
        let class = self.classes[place / 100].get_or_init(|| Box::new(Class(slots())));
        let methods = class.0[place % 100].get_or_init(|| Box::new(slots()));
        let place = |name| METHODS.iter().position(|known| *known == name);
        let method = place(method).or_else(|| place("OTHER")).unwrap_or_default();
        methods[method].get_or_init(Box::default)
    }

    fn each<'c>(&'c self, mut see: impl FnMut(u16, &'static str, &'c Series)) {
        let classes = (1..).zip(&self.classes).filter_map(|(n, class)| Some((n, class.get()?)));
        for (class, statuses) in classes {
            let statuses = (0..).zip(&statuses.0).filter_map(|(n, s)| Some((n, s.get()?)));
            for (rest, methods) in statuses {
                let seen = METHODS.iter().zip(methods.iter());
                seen.filter_map(|(name, series)| Some((name, series.get()?)))
                    .for_each(|(name, series)| see(class * 100 + rest, name, series));
            }
        }
    }
}

fn slots<T, const N: usize>() -> [OnceLock<T>; N] {
    std::array::from_fn(|_| OnceLock::new())
}

impl InFlight {
    /// Counts the end of a request that took so long, and whose first byte went out after
    /// that time, if it did.
    pub fn ended(&self, how: &Ended<'_>, took: Duration, first_byte: Option<Duration>) {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        if how.failed {
            self.0.errors.fetch_add(1, Relaxed);
        }
        let series = self.0.series(how.status, how.method);
        series.duration.add(&SPANS, nanos(took));
        series.asked.add(&SIZES, how.asked);
        series.answered.add(&SIZES, how.answered);
        if let Some(first_byte) = first_byte {
            series.first_byte.add(&SPANS, nanos(first_byte));
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            above: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }
}

impl<const N: usize> Histogram<N> {
    fn add(&self, bounds: &[(u64, &str); N], value: u64) {
        let bucket = bounds.iter().position(|(bound, _)| value <= *bound);
        bucket.map_or(&self.above, |bucket| &self.buckets[bucket]).fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// Writes buckets, sum and count, unless there is nothing; `unit` of the values make
    /// one of those that are told.
    fn write(&self, bounds: &[(u64, &str); N], unit: f64, sink: &mut Sink<'_>) {
        let mut so_far = 0;
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let total = counts.iter().sum::<u64>() + self.above.load(Relaxed);
        if total == 0 {
            return;
        }
        for ((_, bound), count) in bounds.iter().zip(counts) {
            so_far += count;
            sink(&Line::Bucket(bound, so_far));
        }
        sink(&Line::Bucket("+Inf", total));
        sink(&Line::Sum(to_float(self.sum.load(Relaxed)) / unit));
        sink(&Line::Count(total));
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::Format;
    use super::*;

    fn text(requests: &Requests) -> String {
        let mut text = Text::new(Format::Prometheus);
        requests.write(&mut text);
        text.finish()
    }

    #[track_caller]
    fn check(text: &str, line: &str) {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }

    const GET: Ended<'_> =
        Ended { status: 200, method: "GET", failed: false, asked: 58, answered: 300 };

    #[test]
    fn a_request_is_counted_under_its_labels() {
        let mut requests = Requests::new(None);
        assert_eq!(text(&requests), "");
        let meter = requests.meter("srv0", "static_response");
        assert!(Arc::ptr_eq(&meter, &requests.meter("srv0", "static_response")));
        let first = meter.enter(b"a.test");
        first.ended(&GET, Duration::from_millis(7), Some(Duration::from_millis(1)));
        drop(first);
        let second = meter.enter(b"b.test");
        let failed = Ended { status: 404, method: "BREW", failed: true, ..GET };
        second.ended(&failed, Duration::from_secs(60), None);
        let text = text(&requests);
        let labels = "handler=\"static_response\",method=\"GET\",server=\"srv0\"";
        let duration = "caddy_http_request_duration_seconds";
        check(&text, &format!("{duration}_bucket{{code=\"200\",{labels},le=\"0.005\"}} 0"));
        check(&text, &format!("{duration}_bucket{{code=\"200\",{labels},le=\"0.01\"}} 1"));
        check(&text, &format!("{duration}_sum{{code=\"200\",{labels}}} 0.007"));
        let size = "caddy_http_response_size_bytes";
        check(&text, &format!("{size}_bucket{{code=\"200\",{labels},le=\"256\"}} 0"));
        check(&text, &format!("{size}_bucket{{code=\"200\",{labels},le=\"4.194304e+06\"}} 1"));
        let other = "handler=\"static_response\",method=\"OTHER\",server=\"srv0\"";
        check(&text, &format!("{duration}_bucket{{code=\"404\",{other},le=\"10\"}} 0"));
        check(&text, &format!("{duration}_count{{code=\"404\",{other}}} 1"));
        let labels = "handler=\"static_response\",server=\"srv0\"";
        check(&text, &format!("caddy_http_requests_total{{{labels}}} 2"));
        check(&text, &format!("caddy_http_request_errors_total{{{labels}}} 1"));
        check(&text, &format!("caddy_http_requests_in_flight{{{labels}}} 1"));
        let first_byte = "caddy_http_response_duration_seconds_count{code=\"404\"";
        assert!(!text.contains(first_byte), "{text}");
    }

    #[track_caller]
    fn check_host(all: bool, host: &str, label: &str) {
        let known = BTreeSet::from(["a.test".to_owned()]);
        let mut requests = Requests::new(Some(Hosts { known, all }));
        drop(requests.meter("s", "h").enter(host.as_bytes()));
        let line = "caddy_http_requests_total{handler=\"h\",host=";
        check(&text(&requests), &format!("{line}\"{label}\",server=\"s\"}} 1"));
    }

    #[test]
    fn hosts_are_told_apart_if_they_are_known() {
        check_host(false, "A.test", "a.test");
        check_host(false, "b.test", "_other");
        check_host(true, "B.test", "b.test");
        check_host(true, "\u{e9}", "\u{e9}");
    }
}
