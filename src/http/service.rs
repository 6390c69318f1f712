//! A server of the program's own: every request goes to one [`Service`] instead of routes.
//!
//! The admin endpoint is one. Services see whole requests and give whole answers.

use super::exchange::{Exchange, Failure, Flow, Outcome};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::SERVER;
use http::{HeaderMap, Method};
use std::fmt::Debug;

/// A request with its whole body.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target as it came.
    pub uri: String,
    /// The path, decoded.
    pub path: String,
    /// The query as it came, without its question mark.
    pub query: String,
    /// The host with its port, as it came.
    pub host: String,
    /// All fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The client's IP address, or `@`.
    pub remote_ip: String,
    /// Its port; empty where there is none.
    pub remote_port: String,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// All fields but `Date` and those about the length.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Answers every request of a server.
#[async_trait]
pub trait Service: Debug + Send + Sync {
    /// Answers a request. May be dropped before it has: what must be finished is not done
    /// here, but in a task of its own.
    async fn answer(&self, request: Request) -> Reply;

    /// The longest body in bytes; a longer one is answered with 413.
    fn body_max(&self) -> usize;
}

/// Lets a service answer.
pub(super) async fn answer(ex: &mut Exchange<'_>, service: &dyn Service) -> Outcome {
    ex.response.headers.remove(SERVER);
    let mut body = BytesMut::new();
    loop {
        match ex.read_body().await {
            Ok(Some(part)) => body.extend_from_slice(&part),
            Ok(None) => break,
            Err(_) => return Err(Failure::Abort),
        }
        if body.len() > service.body_max() {
            return Err(Failure::error(413, "the body is too long"));
        }
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let request = Request {
        method: ex.method.clone(),
        uri: text(ex.original_uri()),
        path: text(&ex.target.path),
        query: text(ex.target.query()),
        host: text(&ex.host),
        headers: ex.headers().clone(),
        body: body.freeze(),
        remote_ip: ex.remote().host(),
        remote_port: ex.remote().port(),
    };
    let reply = service.answer(request).await;
    ex.response.headers.extend(reply.headers);
    ex.respond(reply.status, reply.body).await.map_err(|_gone| Failure::Abort)?;
    Ok(Flow::Done)
}
