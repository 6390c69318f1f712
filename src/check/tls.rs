//! The `tls` app, and what connections may use.

use super::fault::Checked;
use crate::config::tls::{ConnectionPolicy, Tls};

pub(super) fn check(_tls: &Tls) -> Checked {
    Ok(())
}

pub(super) fn connection_policies(_policies: &[ConnectionPolicy]) -> Checked {
    Ok(())
}
