//! HTTP/1: one request after the other on a connection.
//!
//! pingora's session parses heads and frames bodies; this loop decides when a request
//! may begin, what is refused before any handler runs, and when the connection ends. It
//! waits for a whole head before pingora sees it, which reads again from its start with
//! each part that comes.
//! Refusals are Go's, to the letter.

use super::conn::Conn;
use super::connection::Connection;
use super::exchange::Asked;
use super::head;
use super::request_line::{self, Fault, RequestLine, end_of_line};
use super::serve;
use super::server::Site;
use super::uri::is_host;
use bytes::{Buf, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use pingora_core::protocols::http::server::Session;
use pingora_error::{Error, ErrorType};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, timeout, timeout_at};

/// A connection that is silent from one tick to the next but one keeps nothing that only
/// requests need.
const TICK: Duration = Duration::from_millis(250);
/// How long the rest of a small body may take to arrive after the answer.
const DRAIN: Duration = Duration::from_secs(5);

/// A request that no handler sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    status: u16,
    /// What follows the reason phrase, with its colon.
    detail: &'static str,
    /// The body, where it is not the status line.
    text: Option<&'static str>,
}

impl Refusal {
    const fn new(status: u16, detail: &'static str) -> Self {
        Self { status, detail, text: None }
    }
}

const BAD: Refusal = Refusal::new(400, "");
const NO_HOST: Refusal = Refusal::new(400, ": missing required Host header");
const BAD_HOST: Refusal = Refusal::new(400, ": malformed Host header");
const BAD_CODING: Refusal =
    Refusal { text: Some("Unsupported transfer encoding"), ..Refusal::new(501, "") };
const TOO_LARGE: Refusal = Refusal::new(431, "");
const BAD_VERSION: Refusal = Refusal::new(505, ": unsupported protocol version");

/// How a wait for a head ended.
enum Begun {
    Whole(RequestLine),
    /// It is none; nothing more is read.
    Refused(Refusal),
    /// There is nobody to answer: nothing came, or too slowly.
    Gone,
}

/// What became of a wait for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Request,
    /// Nothing came for so long.
    Silence,
    /// Either side is done with the connection.
    End,
}

/// Serves requests until either side is done.
pub(super) async fn serve(conn: Conn, connection: Connection) {
    let mut conn = Box::new(conn);
    let mut silent = Duration::ZERO;
    loop {
        let idle = connection.site.load().timeouts.idle.saturating_sub(silent);
        conn.rest();
        if first(&mut conn, &connection, idle).await != Awaited::Request {
            return;
        }
        // What requests need is no part of an idle connection.
        let Some(next) = Box::pin(busy(conn, &connection)).await else { return };
        (conn, silent) = (next, 2 * TICK);
    }
}

/// Serves requests while one follows the other; the connection, when it is silent.
async fn busy(mut conn: Box<Conn>, connection: &Connection) -> Option<Box<Conn>> {
    let mut site = connection.site.load_full();
    let mut tick = pin!(sleep(TICK));
    loop {
        conn = one(conn, connection, &site).await?;
        match next(&mut conn, connection, tick.as_mut()).await {
            Awaited::Request => {}
            Awaited::Silence => return Some(conn),
            Awaited::End => return None,
        }
        // All connections count the uses of a site in one place, so few of them are best.
        if !Arc::ptr_eq(&site, &connection.site.load()) {
            site = connection.site.load_full();
        }
    }
}

/// Serves a request that has begun; the connection, when it can carry another.
async fn one(mut conn: Box<Conn>, connection: &Connection, site: &Site) -> Option<Box<Conn>> {
    let head = whole_head(&mut conn, site.head_max, site.timeouts.head).await;
    let mut bytes = std::mem::take(conn.waiting_mut());
    watch_chunks(&conn, &mut bytes);
    let mut session = Session::new_http1(conn);
    session.set_pipelining_enabled(true);
    session.set_keepalive(Some(0));
    session.set_close_on_response_before_downstream_finish(false);
    let line = match head {
        Begun::Whole(line) => line,
        Begun::Refused(refusal) => {
            refuse(&mut session, refusal).await;
            return None;
        }
        Begun::Gone => return None,
    };
    session.set_pipelined_prefix(bytes);
    if !read_head(&mut session).await {
        return None;
    }
    session.set_total_drain_timeout(Some(DRAIN));
    if !answer(&mut session, connection, site, line).await {
        return None;
    }
    let (stream, next) = session.finish().await.ok()??.into_parts();
    let mut conn = stream.into_any().downcast::<Conn>().ok()?;
    if let Some(next) = next {
        conn.unread(next);
    }
    Some(conn)
}

/// Waits for the first request after a silence, at most `limit`.
async fn first(conn: &mut Conn, connection: &Connection, limit: Duration) -> Awaited {
    if !conn.waiting().is_empty() {
        return Awaited::Request;
    }
    tokio::select! {
        biased;
        filled = timeout(limit, conn.fill()) => match filled {
            Ok(filled) => Awaited::from(filled),
            Err(_) => Awaited::Silence,
        },
        () = connection.stopped() => Awaited::End,
    }
}

/// Waits for the request after another one. A tick that goes on from request to request
/// costs less than a clock for each: the second one in a wait is silence.
async fn next(conn: &mut Conn, connection: &Connection, mut tick: Pin<&mut Sleep>) -> Awaited {
    if !conn.waiting().is_empty() {
        return Awaited::Request;
    }
    let mut ticks = 0;
    loop {
        tokio::select! {
            biased;
            filled = conn.fill() => return Awaited::from(filled),
            () = tick.as_mut() => {}
        }
        tick.as_mut().reset(Instant::now() + TICK);
        ticks += 1;
        if connection.is_stopping() {
            return Awaited::End;
        }
        if ticks == 2 {
            return Awaited::Silence;
        }
    }
}

impl From<io::Result<bool>> for Awaited {
    fn from(filled: io::Result<bool>) -> Self {
        if matches!(filled, Ok(true)) { Self::Request } else { Self::End }
    }
}

/// Waits until a whole head is there, at most `limit`. Each byte is looked at once, however
/// slowly they come, and the first line is judged as soon as it is there.
async fn whole_head(conn: &mut Conn, max: usize, limit: Duration) -> Begun {
    let mut search = Search::default();
    let mut end = None;
    loop {
        if let Some(begun) = search.go_on(conn.waiting_mut(), max) {
            return begun;
        }
        // Most heads come whole, and need no clock.
        let end = *end.get_or_insert_with(|| Instant::now() + limit);
        if !matches!(timeout_at(end, conn.fill()).await, Ok(Ok(true))) {
            return Begun::Gone;
        }
    }
}

/// The search for the end of a head.
#[derive(Debug, Default)]
struct Search {
    line: Option<RequestLine>,
    scan: Scan,
}

impl Search {
    /// Looks at what has come since it last did.
    fn go_on(&mut self, head: &mut BytesMut, max: usize) -> Option<Begun> {
        if self.scan == Scan::default() {
            skip_empty_lines(head);
        }
        if self.line.is_none() && self.scan.line(head).is_some() {
            match request_line::normalize(head) {
                Ok(normal) => self.line = Some(normal),
                Err(Fault::Malformed) => return Some(Begun::Refused(BAD)),
                Err(Fault::Version) => return Some(Begun::Refused(BAD_VERSION)),
            }
            self.scan = Scan::default();
        }
        if self.line.is_some() && self.scan.finds_end(head) {
            return self.line.take().map(Begun::Whole);
        }
        (head.len() > max).then_some(Begun::Refused(TOO_LARGE))
    }
}

/// How far the search for the end of a head has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Scan {
    /// Where the line begins that is not complete yet.
    line: usize,
    /// Bytes that were looked at.
    seen: usize,
}

impl Scan {
    /// The next complete line, with what ends it.
    fn line<'h>(&mut self, head: &'h [u8]) -> Option<&'h [u8]> {
        let Some(end) = end_of_line(head, self.seen) else {
            self.seen = head.len();
            return None;
        };
        let line = &head[self.line..=end];
        (self.line, self.seen) = (end + 1, end + 1);
        Some(line)
    }

    /// Whether an empty line ends the head.
    fn finds_end(&mut self, head: &[u8]) -> bool {
        // Most requests have no body and come alone.
        if head.ends_with(b"\r\n\r\n") {
            return true;
        }
        while let Some(line) = self.line(head) {
            if matches!(line, b"\n" | b"\r\n") {
                return true;
            }
        }
        false
    }
}

/// Sees to it that what is read of a chunked body is one. A head that names no coding has
/// none; which coding it is, is judged later.
fn watch_chunks(conn: &Conn, received: &mut BytesMut) {
    let mut scan = Scan::default();
    let mut names_coding = false;
    loop {
        match scan.line(received) {
            None => return,
            Some(b"\n" | b"\r\n") => break,
            Some(line) => names_coding |= field(line, TRANSFER_ENCODING.as_str()).is_some(),
        }
    }
    if names_coding {
        conn.expect_chunks(received, scan.line);
    }
}

/// The value of a field, if a line of a head is its.
fn field<'l>(line: &'l [u8], name: &str) -> Option<&'l [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
}

/// Empty lines before a request are no part of it (RFC 9112, 2.2).
fn skip_empty_lines(head: &mut BytesMut) {
    let empty = head.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    if empty > 0 {
        head.advance(empty);
    }
}

/// Lets pingora read the head that is there; false when it is none.
async fn read_head(session: &mut Session) -> bool {
    // It is there, so that pingora waits for nothing.
    match session.read_request().await {
        Ok(is_head) => is_head,
        Err(error) => {
            if *error.etype() == ErrorType::InvalidHTTPHeader {
                refuse(session, why_invalid(&error)).await;
            }
            false
        }
    }
}

/// Refuses or serves the request; whether the connection can carry another one.
async fn answer(
    session: &mut Session,
    connection: &Connection,
    site: &Site,
    mut line: RequestLine,
) -> bool {
    if session.to_h1_raw().len() > site.head_max {
        refuse(session, TOO_LARGE).await;
        return false;
    }
    let (minor, target) = (line.minor, line.target.take());
    match framing(session).and_then(|()| host(session, line)) {
        Err(refusal) => {
            refuse(session, refusal).await;
            false
        }
        Ok(_) if asks_for_the_server(session) => {
            let headers = [(CONTENT_LENGTH, HeaderValue::from_static("0"))];
            let head = head::plain(StatusCode::OK, headers.into_iter().collect());
            session.write_response_header(Box::new(head)).await.is_ok()
        }
        Ok(host) if expects_what_nobody_has(&session.req_header().headers) => {
            drop(host);
            let headers = [(CONTENT_LENGTH, HeaderValue::from_static("0"))];
            let head = head::plain(StatusCode::EXPECTATION_FAILED, headers.into_iter().collect());
            session.set_keepalive(None);
            let sent = session.write_response_header(Box::new(head)).await;
            // The connection ends in order, or it is gone already.
            sent.is_ok()
        }
        Ok(host) => {
            let asked = Asked { host, minor, target, stream: None };
            serve::request(session, connection, site, asked).await
        }
    }
}

/// Refuses a body whose end others may see elsewhere.
fn framing(session: &Session) -> Result<(), Refusal> {
    let headers = &session.req_header().headers;
    if head::has(headers, &[TRANSFER_ENCODING, CONTENT_LENGTH]) == [false, false] {
        return Ok(());
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter().map(|v| v.as_bytes().trim_ascii());
    // A list of several counts as one, which nobody has.
    let coding = codings.next();
    if codings.next().is_some() || coding.is_some_and(|c| !c.eq_ignore_ascii_case(b"chunked")) {
        return Err(BAD_CODING);
    }
    let lengths = headers.get_all(CONTENT_LENGTH).iter().map(HeaderValue::as_bytes);
    let are_good = match coding {
        None => are_lengths(lengths),
        // The session has forgotten the lengths that a coding overrides.
        Some(_) => {
            let head = session.to_h1_raw();
            let lines = head.split(|b| *b == b'\n');
            are_lengths(lines.filter_map(|line| field(line, CONTENT_LENGTH.as_str())))
        }
    };
    if are_good { Ok(()) } else { Err(BAD) }
}

/// Whether these values of `Content-Length` are one number.
fn are_lengths<'v>(values: impl Iterator<Item = &'v [u8]>) -> bool {
    let mut values = values.map(<[u8]>::trim_ascii);
    let Some(first) = values.next() else { return true };
    let number = str::from_utf8(first).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
    number.is_some_and(|v| v.parse::<i64>().is_ok()) && values.all(|value| value == first)
}

/// Whether it is `OPTIONS *`, which no site answers.
fn asks_for_the_server(session: &Session) -> bool {
    let head = session.req_header();
    head.method == Method::OPTIONS && head.raw_path() == b"*"
}

/// The host that is asked for: that of an absolute target, or the `Host` field's.
fn host(session: &Session, line: RequestLine) -> Result<Vec<u8>, Refusal> {
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
    if !is_host(field) {
        return Err(BAD_HOST);
    }
    match line.authority {
        Some(authority) if !is_host(&authority) => Err(BAD),
        Some(authority) => Ok(authority),
        None => Ok(field.to_vec()),
    }
}

fn expects_what_nobody_has(headers: &HeaderMap) -> bool {
    let other = |v: &HeaderValue| !v.as_bytes().eq_ignore_ascii_case(b"100-continue");
    head::has(headers, &[EXPECT]) == [true]
        && headers.get(EXPECT).is_some_and(|value| !value.is_empty() && other(value))
}

/// What was wrong with a head that pingora did not take.
fn why_invalid(error: &Error) -> Refusal {
    let context = error.context.as_ref().map_or("", |c| c.as_str());
    let cause = error.cause.as_ref().map_or_else(String::new, ToString::to_string);
    if context.contains("larger than") || cause.contains("too many headers") {
        return TOO_LARGE;
    }
    if context == "non-chunked final Transfer-Encoding" { BAD_CODING } else { BAD }
}

/// Answers with a status line and the same as text, then ends the connection.
async fn refuse(session: &mut Session, refusal: Refusal) {
    let Ok(status) = StatusCode::from_u16(refusal.status) else { return };
    let reason = format!("{}{}", head::phrase(status).unwrap_or_default(), refusal.detail);
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut head = head::plain(status, [(CONTENT_TYPE, kind)].into_iter().collect());
    // A reason phrase without line breaks is always taken.
    let _ = head.set_reason_phrase(Some(&reason));
    session.set_keepalive(None);
    let body = match refusal.text {
        Some(text) => text.to_owned(),
        None => format!("{} {reason}", refusal.status),
    };
    // Whoever sent this may be gone; then there is nothing more to do.
    let sent = async {
        session.write_response_header(Box::new(head)).await?;
        session.write_response_body(body.into(), true).await
    };
    let _ = sent.await;
    session.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_an_empty_line_wherever_the_parts_are_cut() {
        for whole in [&b"GET / HTTP/1.1\r\nA: b\r\n\r\nbody"[..], b"GET / HTTP/1.0\nA: b\n\n\nx"] {
            let end = whole.len() - if whole.ends_with(b"x") { 2 } else { 4 };
            let mut scan = Scan::default();
            for len in 1..whole.len() {
                assert_eq!(scan.finds_end(&whole[..len]), len >= end, "{len}");
                assert!(len >= end || scan.seen == len, "{len} is looked at twice");
                if len >= end {
                    break;
                }
            }
        }
    }
}
