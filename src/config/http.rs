//! The `http` app: servers and routes.

use super::duration::Duration;
use super::handlers::Handler;
use super::ip_sources::IpSource;
use super::is_default;
use super::listeners::{ListenerWrapper, PacketConnWrapper};
use super::matchers::MatcherSet;
use super::tls::ConnectionPolicy;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The `http` app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// The port of plain HTTP, 80 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub http_port: i64,
    /// The port of HTTPS, 443 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub https_port: i64,
    /// How long running requests may take when the server stops; unbounded when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub grace_period: Duration,
    /// How long the server goes on accepting before it stops.
    #[serde(skip_serializing_if = "is_default")]
    pub shutdown_delay: Duration,
    /// The servers by name.
    #[serde(skip_serializing_if = "is_default")]
    pub servers: BTreeMap<String, Server>,
    /// Counting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
}

/// What is counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Whether each host is counted by itself.
    #[serde(skip_serializing_if = "is_default")]
    pub per_host: bool,
    /// Whether hosts that no site names are, too.
    #[serde(skip_serializing_if = "is_default")]
    pub observe_catchall_hosts: bool,
    /// Whether figures are sent out by OTLP.
    #[serde(skip_serializing_if = "is_default")]
    pub otlp: bool,
}

/// One server: some addresses, one list of routes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Where it listens.
    #[serde(skip_serializing_if = "is_default")]
    pub listen: Vec<String>,
    /// What happens to each connection before it is read from.
    #[serde(skip_serializing_if = "is_default")]
    pub listener_wrappers: Vec<ListenerWrapper>,
    /// The same for HTTP/3.
    #[serde(skip_serializing_if = "is_default")]
    pub packet_conn_wrappers: Vec<PacketConnWrapper>,
    /// How long reading a whole request may take.
    #[serde(skip_serializing_if = "is_default")]
    pub read_timeout: Duration,
    /// How long reading a head may take; 1 minute when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub read_header_timeout: Duration,
    /// How long a body may send nothing; 1 minute when 0, without limit when negative.
    #[serde(skip_serializing_if = "is_default")]
    pub read_idle_timeout: Duration,
    /// How many bytes a second a body must send on average; any when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub read_min_rate: i64,
    /// How long writing an answer may take.
    #[serde(skip_serializing_if = "is_default")]
    pub write_timeout: Duration,
    /// How long a client may take nothing of an answer; 1 minute when 0, without limit when
    /// negative.
    #[serde(skip_serializing_if = "is_default")]
    pub write_idle_timeout: Duration,
    /// How many bytes a second a client must take on average; any when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub write_min_rate: i64,
    /// The bytes of an answer that are written at once, for which the two above hold; 64 KiB
    /// when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_write_chunk: i64,
    /// How long a connection may wait for its next request; 5 minutes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub idle_timeout: Duration,
    /// TCP keep-alive's interval.
    #[serde(skip_serializing_if = "is_default")]
    pub keepalive_interval: Duration,
    /// How long a connection is silent before TCP's keep-alive begins.
    #[serde(skip_serializing_if = "is_default")]
    pub keepalive_idle: Duration,
    /// How many of its probes may go unanswered.
    #[serde(skip_serializing_if = "is_default")]
    pub keepalive_count: i64,
    /// The largest head; 16 KiB when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_header_bytes: i64,
    /// Whether a handler may answer before it has read the body.
    #[serde(skip_serializing_if = "is_default")]
    pub enable_full_duplex: bool,
    /// Header fields with `_` in their names that are let through.
    #[serde(skip_serializing_if = "is_default")]
    pub expected_underscore_headers: Vec<String>,
    /// Header fields with `.` in their names that are let through.
    #[serde(skip_serializing_if = "is_default")]
    pub expected_dot_headers: Vec<String>,
    /// The routes.
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Vec<Route>,
    /// Routes that answer errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Errors>,
    /// Routes that the handler `invoke` runs, by their names.
    #[serde(skip_serializing_if = "is_default")]
    pub named_routes: BTreeMap<String, Route>,
    /// TLS, chosen at the handshake.
    #[serde(skip_serializing_if = "is_default")]
    pub tls_connection_policies: Vec<ConnectionPolicy>,
    /// Automatic HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic_https: Option<AutomaticHttps>,
    /// Whether the host of a request must be the one that TLS was asked for; only with client
    /// authentication when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_sni_host: Option<bool>,
    /// The proxies whose word about the client is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_proxies: Option<IpSource>,
    /// In which header fields they say it; `X-Forwarded-For` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub client_ip_headers: Vec<String>,
    /// Whether the client is the last address in them that is no trusted proxy, instead of the
    /// first; no when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_proxies_strict: i64,
    /// Whether clients of Unix sockets are trusted proxies.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_proxies_unix: bool,
    /// Access logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<ServerLogs>,
    /// Which protocols are served.
    #[serde(skip_serializing_if = "is_default")]
    pub protocols: Vec<String>,
    /// Which protocols each address serves, in the order of `listen`.
    #[serde(skip_serializing_if = "is_default")]
    pub listen_protocols: Vec<Option<Vec<String>>>,
    /// Whether HTTP/3 takes requests before the handshake is done; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_0rtt: Option<bool>,
    /// Counting; that of the app is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
}

/// Routes that answer errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Errors {
    /// The routes.
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Vec<Route>,
}

/// Automatic HTTPS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutomaticHttps {
    /// Not at all.
    #[serde(skip_serializing_if = "is_default")]
    pub disable: bool,
    /// Without redirects from HTTP.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_redirects: bool,
    /// Without certificates.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_certificates: bool,
    /// Not for these hosts.
    #[serde(skip_serializing_if = "is_default")]
    pub skip: Vec<String>,
    /// No certificates for these hosts.
    #[serde(skip_serializing_if = "is_default")]
    pub skip_certificates: Vec<String>,
    /// Certificates even where some are loaded.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_loaded_certificates: bool,
}

/// Which access log takes which host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerLogs {
    /// For hosts without their own.
    #[serde(skip_serializing_if = "is_default")]
    pub default_logger_name: String,
    /// Hosts and their loggers.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "one_or_more_by_name")]
    pub logger_names: BTreeMap<String, Vec<String>>,
    /// Hosts that are not logged.
    #[serde(skip_serializing_if = "is_default")]
    pub skip_hosts: Vec<String>,
    /// Whether hosts without a logger are not logged.
    #[serde(skip_serializing_if = "is_default")]
    pub skip_unmapped_hosts: bool,
    /// Whether credentials are logged.
    #[serde(skip_serializing_if = "is_default")]
    pub should_log_credentials: bool,
    /// Whether each handler is logged.
    #[serde(skip_serializing_if = "is_default")]
    pub trace: bool,
}

/// Matcher sets and the handlers behind them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// Routes of one group exclude one another.
    #[serde(skip_serializing_if = "is_default")]
    pub group: String,
    /// Any of these sets; all requests when empty.
    #[serde(rename = "match", skip_serializing_if = "is_default")]
    pub matcher_sets: Vec<MatcherSet>,
    /// In this order.
    #[serde(skip_serializing_if = "is_default")]
    pub handle: Vec<Handler>,
    /// Whether no route after this one is tried.
    #[serde(skip_serializing_if = "is_default")]
    pub terminal: bool,
}

/// Reads lists by name, of which each may also be its only item.
fn one_or_more_by_name<'de, D: Deserializer<'de>>(
    d: D,
) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or an array of strings")]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }

    let lists = BTreeMap::<String, OneOrMore>::deserialize(d)?;
    let list = |one_or_more| match one_or_more {
        OneOrMore::One(item) => vec![item],
        OneOrMore::More(items) => items,
    };
    Ok(lists.into_iter().map(|(name, items)| (name, list(items))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_one_logger_or_more() {
        let json = r#"{"logger_names":{"a":"x","b":["y","z"]}}"#;
        let logs: ServerLogs = serde_json::from_str(json).expect("the case is valid");
        let written = serde_json::to_string(&logs).expect("it can be written");
        assert_eq!(written, r#"{"logger_names":{"a":["x"],"b":["y","z"]}}"#);
        assert!(serde_json::from_str::<ServerLogs>(r#"{"logger_names":{"a":1}}"#).is_err());
    }
    #[test]
    fn every_field_of_a_server_comes_out_as_it_went_in() {
        let json = concat!(
            r#"{"listen":["a"],"listener_wrappers":[{"max_header_bytes":1,"#,
            r#""wrapper":"http_redirect"},{"allow":["x"],"deny":["y"],"#,
            r#""fallback_policy":"REQUIRE","timeout":2,"wrapper":"proxy_protocol"}],"#,
            r#""read_timeout":1,"read_header_timeout":2,"read_idle_timeout":3,"read_min_rate":4,"#,
            r#""write_timeout":5,"write_idle_timeout":6,"write_min_rate":7,"max_write_chunk":8,"#,
            r#""idle_timeout":9,"keepalive_interval":10,"keepalive_idle":11,"#,
            r#""keepalive_count":12,"max_header_bytes":13,"enable_full_duplex":true,"#,
            r#""expected_underscore_headers":["a_b"],"expected_dot_headers":["c.d"],"#,
            r#""routes":[{"group":"g"}],"errors":{"routes":[{"terminal":true}]},"#,
            r#""named_routes":{"n":{"group":"h"}},"tls_connection_policies":[{}],"#,
            r#""automatic_https":{"disable":true,"disable_redirects":true,"#,
            r#""disable_certificates":true,"skip":["s"],"skip_certificates":["t"],"#,
            r#""ignore_loaded_certificates":true},"strict_sni_host":false,"#,
            r#""trusted_proxies":{"ranges":["::1"],"source":"static"},"#,
            r#""client_ip_headers":["X"],"trusted_proxies_strict":1,"#,
            r#""trusted_proxies_unix":true,"logs":{"default_logger_name":"d","#,
            r#""logger_names":{"h":["l"]},"skip_hosts":["k"],"skip_unmapped_hosts":true,"#,
            r#""should_log_credentials":true,"trace":true},"protocols":["h1"],"#,
            r#""listen_protocols":[["h2"],null],"allow_0rtt":false,"#,
            r#""metrics":{"per_host":true,"observe_catchall_hosts":true,"otlp":true}}"#,
        );
        let server: Server = serde_json::from_str(json).expect("the case is a server");
        assert_eq!(serde_json::to_string(&server).expect("it can be written"), json);
    }
}
