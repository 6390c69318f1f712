//! Which servers are fit to be asked: those that answer our own requests (active), and those
//! that have answered the requests of clients (passive).

use crate::config::duration::Duration;
use crate::config::is_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which servers are fit to be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthChecks {
    /// Our own requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<ActiveHealthChecks>,
    /// The requests of clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive: Option<PassiveHealthChecks>,
}

/// Requests that are made from time to time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActiveHealthChecks {
    /// The path; out of use, as it can hold no query.
    #[serde(skip_serializing_if = "is_default")]
    pub path: String,
    /// The path and the query.
    #[serde(skip_serializing_if = "is_default")]
    pub uri: String,
    /// Whom to ask, `HOST:PORT`; the server itself when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub upstream: String,
    /// The port to ask; the server's own when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub port: i64,
    /// Header fields of the requests.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: BTreeMap<String, Vec<String>>,
    /// Their method; GET when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub method: String,
    /// Their body.
    #[serde(skip_serializing_if = "is_default")]
    pub body: String,
    /// Whether redirects are followed.
    #[serde(skip_serializing_if = "is_default")]
    pub follow_redirects: bool,
    /// The pause between two of them; 30 s when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub interval: Duration,
    /// How long an answer may take; 5 s when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Duration,
    /// So many good answers in a row make a server fit again; 1 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub passes: i64,
    /// So many bad answers in a row make it unfit; 1 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub fails: i64,
    /// How many bytes of an answer are read; all when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_size: i64,
    /// The status of a good answer, 2 means 2xx; any of 2xx when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub expect_status: i64,
    /// A regular expression that finds something in the body of a good answer.
    #[serde(skip_serializing_if = "is_default")]
    pub expect_body: String,
}

/// What the requests of clients tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PassiveHealthChecks {
    /// How long a failure counts; nothing is counted when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub fail_duration: Duration,
    /// So many failures that count make a server unfit; 1 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_fails: i64,
    /// So many requests at a time make it unfit; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub unhealthy_request_count: i64,
    /// Statuses that are failures; 5 means 5xx.
    #[serde(skip_serializing_if = "is_default")]
    pub unhealthy_status: Vec<i64>,
    /// An answer that takes longer is a failure; any time is fine when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub unhealthy_latency: Duration,
}
