//! HTTP/2: many requests side by side on a connection.
//!
//! Without TLS a client speaks it with prior knowledge only. One task drives the
//! connection, each stream has its own.

use super::conn::Conn;
use super::connection::{Connection, Phase, reached};
use super::exchange::Asked;
use super::serve;
use super::session::StreamSession;
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::header::HOST;
use http::{HeaderValue, Method};
use pingora_core::protocols::http::server::Session;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Requests that a client may have running: Go's limit.
const STREAMS_MAX: u32 = 250;
/// Bytes that a client may send before they are read, for each stream and in all.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes of an answer that wait for the connection, for each stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Requests that may be at work at once, those included that the client has reset.
const RUNNING_MAX: usize = 2 * STREAMS_MAX as usize;
/// How long a connection that ends waits for the client's part in it.
const LINGER: Duration = Duration::from_secs(5);

/// Serves streams until either side is done.
pub(super) async fn serve(conn: Conn, connection: Connection) {
    let connection = Arc::new(connection);
    // Copies: a connection keeps no old configuration.
    let (timeouts, head_max) = {
        let site = connection.site.load();
        (site.timeouts, site.head_max)
    };
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(head_max).unwrap_or(u32::MAX));
    let handshake = timeout(timeouts.head, builder.handshake::<_, Bytes>(conn));
    let Ok(Ok(mut streams)) = handshake.await else { return };
    // Each stream that runs holds the connection.
    let running = || Arc::strong_count(&connection) - 1;
    let mut ending = false;
    loop {
        let patience = if ending { LINGER } else { timeouts.idle };
        let accepted = tokio::select! {
            biased;
            () = connection.stopped(), if !ending => {
                ending = true;
                // Streams that run are finished, then the connection ends by itself.
                streams.graceful_shutdown();
                continue;
            }
            accepted = timeout(patience, streams.accept()) => accepted,
        };
        match accepted {
            // Streams that the client took back no longer count for its limit, but there
            // is still work on them.
            Ok(Some(Ok(_))) if running() >= RUNNING_MAX => {
                streams.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                // Nobody waits for a client like this one to take the news.
                drop(timeout(LINGER, streams.accept()).await);
                return;
            }
            Ok(Some(Ok((request, respond)))) => {
                let connection = Arc::clone(&connection);
                let over = reached(connection.phase.clone(), Phase::Over);
                let work = stream(request, respond, connection);
                tokio::spawn(async move {
                    tokio::select! {
                        biased;
                        () = work => {}
                        () = over => {}
                    }
                });
            }
            Ok(Some(Err(_)) | None) => return,
            Err(_) if running() > 0 => {}
            // The client does not take part in the end.
            Err(_) if ending => return,
            Err(_) => {
                ending = true;
                streams.graceful_shutdown();
            }
        }
    }
}

/// The host that is asked for; nothing where the request contradicts itself.
fn host(request: &http::Request<RecvStream>) -> Option<Vec<u8>> {
    let uri = request.uri();
    let is_ours = matches!(uri.scheme_str(), Some("http" | "https"));
    // Without an authority the scheme is not told.
    if uri.authority().is_some() && !is_ours && request.method() != Method::CONNECT {
        return None;
    }
    let mut fields = request.headers().get_all(HOST).iter().map(HeaderValue::as_bytes);
    let (field, second) = (fields.next(), fields.next());
    let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
    let differ = authority.zip(field).is_some_and(|(a, f)| !a.eq_ignore_ascii_case(f));
    if second.is_some() || differ {
        return None;
    }
    authority.or(field).filter(|host| !host.contains(&b'@')).map(<[u8]>::to_vec)
}

async fn stream(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    connection: Arc<Connection>,
) {
    let Some(host) = host(&request) else {
        respond.send_reset(Reason::PROTOCOL_ERROR);
        return;
    };
    if request.method() == Method::OPTIONS && request.uri().path() == "*" {
        // No site answers for the server. The stream may be gone; then nobody waits.
        let _ = respond.send_response(http::Response::new(()), true);
        return;
    }
    let site = connection.site.load_full();
    let session = StreamSession::new(request, respond, site.timeouts.part);
    let asked = Asked { host, minor: 0, target: None, stream: Some(session.watch()) };
    let mut session = Session::new_custom(Box::new(session));
    if serve::request(&mut session, &connection, &site, asked).await {
        // The stream may be gone; then there is nothing to end.
        let _ = session.finish().await;
    } else {
        session.shutdown().await;
    }
}
