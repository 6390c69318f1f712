//! OTLP by gRPC: a message is the argument of a call over HTTP/2.

use super::http::user_agent;
use super::sender::SendError;
use super::settings::Settings;
use crate::client;
use crate::client::tls::Tls;
use bytes::{BufMut, Bytes, BytesMut};
use flate2::read::GzDecoder;
use h2::client::SendRequest;
use h2::{RecvStream, client as h2_client};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::io::Read;
use std::time::Duration;

/// A frame's head: whether it is compressed, and its length in four bytes.
const HEAD: usize = 5;
/// The longest answer.
const ANSWER_MAX: usize = 4 * 1024 * 1024;

/// A connection that further calls may use.
pub(super) struct Connection(SendRequest<Bytes>);

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// Calls, and returns what the call returns. Connects when there is no `connection`.
pub(super) async fn call(
    settings: &Settings,
    tls: Option<&Tls>,
    connection: &mut Option<Connection>,
    message: &Bytes,
) -> Result<Bytes, SendError> {
    let kept = match connection.take() {
        None => None,
        // One that has ended meanwhile is no reason to give up.
        Some(Connection(sender)) => sender.ready().await.ok(),
    };
    let sender = match kept {
        Some(sender) => sender,
        None => connect(settings, tls).await?,
    };
    let mut kept = sender.clone();
    let answered = exchange(settings, sender, message).await.map_err(|e| unavailable(&e))?;
    // Whoever fails a call may be reached better anew.
    if answered.is_ok() && std::future::poll_fn(|cx| kept.poll_ready(cx)).await.is_ok() {
        *connection = Some(Connection(kept));
    }
    answered
}

async fn connect(settings: &Settings, tls: Option<&Tls>) -> Result<SendRequest<Bytes>, SendError> {
    let stream = client::connect(&settings.url.place(), tls).await;
    let stream = stream.map_err(|error| unavailable(&error))?;
    let (sender, connection) =
        h2_client::handshake(stream).await.map_err(|error| unavailable(&error))?;
    // It ends with the last sender.
    tokio::spawn(async move { drop(connection.await) });
    sender.ready().await.map_err(|error| unavailable(&error))
}

async fn exchange(
    settings: &Settings,
    mut sender: SendRequest<Bytes>,
    message: &Bytes,
) -> Result<Result<Bytes, SendError>, h2::Error> {
    let (answer, mut body) = sender.send_request(request(settings), false)?;
    body.send_data(framed(message, settings.gzip), true)?;
    let (head, body) = answer.await?.into_parts();
    let (data, trailers) = receive(body).await?;
    // A call that fails at once has its status in the head.
    let status = |name: &str| {
        let value = trailers.get(name).or_else(|| head.headers.get(name))?;
        value.to_str().ok().map(str::to_owned)
    };
    let code = status("grpc-status").and_then(|code| code.parse().ok());
    let said = status("grpc-message").unwrap_or_default();
    let said = percent_decode_str(&said).decode_utf8_lossy().into_owned();
    Ok(match code {
        Some(0) => Ok(unframed(&data)),
        Some(code) => Err(failed(code, &said)),
        None => Err(SendError::Refused(format!("no gRPC: HTTP {}", head.status.as_u16()))),
    })
}

fn request(settings: &Settings) -> Request<()> {
    let scheme = if settings.url.secure { "https" } else { "http" };
    let uri = format!("{scheme}://{}{}", settings.url.authority, settings.signal.procedure());
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    // An authority that is none was refused with the settings, or fails the call.
    *request.uri_mut() = uri.parse().unwrap_or_default();
    let headers = request.headers_mut();
    let fixed = [("content-type", "application/grpc"), ("te", "trailers")];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if settings.gzip {
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
        // Who is sent it answers with it.
        headers.insert("grpc-accept-encoding", HeaderValue::from_static("gzip"));
    }
    let limit = format!("{}m", settings.timeout.as_millis());
    let own = [("user-agent".to_owned(), user_agent()), ("grpc-timeout".to_owned(), limit)];
    for (name, value) in own.iter().chain(&settings.headers) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    request
}

/// A message in its frame.
fn framed(message: &Bytes, compressed: bool) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEAD + message.len());
    frame.put_u8(compressed.into());
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.extend_from_slice(message);
    frame.freeze()
}

/// The message in a frame; an empty one when it cannot be read, as it tells nothing new.
fn unframed(frame: &Bytes) -> Bytes {
    let message = frame.slice(HEAD.min(frame.len())..);
    if frame.first() != Some(&1) {
        return message;
    }
    let mut plain = Vec::new();
    match GzDecoder::new(&*message).take(ANSWER_MAX as u64).read_to_end(&mut plain) {
        Ok(_) => plain.into(),
        Err(_malformed) => Bytes::new(),
    }
}

async fn receive(mut body: RecvStream) -> Result<(Bytes, HeaderMap), h2::Error> {
    let mut data = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        if data.len() + part.len() <= ANSWER_MAX {
            data.extend_from_slice(&part);
        }
    }
    Ok((data.freeze(), body.trailers().await?.unwrap_or_default()))
}

/// What a status other than success means. Some say that a later call may succeed.
fn failed(code: u32, said: &str) -> SendError {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    let name = usize::try_from(code).ok().and_then(|code| NAMES.get(code));
    let name = name.map_or_else(|| format!("Code({code})"), |name| (*name).to_owned());
    let message = format!("rpc error: code = {name} desc = {said}");
    match code {
        1 | 4 | 10 | 11 | 14 | 15 => SendError::Later { message, after: Duration::ZERO },
        _ => SendError::Refused(message),
    }
}

fn unavailable(error: &dyn fmt::Display) -> SendError {
    failed(14, &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_how_long_it_is() {
        let frame = framed(&Bytes::from_static(b"ab"), false);
        assert_eq!(frame, &b"\x00\x00\x00\x00\x02ab"[..]);
        assert_eq!(unframed(&frame), &b"ab"[..]);
        assert_eq!(unframed(&Bytes::new()), &b""[..]);
    }

    #[test]
    fn a_compressed_answer_is_read() {
        let packed = super::super::sender::gzip(b"partly").expect("packed");
        assert_eq!(unframed(&framed(&packed, true)), &b"partly"[..]);
        assert_eq!(unframed(&framed(&Bytes::from_static(b"no gzip"), true)), &b""[..]);
    }

    #[test]
    fn a_status_says_whether_to_call_again() {
        let check = |code, later: bool, expected: &str| {
            let error = failed(code, "why");
            assert_eq!(matches!(error, SendError::Later { .. }), later, "{code}");
            assert_eq!(error.to_string(), expected);
        };
        check(14, true, "rpc error: code = Unavailable desc = why");
        check(16, false, "rpc error: code = Unauthenticated desc = why");
        check(99, false, "rpc error: code = Code(99) desc = why");
    }
}
