//! Sends messages to the collector, again if need be.

use super::retry::Backoff;
use super::settings::{Protocol, Settings};
use super::{grpc, http};
use crate::client::tls::{Tls, TlsError};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The collector may take it later.
    #[error("{message}")]
    Later {
        /// What it says.
        message: String,
        /// How long it wants to be left alone.
        after: Duration,
    },
    /// It will not take it.
    #[error("{0}")]
    Refused(String),
}

/// Sends messages to one collector.
#[derive(Debug)]
pub struct Sender {
    settings: Settings,
    tls: Option<Tls>,
    connection: Option<grpc::Connection>,
}

impl Sender {
    /// A sender that has not connected yet.
    ///
    /// # Errors
    /// When the files for TLS are wrong.
    pub fn new(settings: Settings) -> Result<Self, TlsError> {
        let protocols: &[&str] = match settings.protocol {
            Protocol::Grpc => &["h2"],
            Protocol::Http => &[],
        };
        let tls = settings.url.secure.then(|| Tls::new(&settings.tls, protocols)).transpose()?;
        Ok(Self { settings, tls, connection: None })
    }

    /// Sends a message, and returns what the collector answers. Once `stop` is true, no
    /// further attempt is made.
    ///
    /// # Errors
    /// When the message did not arrive.
    pub async fn send(
        &mut self,
        message: &[u8],
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Bytes, SendError> {
        let message = match self.settings.gzip {
            false => Bytes::copy_from_slice(message),
            true => gzip(message).map_err(|error| SendError::Refused(error.to_string()))?,
        };
        let begun = Instant::now();
        let mut backoff = Backoff::new();
        loop {
            let (error, after) = match self.attempt(&message).await {
                Err(SendError::Later { message, after }) => (message, after),
                done => return done,
            };
            let pause = backoff.next(begun.elapsed(), after, chance());
            let stopped = match pause {
                None => true,
                Some(pause) => {
                    let stopped = stop.wait_for(|stop| *stop);
                    tokio::time::timeout(pause, stopped).await.is_ok()
                }
            };
            if stopped {
                return Err(SendError::Refused(error));
            }
        }
    }

    async fn attempt(&mut self, message: &Bytes) -> Result<Bytes, SendError> {
        let Self { settings, tls, connection } = self;
        let limit = settings.timeout;
        let attempt = async {
            match settings.protocol {
                Protocol::Http => http::post(settings, tls.as_ref(), message).await,
                Protocol::Grpc => grpc::call(settings, tls.as_ref(), connection, message).await,
            }
        };
        tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| {
            self.connection = None;
            let message = format!("no answer within {}", humantime::format_duration(limit));
            Err(SendError::Later { message, after: Duration::ZERO })
        })
    }
}

pub(super) fn gzip(message: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(message)?;
    encoder.finish().map(Bytes::from)
}

/// A number between 0 and 1 that nobody can foresee.
fn chance() -> f64 {
    let random = RandomState::new().hash_one(0) >> 32;
    f64::from(u32::try_from(random).unwrap_or_default()) / f64::from(u32::MAX)
}
