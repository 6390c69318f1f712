//! How certificates are had, as far as sites and options say so.

use super::error::Result;
use super::options::Options;
use super::servers::Pairing;
use super::sites::Site;
use crate::config::tls::Tls;

/// The `tls` app; `None` when automatic HTTPS needs no help.
pub(super) fn build(_: &[Pairing], _: &[Site], _: &Options) -> Result<Option<Tls>> {
    Ok(None)
}
