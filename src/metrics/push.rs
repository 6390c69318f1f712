//! Figures that are sent to a collector: `metrics { otlp }`.
//!
//! | variable | default |
//! | --- | --- |
//! | `OTEL_METRICS_EXPORTER` | `otlp`; or `none` |
//! | `OTEL_METRIC_EXPORT_INTERVAL` | 60000 ms |
//! | `OTEL_METRIC_EXPORT_TIMEOUT` | 30000 ms for a message with all its attempts |
//!
//! Where the collector is says [`crate::otlp`].

use super::Figures;
use super::otlp::message;
use super::text::Format;
use crate::logging::{Level, Logs};
use crate::otlp::{self, Sender, Signal, UnknownProtocol, Variables};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_sdk::Resource;
use parking_lot::Mutex;
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The logger of what goes wrong.
const LOGGER: &str = "http.metrics";

/// What the variables ask for, and is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An exporter that is none.
    #[error("creating OTLP metric reader: unknown exporter or metrics producer")]
    Exporter,
    /// A protocol that is none.
    #[error("creating OTLP metric reader: {0}")]
    Protocol(#[from] UnknownProtocol),
    /// An exporter that is not there yet.
    #[error("OTEL_METRICS_EXPORTER: the exporter \"{0}\" is not supported yet")]
    Later(String),
}

/// What the variables say.
#[derive(Debug)]
pub struct Settings {
    /// Absent when figures go nowhere.
    collector: Option<otlp::Settings>,
    interval: Duration,
    limit: Duration,
    resource: Resource,
    complaints: Vec<String>,
}

impl Settings {
    /// Reads the variables of the process.
    ///
    /// # Errors
    /// When they name an exporter or a protocol that is none, or not there yet.
    pub fn of_process() -> Result<Self, SettingsError> {
        Self::read(Variables::of_process())
    }

    fn read(mut variables: Variables<'_>) -> Result<Self, SettingsError> {
        let collector = match variables.text("OTEL_METRICS_EXPORTER").as_deref() {
            None | Some("otlp") => Some(otlp::Settings::read(&mut variables, Signal::Metrics)?),
            Some("none") => None,
            Some(other @ ("console" | "prometheus")) => {
                return Err(SettingsError::Later(other.to_owned()));
            }
            Some(_) => return Err(SettingsError::Exporter),
        };
        let mut span = |name: &str, default| {
            let span = variables.millis(name).filter(|span| !span.is_zero());
            span.unwrap_or(Duration::from_secs(default))
        };
        Ok(Self {
            collector,
            interval: span("OTEL_METRIC_EXPORT_INTERVAL", 60),
            limit: span("OTEL_METRIC_EXPORT_TIMEOUT", 30),
            resource: otlp::resource(&mut variables),
            complaints: variables.into_complaints(),
        })
    }
}

/// Sends figures from time to time, until it is told to end.
#[derive(Debug)]
pub struct Push {
    figures: Arc<Figures>,
    last: Arc<Mutex<Option<String>>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Push {
    /// Begins to send; `None` when figures go nowhere. `figures` are told as they are then.
    pub fn start(settings: Settings, figures: &Arc<Figures>, logs: &Arc<Logs>) -> Option<Self> {
        let complain = |what: &str| logs.write(Level::Warn, LOGGER, what, |_| {});
        settings.complaints.iter().for_each(|what| complain(what));
        let sender = match Sender::new(settings.collector?) {
            Ok(sender) => sender,
            Err(error) => {
                complain(&format!("no figure will be exported: {error}"));
                return None;
            }
        };
        let (stop, stopped) = watch::channel(false);
        let last: Arc<Mutex<Option<String>>> = Arc::default();
        let delivery = Delivery {
            sender,
            resource: settings.resource,
            limit: settings.limit,
            figures: Arc::clone(figures),
            last: Arc::clone(&last),
            logs: Arc::clone(logs),
            stop: stopped,
        };
        let task = tokio::spawn(delivery.run(settings.interval));
        Some(Self { figures: Arc::clone(figures), last, stop, task })
    }

    /// Sends the figures as they are now, for the last time.
    pub fn stop(&self) {
        *self.last.lock() = Some(self.figures.text(Format::Prometheus));
        self.stop.send_replace(true);
    }

    /// Waits until the last figures were sent, no longer than `limit`.
    pub async fn stopped(mut self, limit: Duration) {
        if timeout(limit, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

struct Delivery {
    sender: Sender,
    resource: Resource,
    limit: Duration,
    figures: Arc<Figures>,
    /// What is told at the end, once that has come.
    last: Arc<Mutex<Option<String>>>,
    logs: Arc<Logs>,
    stop: watch::Receiver<bool>,
}

impl Delivery {
    async fn run(mut self, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first comes at once; there is nothing to tell yet.
        ticks.tick().await;
        let mut is_last = false;
        while !is_last {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = self.stop.changed() => is_last = true,
            }
            self.send().await;
        }
    }

    async fn send(&mut self) {
        let last = self.last.lock().take();
        let text = last.unwrap_or_else(|| self.figures.text(Format::Prometheus));
        let message = message(&text, &self.resource);
        let sent = self.sender.send(&message, &mut self.stop);
        let failed = match timeout(self.limit, sent).await {
            Ok(Ok(answer)) => match refused(answer) {
                Some(refused) => refused,
                None => return,
            },
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => "exporter export timeout".to_owned(),
        };
        self.logs.write(Level::Warn, LOGGER, &format!("metrics export: {failed}"), |_| {});
    }
}

/// What a collector did not take of a message.
fn refused(answer: Bytes) -> Option<String> {
    let answer = ExportMetricsServiceResponse::decode(answer).unwrap_or_default();
    let part = answer.partial_success?;
    let (count, why) = (part.rejected_data_points, part.error_message);
    let is_whole = count == 0 && why.is_empty();
    (!is_whole).then(|| format!("OTLP partial success: {why} ({count} data points rejected)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exporter_that_is_none_is_refused() {
        let check = |name: &str, expected: Result<bool, &str>| {
            let variables =
                Variables::new(|key| (key == "OTEL_METRICS_EXPORTER").then(|| name.to_owned()));
            let got = Settings::read(variables).map(|settings| settings.collector.is_some());
            assert_eq!(got.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        };
        check("", Ok(true));
        check("none", Ok(false));
        check("x", Err("creating OTLP metric reader: unknown exporter or metrics producer"));
        let later = "OTEL_METRICS_EXPORTER: the exporter \"console\" is not supported yet";
        check("console", Err(later));
    }
}
