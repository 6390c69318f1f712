//! `reverse_proxy`: asks other servers.
//!
//! `load_balancing` says which one is asked, `health_checks` which ones are fit to be,
//! `upstreams` where they come from when they are looked up, and `transport` how they are
//! spoken to.

mod health_checks;
mod load_balancing;
mod transport;
mod upstreams;

pub use health_checks::{ActiveHealthChecks, HealthChecks, PassiveHealthChecks};
pub use load_balancing::{
    CookiePolicy, HeaderPolicy, LoadBalancing, QueryPolicy, RandomChoosePolicy, SelectionPolicy,
    WeightedRoundRobinPolicy,
};
pub use transport::{FastCgiTransport, HttpTransport, KeepAlive, Transport, TransportTls};
pub use upstreams::{
    AUpstreams, DynamicUpstreams, IpVersions, MultiUpstreams, Resolver, SrvUpstreams,
};

use super::{Headers, ResponseHandler, Rewrite};
use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::module::slot;
use serde::{Deserialize, Serialize};

/// `reverse_proxy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReverseProxy {
    /// How the servers are spoken to; plain HTTP when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// What stops asking a server that does badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Which server is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancing: Option<LoadBalancing>,
    /// Which servers are fit to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_checks: Option<HealthChecks>,
    /// The servers that may be asked.
    #[serde(skip_serializing_if = "is_default")]
    pub upstreams: Vec<Upstream>,
    /// Where servers are looked up for each request; `upstreams` when that fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_upstreams: Option<DynamicUpstreams>,
    /// How often what has come of an answer is sent on; at once when negative, and never
    /// before the buffer is full when 0, except for streams.
    #[serde(skip_serializing_if = "is_default")]
    pub flush_interval: Duration,
    /// CIDR ranges whose `X-Forwarded-*` fields are believed, beside those of the server.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_proxies: Vec<String>,
    /// What is done to the headers of requests and answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    /// How many bytes of a request's body are read before a server is asked; 0 is none, and
    /// all when negative.
    #[serde(skip_serializing_if = "is_default")]
    pub request_buffers: i64,
    /// How many bytes of an answer's body are read before it is sent on; 0 is none, and all
    /// when negative.
    #[serde(skip_serializing_if = "is_default")]
    pub response_buffers: i64,
    /// Our name in the field `Proxy-Status` of answers, which is not set when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub proxy_status_name: String,
    /// How long an upgraded connection may live; for ever when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub stream_timeout: Duration,
    /// The size in bytes of the buffers of an upgraded connection; Caddy's own when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub stream_buffer_size: i64,
    /// How long an upgraded connection outlives the configuration; not at all when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub stream_close_delay: Duration,
    /// How the copy of the request that is sent differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
    /// What is done with answers; the first that fits.
    #[serde(skip_serializing_if = "is_default")]
    pub handle_response: Vec<ResponseHandler>,
    /// Whether each answer's time and size are logged at level debug.
    #[serde(skip_serializing_if = "is_default")]
    pub verbose_logs: bool,
}

/// A server that may be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// Its address, `HOST:PORT` with an optional network in front; may hold placeholders.
    #[serde(skip_serializing_if = "is_default")]
    pub dial: String,
    /// How many requests it answers at a time; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_requests: i64,
}

/// What stops asking a server that does badly. Caddy's namespace for them holds none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum CircuitBreaker {}

slot!(CircuitBreaker, "http.reverse_proxy.circuit_breakers", "type");
