//! A pool: workers with one configuration, and who gets the next of them.

use super::Client;
use super::serve::{ServeError, Served};
use php_wire::request::Head;

/// Workers with one configuration.
#[derive(Debug)]
pub struct Pool {
    name: String,
}

impl Pool {
    /// Its name in logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Serves a request: waits for a worker, hands it the request, feeds it the body and
    /// passes its answer to `client`. Returns when the client has its answer.
    ///
    /// May be dropped at any point: the worker is told that the client is gone, and
    /// finishes in its own time.
    ///
    /// # Errors
    /// See [`ServeError`]; nothing may have been passed to `client`, or a part.
    pub async fn serve<C: Client>(
        &self,
        _head: &Head<'_>,
        _client: &mut C,
    ) -> Result<Served, ServeError> {
        Err(ServeError::Closing)
    }
}
