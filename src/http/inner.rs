//! Requests that the server makes to itself, for a part of an answer.
//!
//! They go the way of any other request, through all routes, into logs and metrics; they
//! come from this machine, and their answers stay in memory.

use super::connection::Peer;
use super::exchange::{Asked, Exchange};
use super::serve;
use super::session::StreamSession;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderMap, Method};
use pingora_core::protocols::http::server::Session;
use pingora_http::RequestHeader;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;

/// Where such requests come from, as in Caddy.
const REMOTE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 10_000);

/// An answer to come.
type Asking<'e> = Pin<Box<dyn Future<Output = Option<(u16, Bytes)>> + Send + 'e>>;

/// Asks for a target with a GET of these fields, as part of a request to the same host. The
/// status and the body; nothing when the answer broke off.
///
/// Boxed, as what answers may ask again.
pub(super) fn get<'e>(ex: &'e Exchange<'_>, target: &'e [u8], headers: HeaderMap) -> Asking<'e> {
    Box::pin(async move { ask(ex, target, headers).await })
}

async fn ask(ex: &Exchange<'_>, target: &[u8], mut headers: HeaderMap) -> Option<(u16, Bytes)> {
    // There is no body that these would be about.
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT] {
        headers.remove(name);
    }
    let mut head = RequestHeader::build(Method::GET, target, Some(headers.len())).ok()?;
    for (name, value) in &headers {
        head.append_header(name.clone(), value.clone()).ok()?;
    }
    let connection = ex.connection.inner(Peer::Ip(REMOTE));
    let session = StreamSession::kept(head);
    let answer = session.answer();
    let mut session = Session::new_custom(Box::new(session));
    let asked = Asked { host: ex.host.clone(), minor: 1, target: None, stream: None };
    let is_whole = serve::request(&mut session, &connection, ex.site, asked).await;
    answer.take().filter(|_| is_whole)
}
