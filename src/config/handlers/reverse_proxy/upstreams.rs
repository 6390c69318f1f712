//! Servers that are looked up for each request.

use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::module::slot;
use serde::{Deserialize, Serialize};

/// Where servers are looked up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum DynamicUpstreams {
    /// A name's addresses.
    A(AUpstreams),
    /// Several sources, whose servers are joined.
    Multi(MultiUpstreams),
    /// A service's SRV records.
    Srv(SrvUpstreams),
}

slot!(DynamicUpstreams, "http.reverse_proxy.upstreams", "source");

/// `a`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AUpstreams {
    /// The name; may hold placeholders.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// The servers' port, 80 when empty; may hold placeholders.
    #[serde(skip_serializing_if = "is_default")]
    pub port: String,
    /// How long what was found is used; 1 minute when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub refresh: Duration,
    /// Who is asked; the system's resolver when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Resolver>,
    /// How long connecting to the resolver may take.
    #[serde(skip_serializing_if = "is_default")]
    pub dial_timeout: Duration,
    /// How long IPv6 is tried alone; 300 ms when 0, and IPv4 is not tried when negative.
    #[serde(skip_serializing_if = "is_default")]
    pub dial_fallback_delay: Duration,
    /// Which addresses; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<IpVersions>,
}

/// Versions of IP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IpVersions {
    /// Whether IPv4; yes when both are absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<bool>,
    /// Whether IPv6; yes when both are absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<bool>,
}

/// `multi`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultiUpstreams {
    /// The sources. One that fails is left out.
    #[serde(skip_serializing_if = "is_default")]
    pub sources: Vec<DynamicUpstreams>,
}

/// `srv`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SrvUpstreams {
    /// The service; when it and `proto` are empty, `name` is looked up as it stands.
    #[serde(skip_serializing_if = "is_default")]
    pub service: String,
    /// Its protocol, `tcp` or `udp`.
    #[serde(skip_serializing_if = "is_default")]
    pub proto: String,
    /// The name; may hold placeholders.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// How long what was found is used; 1 minute when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub refresh: Duration,
    /// How long it is used on when the next lookup fails; not at all when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub grace_period: Duration,
    /// Who is asked; the system's resolver when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Resolver>,
    /// How long connecting to the resolver may take.
    #[serde(skip_serializing_if = "is_default")]
    pub dial_timeout: Duration,
    /// How long IPv6 is tried alone; 300 ms when 0, and IPv4 is not tried when negative.
    #[serde(skip_serializing_if = "is_default")]
    pub dial_fallback_delay: Duration,
    /// The network of the servers; TCP when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub dial_network: String,
}

/// Name servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resolver {
    /// Their addresses, at port 53 when they name none.
    #[serde(skip_serializing_if = "is_default")]
    pub addresses: Vec<String>,
}
