//! What is counted, as Prometheus reads it.
//!
//! In reading order: [`Figures`] are the server process's; [`http`] has those of requests,
//! which begin anew with each configuration, as in Caddy; a [`Gauge`] counts what comes and
//! goes; `process` asks the kernel; [`text`] is the form in which all of it is told, and a
//! [`Scrape`] what a client gets; [`push`] sends it to a collector, in the form that `otlp`
//! makes of the text.

mod gauge;
pub mod http;
mod otlp;
mod process;
pub mod push;
mod scrape;
pub mod text;

pub use gauge::{Gauge, Held};
pub use scrape::{Accepts, Scrape};

use http::Requests;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use text::{Format, Text, to_float};

/// Counts of one server process.
#[derive(Debug, Default)]
pub struct Figures {
    counts: Mutex<Counts>,
    requests: Mutex<Option<Arc<Requests>>>,
    connections: Arc<Gauge>,
    retiring: Arc<Gauge>,
    scrapes: scrape::Scrapes,
}

#[derive(Debug, Default)]
struct Counts {
    /// By code, handler, method and path.
    requests: BTreeMap<[String; 4], u64>,
    /// By handler, method and path.
    errors: BTreeMap<[String; 3], u64>,
    /// Whether the last load succeeded, and when the last did that did.
    reload: Option<(bool, f64)>,
}

impl Figures {
    /// The admin endpoint answered a request; `failed` when by an error.
    pub fn request(&self, path: &str, code: u16, method: &str, failed: bool) {
        let mut counts = self.counts.lock();
        let handler = || "admin".to_owned();
        let (path, method) = (path.to_owned(), method.to_ascii_uppercase());
        if failed {
            let key = [handler(), method.clone(), path.clone()];
            *counts.errors.entry(key).or_default() += 1;
        }
        *counts.requests.entry([code.to_string(), handler(), method, path]).or_default() += 1;
    }

    /// A configuration was loaded, or was not.
    pub fn reload(&self, succeeded: bool) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut counts = self.counts.lock();
        let before = counts.reload.map_or(0.0, |(_, at)| at);
        counts.reload = Some((succeeded, if succeeded { now } else { before }));
    }

    /// Requests are counted here from now on, or not at all.
    pub fn count(&self, requests: Option<Arc<Requests>>) {
        *self.requests.lock() = requests;
    }

    /// What counts the clients' connections.
    pub const fn connections(&self) -> &Arc<Gauge> {
        &self.connections
    }

    /// What counts configurations that were replaced and that requests still use.
    pub const fn retiring(&self) -> &Arc<Gauge> {
        &self.retiring
    }

    /// All of it.
    pub fn text(&self, format: Format) -> String {
        let mut text = Text::new(format);
        self.counts.lock().write(&mut text);
        let requests = self.requests.lock().clone();
        if let Some(requests) = requests {
            requests.write(&mut text);
        }
        self.write_alive(&mut text);
        process::write(&mut text);
        self.scrapes.write(&mut text);
        text.finish()
    }
}

impl Figures {
    /// What is there now and should be gone when nobody asks for anything.
    fn write_alive(&self, text: &mut Text) {
        let help = "Number of clients' connections that are open.";
        text.only("pogo_connections", "gauge", help, to_float(self.connections.value()));
        let help = "Number of replaced configurations that requests still use.";
        let retiring = to_float(self.retiring.value());
        text.only("pogo_retiring_configurations", "gauge", help, retiring);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let tasks = to_float(runtime.metrics().num_alive_tasks() as u64);
            let help = "Number of the server's tasks that have not ended.";
            text.only("pogo_tasks", "gauge", help, tasks);
        }
    }
}

impl Counts {
    fn write(&self, text: &mut Text) {
        if !self.errors.is_empty() {
            let name = "caddy_admin_http_request_errors_total";
            text.family(name, "counter", "Number of requests resulting in middleware errors.");
            for ([handler, method, path], count) in &self.errors {
                let labels = [("handler", &**handler), ("method", method), ("path", path)];
                text.value(name, &labels, to_float(*count));
            }
        }
        if !self.requests.is_empty() {
            let name = "caddy_admin_http_requests_total";
            let help = "Counter of requests made to the Admin API's HTTP endpoints.";
            text.family(name, "counter", help);
            for ([code, handler, method, path], count) in &self.requests {
                let labels =
                    [("code", &**code), ("handler", handler), ("method", method), ("path", path)];
                text.value(name, &labels, to_float(*count));
            }
        }
        if let Some((succeeded, at)) = self.reload {
            text.only(
                "caddy_config_last_reload_success_timestamp_seconds",
                "gauge",
                "Timestamp of the last successful configuration reload.",
                at,
            );
            text.only(
                "caddy_config_last_reload_successful",
                "gauge",
                "Whether the last configuration reload attempt was successful.",
                if succeeded { 1.0 } else { 0.0 },
            );
        }
    }
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
        let text = figures.text(Format::Prometheus);
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

    #[tokio::test]
    async fn what_is_there_now_is_told() {
        let figures = Figures::default();
        let (_first, second) = (figures.connections().hold(), figures.connections().hold());
        drop(second);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(stopped);
        let text = figures.text(Format::Prometheus);
        check(&text, "pogo_connections 1");
        check(&text, "pogo_retiring_configurations 0");
        check(&text, "pogo_tasks 1");
        drop(stop);
        assert!(task.await.expect("no panic").is_err());
        check(&figures.text(Format::Prometheus), "pogo_tasks 0");
    }

    #[test]
    fn the_process_is_known() {
        let text = Figures::default().text(Format::Prometheus);
        for name in
            ["process_open_fds", "process_resident_memory_bytes", "process_cpu_seconds_total"]
        {
            let line = text.lines().find(|l| l.starts_with(&format!("{name} ")));
            let value = line.and_then(|l| l.rsplit(' ').next()?.parse::<f64>().ok());
            assert!(value.is_some_and(|v| v >= 0.0), "{name} in {text}");
        }
    }
}
