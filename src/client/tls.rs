//! TLS to other servers: who is trusted, and who we say we are.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The files that TLS needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Authorities that are trusted; the system's when there are none.
    pub roots: Vec<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not what it should be.
    #[error("{0}: {1}")]
    File(PathBuf, String),
    /// Our certificate does not fit its key.
    #[error("{0}")]
    Identity(#[source] rustls::Error),
}

/// Secures streams.
#[derive(Clone)]
pub struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads the files; `protocols` are offered to the other side (ALPN, RFC 7301).
    ///
    /// # Errors
    /// When a file cannot be read, or holds nothing of its kind.
    pub fn new(files: &Files, protocols: &[&str]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for file in &files.roots {
            let found = certificates(file)?;
            roots.add_parsable_certificates(found);
        }
        if files.roots.is_empty() {
            // One that cannot be read does not spoil the others.
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Identity)?
            .with_root_certificates(roots);
        let mut config = match &files.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| TlsError::File(key.clone(), reason(&error)))?;
                builder.with_client_auth_cert(chain, key).map_err(TlsError::Identity)?
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Secures a stream to the server of this name.
    ///
    /// # Errors
    /// When the server is somebody else, or speaks no TLS.
    pub(super) async fn secure(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

/// The certificates in a file: one at least.
fn certificates(file: &PathBuf) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let wrong = |why: String| TlsError::File(file.clone(), why);
    let found: Vec<_> = found.map_err(|error| wrong(reason(&error)))?;
    if found.is_empty() {
        return Err(wrong("no certificate in it".to_owned()));
    }
    Ok(found)
}

/// Why a file is not what it should be, as the system says it.
fn reason(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => {
            let text = error.to_string();
            text.split_once(" (os error").map_or(text.as_str(), |(said, _)| said).to_lowercase()
        }
        pem::Error::NoItemsFound => "nothing of its kind in it".to_owned(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_missing_or_empty_are_named() {
        let check = |roots: &str, expected: &str| {
            let files = Files { roots: vec![roots.into()], identity: None };
            let got = Tls::new(&files, &[]).map_err(|error| error.to_string());
            assert_eq!(got.map(|_| ()), Err(expected.to_owned()));
        };
        check("/does/not/exist", "/does/not/exist: no such file or directory");
        check("/dev/null", "/dev/null: no certificate in it");
    }
}
