//! Spans: what the handler `tracing` records, and how a collector gets it.
//!
//! In reading order: [`settings`] reads the variables `OTEL_*`; a [`Provider`] begins spans;
//! `propagation` knows the header fields by which traces go from server to server; `batch`
//! collects ended spans and hands them to `export`. [`Tracers`] keeps the one provider of
//! the process while somebody uses it.
//!
//! **Invariant**: a request never waits for a collector. Spans for which the queue has no
//! room are dropped, counted and told of. Without a handler, none of this exists.

mod batch;
mod export;
mod propagation;
mod settings;

pub use opentelemetry::trace::{SpanContext, Status};
pub use opentelemetry::{Key, KeyValue};
pub use propagation::Propagators;
pub use settings::SettingsError;

use crate::logging::{Level, Logs};
use arc_swap::ArcSwap;
use batch::Queue;
use export::Exporter;
use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, TraceContextExt, Tracer};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use parking_lot::Mutex;
use settings::Settings;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The logger of what goes wrong.
const LOGGER: &str = "http.handlers.tracing";

/// A span that is under way.
pub type Span = opentelemetry_sdk::trace::Span;

/// Finds what is wrong with the variables.
///
/// # Errors
/// When they name an exporter or a protocol that is none.
pub fn check() -> Result<(), SettingsError> {
    Settings::of_process().map(|_| ())
}

/// The one provider of the process, as long as it is used.
#[derive(Debug)]
pub struct Tracers {
    current: Mutex<Weak<Provider>>,
    /// What still sends spans.
    sending: Mutex<JoinSet<()>>,
    stop: watch::Sender<bool>,
    logs: Arc<ArcSwap<Logs>>,
}

impl Tracers {
    /// No provider; what will go wrong is told to `logs`.
    pub fn new(logs: Arc<Logs>) -> Self {
        Self {
            current: Mutex::new(Weak::new()),
            sending: Mutex::new(JoinSet::new()),
            stop: watch::Sender::new(false),
            logs: Arc::new(ArcSwap::new(logs)),
        }
    }

    /// Tells these logs from now on.
    pub fn log_to(&self, logs: &Arc<Logs>) {
        self.logs.store(Arc::clone(logs));
    }

    /// The provider, if somebody uses it. Whoever holds it keeps it for the next user.
    pub fn current(&self) -> Option<Arc<Provider>> {
        self.current.lock().upgrade()
    }

    /// The provider. It is made of the variables if nobody uses one.
    ///
    /// # Errors
    /// When the variables name an exporter or a protocol that is none.
    pub fn provider(&self) -> Result<Arc<Provider>, SettingsError> {
        let mut current = self.current.lock();
        if let Some(provider) = current.upgrade() {
            return Ok(provider);
        }
        let provider = Arc::new(self.start(Settings::of_process()?));
        *current = Arc::downgrade(&provider);
        Ok(provider)
    }

    fn start(&self, settings: Settings) -> Provider {
        let logs = self.logs.load();
        let complain = |what: &str| logs.write(Level::Warn, LOGGER, what, |_| {});
        settings.complaints.iter().for_each(|what| complain(what));
        let exporter = Exporter::new(settings.exporter, &settings.resource);
        let exporter = exporter.unwrap_or_else(|error| {
            complain(&format!("no span will be exported: {error}"));
            None
        });
        let mut provider = SdkTracerProvider::builder()
            .with_sampler(settings.sampler)
            .with_max_attributes_per_span(settings.attributes_max)
            .with_resource(settings.resource);
        if let Some(exporter) = exporter.filter(|_| !settings.disabled) {
            let (queue, spans) = Queue::new(&settings.limits);
            let delivery = batch::Delivery {
                spans,
                exporter,
                limits: settings.limits,
                dropped: queue.dropped(),
                logs: Arc::clone(&self.logs),
                stop: self.stop.subscribe(),
            };
            provider = provider.with_span_processor(queue);
            let mut sending = self.sending.lock();
            while sending.try_join_next().is_some() {}
            sending.spawn(delivery.run());
        }
        let tracer = provider.build().tracer("pogo");
        let tracer = (!settings.disabled).then_some(tracer);
        Provider { tracer, propagators: settings.propagators }
    }

    /// Sends what there is, and waits for that no longer than `limit`.
    pub async fn end(&self, limit: Duration) {
        self.stop.send_replace(true);
        let mut sending = std::mem::take(&mut *self.sending.lock());
        let all = async { while sending.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            let what = "spans were not exported in time";
            self.logs.load().write(Level::Warn, LOGGER, what, |_| {});
        }
    }
}

/// Begins spans.
#[derive(Debug)]
pub struct Provider {
    /// Absent when all of it is disabled.
    tracer: Option<SdkTracer>,
    propagators: Propagators,
}

impl Provider {
    /// Begins the span of a request: the child of the one that the request's header names,
    /// else of `around`, else the first of a trace. `None` when tracing is disabled.
    pub fn begin(
        &self,
        name: String,
        headers: &HeaderMap,
        around: Option<&SpanContext>,
    ) -> Option<Span> {
        let tracer = self.tracer.as_ref()?;
        let parent = self.propagators.extract(headers).or_else(|| around.cloned());
        let context = match parent {
            Some(parent) => Context::new().with_remote_span_context(parent),
            None => Context::new(),
        };
        let span = SpanBuilder::from_name(name).with_kind(SpanKind::Server);
        Some(tracer.build_with_context(span, &context))
    }

    /// Names a span in the header of the request that goes on.
    pub fn inject(&self, span: &Span, headers: &mut HeaderMap) {
        self.propagators.inject(span.span_context(), headers);
    }
}
