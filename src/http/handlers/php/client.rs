//! An exchange as PHP's side sees it: a body to read and an answer to take.

use crate::http::exchange::Exchange;
use crate::php::{self, Gone, Head, Part};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, Entry, SERVER};
use http::{HeaderMap, HeaderValue};
use std::io;

/// What the answers of PHP say they come from.
const SERVER_NAME: HeaderValue = HeaderValue::from_static("FrankenPHP Caddy");

/// The client of one PHP request.
pub(super) struct Client<'e, 's> {
    ex: &'e mut Exchange<'s>,
}

impl<'e, 's> Client<'e, 's> {
    pub(super) fn new(ex: &'e mut Exchange<'s>) -> Self {
        Self { ex }
    }

    async fn begin(&mut self, head: Head) -> Result<(), Gone> {
        let response = &mut self.ex.response;
        if let Entry::Occupied(mut server) = response.headers.entry(SERVER) {
            server.insert(SERVER_NAME);
        }
        for (name, value) in head.headers {
            response.headers.append(name, value);
        }
        if !(100..200).contains(&head.status) {
            response.status = head.status;
            return Ok(());
        }
        // Go sends such a status as an interim answer, and the body under 200.
        let headers = std::mem::take(&mut response.headers);
        self.ex.inform(head.status, headers).await.map_err(|_| Gone)?;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        self.ex.response.headers.insert(CONTENT_TYPE, plain);
        self.ex.response.status = 200;
        Ok(())
    }
}

impl php::Client for Client<'_, '_> {
    async fn read_body(&mut self) -> io::Result<Option<Bytes>> {
        self.ex.read_body().await
    }

    async fn inform(&mut self, head: Head) -> Result<(), Gone> {
        let headers: HeaderMap =
            head.headers.into_iter().fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            });
        self.ex.inform(head.status, headers).await.map_err(|_| Gone)
    }

    async fn reply(&mut self, part: Part) -> Result<(), Gone> {
        if let Some(head) = part.head {
            self.begin(head).await?;
        }
        if part.body.is_empty() && !part.last && !part.flush {
            return Ok(());
        }
        self.ex.write(part.body, part.last, part.flush).await.map_err(|_| Gone)
    }
}
