//! Ended spans wait here until there are enough of them, or the first has waited enough.

use super::LOGGER;
use super::export::Exporter;
use crate::logging::{Level, Logs};
use arc_swap::ArcSwap;
use opentelemetry::{Context, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

/// How many spans wait, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Spans that wait; further ones are dropped.
    pub(super) queue: usize,
    /// Spans in one message.
    pub(super) batch: usize,
    /// How long the first of them waits for the others.
    pub(super) delay: Duration,
    /// How long a message may take with all its attempts.
    pub(super) export: Duration,
    /// The characters of a text in a span.
    pub(super) text: usize,
}

/// Takes spans as they end. Never blocks.
#[derive(Debug)]
pub(super) struct Queue {
    spans: mpsc::Sender<SpanData>,
    dropped: Arc<AtomicU64>,
    text_max: usize,
}

impl Queue {
    /// A queue, and its end.
    pub(super) fn new(limits: &Limits) -> (Self, mpsc::Receiver<SpanData>) {
        let (spans, end) = mpsc::channel(limits.queue);
        (Self { spans, dropped: Arc::default(), text_max: limits.text }, end)
    }

    /// Counts the spans for which there was no room.
    pub(super) fn dropped(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.dropped)
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        shorten(&mut span, self.text_max);
        if span.span_context.is_sampled() && self.spans.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    // Whoever drops the last provider ends the queue; what waits in it is sent then.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Cuts long texts, which clients may choose: many of them wait.
fn shorten(span: &mut SpanData, max: usize) {
    // Where the first character begins that is one too many.
    let end = |text: &str| {
        let is_longer = text.len() > max;
        is_longer.then(|| text.char_indices().nth(max).map(|(at, _)| at)).flatten()
    };
    if let Some(end) = end(&span.name) {
        span.name = span.name[..end].to_owned().into();
    }
    for attribute in &mut span.attributes {
        if let Value::String(text) = &attribute.value
            && let Some(end) = end(text.as_str())
        {
            attribute.value = text.as_str()[..end].to_owned().into();
        }
    }
}

/// Empties a queue.
pub(super) struct Delivery {
    pub(super) spans: mpsc::Receiver<SpanData>,
    pub(super) exporter: Exporter,
    pub(super) limits: Limits,
    pub(super) dropped: Arc<AtomicU64>,
    pub(super) logs: Arc<ArcSwap<Logs>>,
    /// True when the process ends.
    pub(super) stop: watch::Receiver<bool>,
}

impl Delivery {
    /// Goes on until nobody can put spans into the queue and it is empty.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        let mut due = None;
        loop {
            let room = self.limits.batch - batch.len();
            let event = tokio::select! {
                biased;
                taken = self.spans.recv_many(&mut batch, room) => Event::Taken(taken),
                () = wait(due) => Event::Due,
                () = stopped(&mut self.stop), if !self.spans.is_closed() => Event::Stop,
            };
            let has_ended = match event {
                Event::Stop => {
                    self.spans.close();
                    continue;
                }
                Event::Taken(taken) => taken == 0,
                Event::Due => false,
            };
            if has_ended || event == Event::Due || batch.len() >= self.limits.batch {
                due = None;
                self.export(std::mem::take(&mut batch)).await;
            } else if due.is_none() {
                due = Some(Instant::now() + self.limits.delay);
            }
            if has_ended {
                return;
            }
        }
    }

    async fn export(&mut self, batch: Vec<SpanData>) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let what = "spans were dropped: the queue for the exporter is full";
            self.logs.load().write(Level::Warn, LOGGER, what, |o| o.uint("spans", dropped));
        }
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let export = self.exporter.export(batch, &mut self.stop);
        let failed = match timeout(self.limits.export, export).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_elapsed) => "exporter export timeout".to_owned(),
        };
        let what = format!("traces export: {failed}");
        self.logs.load().write(Level::Warn, LOGGER, &what, |o| o.uint("spans", count));
    }
}

/// What a delivery waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// So many spans were taken; none when there will be no more.
    Taken(usize),
    /// The first span has waited enough.
    Due,
    /// The process ends.
    Stop,
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Nobody can stop it any more: that is the end, too.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Waits until a time, for ever without one.
async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::KeyValue;
    use opentelemetry::trace::{SpanBuilder, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    fn limits(queue: usize, text: usize) -> Limits {
        let (delay, export) = (Duration::from_secs(5), Duration::from_secs(30));
        Limits { queue, batch: queue, delay, export, text }
    }

    #[test]
    fn spans_beyond_the_queue_are_dropped_and_counted() {
        let (queue, mut spans) = Queue::new(&limits(2, 10));
        let dropped = queue.dropped();
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        for name in ["a", "b", "c"] {
            drop(tracer.build(SpanBuilder::from_name(name)));
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        let names = std::iter::from_fn(|| spans.try_recv().ok()).map(|span| span.name);
        assert_eq!(names.collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let (queue, mut spans) = Queue::new(&limits(1, 3));
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let attributes = [("a", "äöü"), ("b", "äöüx"), ("c", "abcd"), ("d", "")];
        let attributes = attributes.map(|(key, value)| KeyValue::new(key, value));
        let span = SpanBuilder::from_name("long").with_attributes(attributes);
        drop(provider.tracer("test").build(span));
        let span = spans.try_recv().expect("a span");
        let values = span.attributes.iter().map(|attribute| attribute.value.to_string());
        assert_eq!(values.collect::<Vec<_>>(), ["äöü", "äöü", "abc", ""]);
        assert_eq!(span.name, "lon");
    }
}
