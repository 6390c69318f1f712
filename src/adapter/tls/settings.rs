//! What the directive `tls` yields.

use crate::config::tls::ConnectionPolicy;
use crate::config::tls::certificates::FilePair;
use crate::config::tls::issuers::Issuer;
use crate::config::tls::managers::Manager;
use std::cell::RefCell;
use std::collections::HashMap;

/// One use of the directive.
#[derive(Clone, Debug, Default)]
pub(in crate::adapter) struct TlsSettings {
    /// Certificates in files that no site before it named.
    pub(in crate::adapter) files: Vec<FilePair>,
    /// Folders of certificates.
    pub(in crate::adapter) folders: Vec<String>,
    /// Who signs, in this order.
    pub(in crate::adapter) issuers: Vec<Issuer>,
    /// Who has certificates ready.
    pub(in crate::adapter) managers: Vec<Manager>,
    /// The kind of keys.
    pub(in crate::adapter) key_type: Option<String>,
    /// When certificates are renewed.
    pub(in crate::adapter) renewal_window_ratio: Option<f64>,
    /// Whether certificates are had at the first handshake.
    pub(in crate::adapter) on_demand: bool,
    /// Whether a renewed certificate has the old key.
    pub(in crate::adapter) reuse_private_keys: bool,
    /// Whether each name gets its own certificate although a wildcard covers it.
    pub(in crate::adapter) force_automate: bool,
    /// What connections may use.
    pub(in crate::adapter) policy: ConnectionPolicy,
}

/// The tags of certificates by the names of their files. A file is loaded once, however
/// many sites name it: the second tag would replace the first.
#[derive(Debug, Default)]
pub(in crate::adapter) struct CertificateTags(RefCell<HashMap<String, String>>);

impl CertificateTags {
    /// The tag of a file, and whether it is new.
    pub(in crate::adapter) fn tag(&self, file: &str) -> (String, bool) {
        let mut tags = self.0.borrow_mut();
        if let Some(tag) = tags.get(file) {
            return (tag.clone(), false);
        }
        let tag = format!("cert{}", tags.len());
        tags.insert(file.to_owned(), tag.clone());
        (tag, true)
    }
}
