//! What the endpoint counts, and what the system knows of this process, as Prometheus
//! reads it.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Counts of one server process.
#[derive(Debug, Default)]
pub struct Figures(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// By handler, path, code and method.
    requests: BTreeMap<[String; 4], u64>,
    /// By handler, path and method.
    errors: BTreeMap<[String; 3], u64>,
    /// Whether the last load succeeded, and when the last did that did.
    reload: Option<(bool, f64)>,
}

impl Figures {
    /// A request was answered; `failed` when by an error.
    pub(super) fn request(&self, path: &str, code: u16, method: &str, failed: bool) {
        let mut counts = self.0.lock();
        let handler = || "admin".to_owned();
        let (path, method) = (path.to_owned(), method.to_ascii_uppercase());
        if failed {
            let key = [handler(), path.clone(), method.clone()];
            *counts.errors.entry(key).or_default() += 1;
        }
        *counts.requests.entry([handler(), path, code.to_string(), method]).or_default() += 1;
    }

    /// A configuration was loaded, or was not.
    pub fn reload(&self, succeeded: bool) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut counts = self.0.lock();
        let before = counts.reload.map_or(0.0, |(_, at)| at);
        counts.reload = Some((succeeded, if succeeded { now } else { before }));
    }

    /// All of it in Prometheus' text format.
    pub(super) fn text(&self) -> String {
        let counts = self.0.lock();
        let mut out = String::new();
        let requests = counts.requests.iter().map(|([handler, path, code, method], n)| {
            let labels = format!(
                "{{code=\"{code}\",handler=\"{handler}\",method=\"{method}\",path=\"{path}\"}}"
            );
            (labels, to_float(*n))
        });
        family(
            &mut out,
            "caddy_admin_http_requests_total",
            "counter",
            "Counter of requests made to the Admin API's HTTP endpoints.",
            requests,
        );
        let errors = counts.errors.iter().map(|([handler, path, method], n)| {
            let labels = format!("{{handler=\"{handler}\",method=\"{method}\",path=\"{path}\"}}");
            (labels, to_float(*n))
        });
        family(
            &mut out,
            "caddy_admin_http_request_errors_total",
            "counter",
            "Number of requests resulting in middleware errors.",
            errors,
        );
        if let Some((succeeded, at)) = counts.reload {
            let one = |value| [(String::new(), value)].into_iter();
            family(
                &mut out,
                "caddy_config_last_reload_success_timestamp_seconds",
                "gauge",
                "Timestamp of the last successful configuration reload.",
                one(at),
            );
            family(
                &mut out,
                "caddy_config_last_reload_successful",
                "gauge",
                "Whether the last configuration reload attempt was successful.",
                one(if succeeded { 1.0 } else { 0.0 }),
            );
        }
        drop(counts);
        process(&mut out);
        out
    }
}

/// A family of series; nothing when there are none.
fn family(
    out: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    series: impl Iterator<Item = (String, f64)>,
) {
    let mut series = series.peekable();
    if series.peek().is_none() {
        return;
    }
    // Writing to a string does not fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in series {
        let _ = writeln!(out, "{name}{labels} {value}");
    }
}

/// What the kernel knows of this process. What it does not tell is left out.
fn process(out: &mut String) {
    let one = |value| [(String::new(), value)].into_iter();
    let mut gauge = |name: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            family(out, name, "gauge", help, one(value));
        }
    };
    let stat = Stat::read();
    let open = std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    gauge("process_max_fds", "Maximum number of open file descriptors.", limit.map(to_float));
    gauge("process_open_fds", "Number of open file descriptors.", open.map(|n| to_float(n as u64)));
    gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        stat.as_ref().map(|s| s.resident),
    );
    gauge(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        stat.as_ref().and_then(Stat::started),
    );
    gauge(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes.",
        stat.as_ref().map(|s| s.virtual_size),
    );
    if let Some(stat) = stat {
        family(
            out,
            "process_cpu_seconds_total",
            "counter",
            "Total user and system CPU time spent in seconds.",
            one(stat.cpu),
        );
    }
}

/// The parts of `/proc/self/stat` that are told.
struct Stat {
    cpu: f64,
    started_after_boot: f64,
    virtual_size: f64,
    resident: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The program's name, which may hold anything, ends with the last parenthesis.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let ticks = to_float(rustix::param::clock_ticks_per_second());
        Some(Self {
            cpu: (field(14)? + field(15)?) / ticks,
            started_after_boot: field(22)? / ticks,
            virtual_size: field(23)?,
            resident: field(24)? * to_float(rustix::param::page_size() as u64),
        })
    }

    fn started(&self) -> Option<f64> {
        let text = std::fs::read_to_string("/proc/stat").ok()?;
        let boot = text.lines().find_map(|line| line.strip_prefix("btime "))?;
        Some(boot.trim().parse::<f64>().ok()? + self.started_after_boot)
    }
}

/// Figures this large are told approximately.
#[expect(clippy::cast_precision_loss, reason = "Prometheus' numbers are floating-point ones")]
const fn to_float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, line: &str) {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }

    #[test]
    fn requests_and_loads_are_counted() {
        let figures = Figures::default();
        figures.request("/config/", 200, "GET", false);
        figures.request("/config/", 200, "GET", false);
        figures.request("/load", 400, "POST", true);
        figures.reload(true);
        figures.reload(false);
        let text = figures.text();
        check(
            &text,
            "caddy_admin_http_requests_total{code=\"200\",handler=\"admin\",method=\"GET\",path=\"/config/\"} 2",
        );
        check(
            &text,
            "caddy_admin_http_request_errors_total{handler=\"admin\",method=\"POST\",path=\"/load\"} 1",
        );
        check(&text, "caddy_config_last_reload_successful 0");
        check(&text, "# TYPE caddy_config_last_reload_success_timestamp_seconds gauge");
    }

    #[test]
    fn the_process_is_known() {
        let text = Figures::default().text();
        for name in
            ["process_open_fds", "process_resident_memory_bytes", "process_cpu_seconds_total"]
        {
            let line = text.lines().find(|l| l.starts_with(&format!("{name} ")));
            let value = line.and_then(|l| l.rsplit(' ').next()?.parse::<f64>().ok());
            assert!(value.is_some_and(|v| v >= 0.0), "{name} in {text}");
        }
    }
}
