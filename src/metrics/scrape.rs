//! Answers who asks for the figures: in which form, compressed or not.

use super::Figures;
use super::text::{Format, escaping, to_float};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// What a client accepts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accepts<'a> {
    /// Its field `Accept`.
    pub forms: &'a str,
    /// Its field `Accept-Encoding`.
    pub encodings: &'a str,
    /// Whether it may have OpenMetrics.
    pub openmetrics: bool,
}

/// The figures as they are sent.
#[derive(Debug)]
pub struct Scrape {
    /// The content type.
    pub content_type: String,
    /// Whether it is compressed with gzip.
    pub is_gzip: bool,
    /// The body.
    pub body: Vec<u8>,
}

/// How often the figures were asked for.
#[derive(Debug, Default)]
pub(super) struct Scrapes {
    done: AtomicU64,
    running: AtomicU64,
}

impl Figures {
    /// All figures for a client that accepts this.
    pub fn scrape(&self, accepts: &Accepts<'_>) -> Scrape {
        self.scrapes.running.fetch_add(1, Relaxed);
        let format = match accepts.openmetrics {
            true => Format::negotiate(accepts.forms),
            false => Format::Prometheus,
        };
        let text = self.text(format).into_bytes();
        let zipped = if wants_gzip(accepts.encodings) { gzip(&text).ok() } else { None };
        self.scrapes.running.fetch_sub(1, Relaxed);
        self.scrapes.done.fetch_add(1, Relaxed);
        Scrape {
            content_type: format!(
                "{}; escaping={}",
                format.content_type(),
                escaping(accepts.forms)
            ),
            is_gzip: zipped.is_some(),
            body: zipped.unwrap_or(text),
        }
    }
}

impl Scrapes {
    pub(super) fn write(&self, text: &mut super::text::Text) {
        text.only(
            "promhttp_metric_handler_requests_in_flight",
            "gauge",
            "Current number of scrapes being served.",
            to_float(self.running.load(Relaxed)),
        );
        let name = "promhttp_metric_handler_requests_total";
        text.family(name, "counter", "Total number of scrapes by HTTP status code.");
        for (code, count) in [("200", self.done.load(Relaxed)), ("500", 0), ("503", 0)] {
            text.value(name, &[("code", code)], to_float(count));
        }
    }
}

/// Whether gzip is what a client likes best; it must say so to get it.
fn wants_gzip(accepted: &str) -> bool {
    let mut best = (0.0, false);
    for offer in ["identity", "gzip"] {
        for clause in accepted.split(',') {
            let (name, parameters) = clause.split_once(';').unwrap_or((clause, ""));
            let quality = parameters
                .trim()
                .strip_prefix("q=")
                .map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            if matches!(name.trim(), word if word == offer || word == "*") && quality > best.0 {
                best = (quality, offer == "gzip");
            }
        }
    }
    best.1
}

fn gzip(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accepted: &str, expected: bool) {
        assert_eq!(wants_gzip(accepted), expected, "{accepted}");
    }

    #[test]
    fn gzip_goes_to_who_asks_for_it() {
        check("gzip", true);
        check("br, gzip;q=0.5", true);
        check("gzip, identity", false);
        check("gzip;q=0", false);
        check("*", false);
        check("zstd", false);
        check("", false);
    }

    #[test]
    fn a_scrape_counts_itself() {
        let figures = Figures::default();
        let accepts = Accepts { forms: "text/plain;escaping=values", ..Accepts::default() };
        drop(figures.scrape(&accepts));
        let scrape = figures.scrape(&accepts);
        let text = String::from_utf8_lossy(&scrape.body).into_owned();
        assert!(text.contains("\npromhttp_metric_handler_requests_in_flight 1\n"), "{text}");
        assert!(
            text.contains("\npromhttp_metric_handler_requests_total{code=\"200\"} 1\n"),
            "{text}"
        );
        let kind = "text/plain; version=0.0.4; charset=utf-8; escaping=values";
        assert_eq!((scrape.content_type.as_str(), scrape.is_gzip), (kind, false));
    }
}
