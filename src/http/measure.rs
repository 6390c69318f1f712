//! Counts requests: which routes they take, how they end, what they weigh.

use super::exchange::{Exchange, Failure, Outcome};
use crate::config::http::{Http, Metrics, Server};
use crate::metrics::http::{Ended, Hosts, Meter, Requests};
use std::collections::BTreeSet;
use std::time::Instant;

/// Counters for these servers, if their requests are counted.
pub(super) fn requests(http: &Http) -> Option<Requests> {
    let of_server = |server: &Server| {
        let per_host = server.metrics.as_ref()?.per_host;
        // Of a server's own, nothing else counts, as in Caddy.
        Some(Metrics { per_host, ..Metrics::default() })
    };
    let own = http.servers.values().find_map(of_server);
    let config = http.metrics.as_ref().or(own.as_ref())?;
    let hosts = config.per_host.then(|| Hosts {
        known: http.servers.values().flat_map(hosts).collect(),
        all: config.observe_catchall_hosts,
    });
    Some(Requests::new(hosts))
}

/// The hosts that a server's routes name.
fn hosts(server: &Server) -> BTreeSet<String> {
    let sets = server.routes.iter().flat_map(|route| &route.matcher_sets);
    sets.filter_map(|set| set.host.as_ref()).flatten().map(|host| host.to_lowercase()).collect()
}

impl Exchange<'_> {
    /// Counts this request with a meter until it is answered.
    pub(super) fn enter(&mut self, meter: &Meter) {
        let counted = meter.enter(&self.host);
        self.metered.push((counted, Instant::now()));
    }

    /// The handlers are done.
    pub(super) fn measure(&mut self, outcome: &Outcome) {
        if self.metered.is_empty() {
            return;
        }
        let metered = std::mem::take(&mut self.metered);
        let (status, failed) = match outcome {
            Ok(_) => (self.response.status, false),
            Err(Failure::Error(error)) => (error.status, true),
            // Nobody was answered.
            Err(Failure::Abort) => return,
        };
        let ended = Ended {
            status: match status {
                _ if self.response.has_begun() => self.response.status,
                0 => 200,
                status => status,
            },
            method: self.original_method().as_str(),
            failed,
            asked: self.weight(),
            answered: self.response.size,
        };
        let now = Instant::now();
        for (counted, since) in metered {
            let first_byte = self.response.begun_at.map(|at| at.saturating_duration_since(since));
            counted.ended(&ended, now.saturating_duration_since(since), first_byte);
        }
    }

    /// About the size of the request: its line, its fields and its body.
    fn weight(&self) -> u64 {
        let line = self.original_method().as_str().len() + self.original_uri().len();
        let fields = self.original_headers().iter().map(|(name, value)| match name.as_str() {
            // It is counted as the host.
            "host" => 0,
            name => name.len() + value.len(),
        });
        let head = line + self.proto().len() + self.original_host().len() + fields.sum::<usize>();
        head as u64 + self.client_body_length().unwrap_or(0)
    }
}
