//! `remote_ip 10.0.0.0/8`: the connection's other end has one of these addresses.

use crate::config::matchers::IpRanges as Config;
use crate::http::exchange::Exchange;
use crate::http::ip_ranges::IpRanges;
use crate::http::server::ProvisionError;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct RemoteIp(IpRanges);

impl RemoteIp {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let ranges = IpRanges::parse(&config.ranges).map_err(ProvisionError::Invalid)?;
        Ok(Self(ranges))
    }

    pub(super) fn matches(&self, ex: &Exchange<'_>) -> bool {
        ex.remote().ip().is_some_and(|address| self.0.contains(address))
    }
}
