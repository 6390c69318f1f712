//! `tls [early_data]`: the request came over TLS.

use crate::config::matchers::Tls as Config;
use crate::http::exchange::Exchange;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct Tls {
    handshake_complete: Option<bool>,
}

impl Tls {
    pub(super) const fn new(config: &Config) -> Self {
        Self { handshake_complete: config.handshake_complete }
    }

    /// Early data is not accepted, so every request comes after the handshake.
    pub(super) fn matches(&self, ex: &Exchange<'_>) -> bool {
        ex.is_tls() && self.handshake_complete != Some(false)
    }
}
