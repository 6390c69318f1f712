//! The `pki` app.

use super::fault::Checked;
use crate::config::pki::Pki;

pub(super) fn check(_pki: &Pki) -> Checked {
    Ok(())
}
