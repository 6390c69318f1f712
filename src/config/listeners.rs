//! What happens to a connection before a server reads from it.

use super::duration::Duration;
use super::is_default;
use super::module::{NoFields, slot};
use serde::{Deserialize, Deserializer, Serialize};

/// What happens to each connection of a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum ListenerWrapper {
    /// Plain HTTP on the port of HTTPS is redirected.
    HttpRedirect(HttpRedirect),
    /// The client's address is taken from a header in front of the connection's bytes.
    ProxyProtocol(ProxyProtocol),
    /// Marks where TLS begins; first of all when it is not in the list.
    Tls(NoFields),
}

slot!(ListenerWrapper, "caddy.listeners", "wrapper");

/// Redirects plain HTTP on the port of HTTPS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpRedirect {
    /// The largest head that is read for that; 1 MiB when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_header_bytes: i64,
}

/// Reads headers of the PROXY protocol, of both versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyProtocol {
    /// How long the header may take; 5 seconds when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Duration,
    /// Networks whose headers are used.
    #[serde(skip_serializing_if = "is_default")]
    pub allow: Vec<String>,
    /// Networks whose connections with a header are refused.
    #[serde(skip_serializing_if = "is_default")]
    pub deny: Vec<String>,
    /// What holds for all others.
    #[serde(skip_serializing_if = "is_default")]
    pub fallback_policy: ProxyPolicy,
}

/// What holds for a connection that may begin with a header of the PROXY protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProxyPolicy {
    /// A header is read and not used.
    #[default]
    Ignore,
    /// A header is used.
    Use,
    /// A connection with a header is refused.
    Reject,
    /// A connection without one is refused.
    Require,
    /// Nothing is read: a header is part of the request.
    Skip,
}

impl ProxyPolicy {
    /// The policy of that name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "IGNORE" => Self::Ignore,
            "USE" => Self::Use,
            "REJECT" => Self::Reject,
            "REQUIRE" => Self::Require,
            "SKIP" => Self::Skip,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for ProxyPolicy {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        let wrong = || serde::de::Error::custom(format!("{name} is invalid policy"));
        Self::parse(&name).ok_or_else(wrong)
    }
}

/// What happens to the datagrams of a listener. There is no such module yet; those of Caddy
/// are plugins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum PacketConnWrapper {}

slot!(PacketConnWrapper, "caddy.packetconns", "wrapper");

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: &str, written: &str) {
        let json = format!(r#"{{"fallback_policy":"{policy}","wrapper":"proxy_protocol"}}"#);
        let wrapper: ListenerWrapper = serde_json::from_str(&json).expect("it is a wrapper");
        assert_eq!(serde_json::to_string(&wrapper).expect("it can be written"), written);
    }

    #[test]
    fn policies_are_read_in_any_case() {
        let expected = r#"{"fallback_policy":"SKIP","wrapper":"proxy_protocol"}"#;
        check("skip", expected);
        check("SKIP", expected);
        check("ignore", r#"{"wrapper":"proxy_protocol"}"#);
    }

    #[test]
    fn no_packet_conn_wrapper_is_known() {
        let error = serde_json::from_str::<PacketConnWrapper>(r#"{"wrapper":"x"}"#);
        let error = error.expect_err("there is none").to_string();
        assert!(error.contains("unknown module: caddy.packetconns.x"), "{error}");
    }
}
