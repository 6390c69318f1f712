//! HTTP/1: one request after the other on a connection.
//!
//! pingora's session parses heads and frames bodies; this loop decides when a request
//! may begin, what is refused before any handler runs, and when the connection ends.
//! Refusals are Go's, to the letter.

use super::conn::Conn;
use super::connection::Connection;
use super::head;
use super::serve;
use super::server::Site;
use bytes::BytesMut;
use http::header::{CONTENT_TYPE, EXPECT, HOST};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::server::Session;
use pingora_error::{Error, ErrorType};
use std::time::Duration;
use tokio::time::timeout;

/// How long the rest of a small body may take to arrive after the answer.
const DRAIN: Duration = Duration::from_secs(5);

/// A request that no handler sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    status: u16,
    /// What follows the reason phrase, with its colon.
    detail: &'static str,
}

const BAD: Refusal = Refusal { status: 400, detail: "" };
const NO_HOST: Refusal = Refusal { status: 400, detail: ": missing required Host header" };
const BAD_HOST: Refusal = Refusal { status: 400, detail: ": malformed Host header" };
const TOO_LARGE: Refusal = Refusal { status: 431, detail: "" };
const BAD_VERSION: Refusal = Refusal { status: 505, detail: ": unsupported protocol version" };

/// Serves requests until either side is done.
pub(super) async fn serve(conn: Conn, connection: Connection) {
    let mut stream: Stream = Box::new(conn);
    let mut next: Option<BytesMut> = None;
    loop {
        let site = connection.site.load_full();
        if next.is_none() {
            let Some(begun) = begin(stream, &connection, &site).await else { return };
            stream = begun;
        }
        let mut session = Session::new_http1(stream);
        session.set_pipelining_enabled(true);
        session.set_keepalive(Some(0));
        session.set_close_on_response_before_downstream_finish(false);
        if let Some(bytes) = next.take() {
            session.set_pipelined_prefix(bytes);
        }
        if !read_head(&mut session, &site).await {
            return;
        }
        session.set_read_timeout(Some(site.timeouts.body));
        session.set_total_drain_timeout(Some(DRAIN));
        if !answer(&mut session, &connection, &site).await {
            return;
        }
        let Ok(Some(reusable)) = session.finish().await else { return };
        (stream, next) = reusable.into_parts();
    }
}

/// Waits for the first bytes of a request; nothing when the connection ends instead.
async fn begin(stream: Stream, connection: &Connection, site: &Site) -> Option<Stream> {
    let mut conn = stream.into_any().downcast::<Conn>().ok()?;
    if conn.waiting().is_empty() {
        let begun = tokio::select! {
            biased;
            filled = timeout(site.timeouts.idle, conn.fill()) => matches!(filled, Ok(Ok(true))),
            () = connection.stopped() => false,
        };
        if !begun {
            return None;
        }
    }
    Some(conn)
}

/// Reads a head within its time; false when there is none, and the connection ends.
async fn read_head(session: &mut Session, site: &Site) -> bool {
    match timeout(site.timeouts.head, session.read_request()).await {
        Ok(Ok(true)) => true,
        // Nothing came, or it came too slowly: there is nobody to answer.
        Ok(Ok(false)) | Err(_) => false,
        Ok(Err(error)) => {
            if *error.etype() == ErrorType::InvalidHTTPHeader {
                refuse(session, why_invalid(&error)).await;
            }
            false
        }
    }
}

/// Refuses or serves the request; whether the connection can carry another one.
async fn answer(session: &mut Session, connection: &Connection, site: &Site) -> bool {
    if session.to_h1_raw().len() > site.head_max {
        refuse(session, TOO_LARGE).await;
        return false;
    }
    let head = session.req_header();
    if head.method == Method::OPTIONS && head.raw_path() == b"*" {
        let headers = [(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"))];
        let head = head::plain(StatusCode::OK, headers.into_iter().collect());
        return session.write_response_header(Box::new(head)).await.is_ok();
    }
    match host(session) {
        Err(refusal) => {
            refuse(session, refusal).await;
            false
        }
        Ok(host) if expects_what_nobody_has(&session.req_header().headers) => {
            drop(host);
            let headers = [(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"))];
            let head = head::plain(StatusCode::EXPECTATION_FAILED, headers.into_iter().collect());
            session.set_keepalive(None);
            let sent = session.write_response_header(Box::new(head)).await;
            // The connection ends in order, or it is gone already.
            sent.is_ok()
        }
        Ok(host) => serve::request(session, connection, site, host).await,
    }
}

/// The host that is asked for: that of an absolute target, or the `Host` field's.
fn host(session: &Session) -> Result<Vec<u8>, Refusal> {
    let head = session.req_header();
    let mut fields = head.headers.get_all(HOST).iter();
    let field = fields.next().map(HeaderValue::as_bytes);
    if fields.next().is_some() {
        return Err(BAD_HOST);
    }
    if field.is_none() && head.version == Version::HTTP_11 {
        return Err(NO_HOST);
    }
    let field = field.unwrap_or_default();
    let is_host_byte = |b: &u8| b.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(b);
    if !field.iter().all(is_host_byte) {
        return Err(BAD_HOST);
    }
    let raw = head.raw_path();
    let absolute = raw.windows(3).position(|w| w == b"://").filter(|_| !raw.starts_with(b"/"));
    let authority = absolute.map(|at| {
        let rest = &raw[at + 3..];
        let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
        &rest[..end]
    });
    Ok(authority.filter(|a| !a.is_empty()).unwrap_or(field).to_vec())
}

fn expects_what_nobody_has(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|v| !v.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// What was wrong with a head that pingora did not take.
fn why_invalid(error: &Error) -> Refusal {
    let context = error.context.as_ref().map_or("", |c| c.as_str());
    let cause = error.cause.as_ref().map_or_else(String::new, ToString::to_string);
    if context.contains("larger than") || cause.contains("too many headers") {
        return TOO_LARGE;
    }
    // The context quotes the request, whose first line ends with the version.
    let line = context.split("\\r\\n").next().unwrap_or_default();
    let version = line.rsplit_once(" HTTP/").map_or("", |(_, version)| version);
    match version.as_bytes() {
        [b'0'..=b'9', b'.', b'0'..=b'9'] if !version.starts_with("1.") => BAD_VERSION,
        _ => BAD,
    }
}

/// Answers with a status line and the same as text, then ends the connection.
async fn refuse(session: &mut Session, refusal: Refusal) {
    let Ok(status) = StatusCode::from_u16(refusal.status) else { return };
    let reason = format!("{}{}", status.canonical_reason().unwrap_or_default(), refusal.detail);
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut head = head::plain(status, [(CONTENT_TYPE, kind)].into_iter().collect());
    // A reason phrase without line breaks is always taken.
    let _ = head.set_reason_phrase(Some(&reason));
    session.set_keepalive(None);
    let body = format!("{} {reason}", refusal.status);
    // Whoever sent this may be gone; then there is nothing more to do.
    let sent = async {
        session.write_response_header(Box::new(head)).await?;
        session.write_response_body(body.into(), true).await
    };
    let _ = sent.await;
    session.shutdown().await;
}
