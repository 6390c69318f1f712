//! OTLP by HTTP: a message is the body of a POST.

use super::sender::SendError;
use super::settings::Settings;
use crate::client::tls::Tls;
use crate::client::{self, Answer, Ask};
use bytes::Bytes;
use std::io;
use std::time::{Duration, SystemTime};

/// The longest answer.
const ANSWER_MAX: u64 = 4 * 1024 * 1024;
/// How much of what the collector says of an error is told.
const REASON_MAX: usize = 4096;

/// Posts a message, and returns the answer's body.
pub(super) async fn post(
    settings: &Settings,
    tls: Option<&Tls>,
    message: &Bytes,
) -> Result<Bytes, SendError> {
    let url = &settings.url;
    let mut fields = vec![
        ("User-Agent".to_owned(), user_agent()),
        ("Content-Type".to_owned(), "application/x-protobuf".to_owned()),
    ];
    if settings.gzip {
        fields.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
    }
    fields.extend(settings.headers.iter().cloned());
    let (target, host) = (url.target.as_str(), url.authority.as_str());
    let answer_max = Some(ANSWER_MAX);
    let ask = Ask { method: "POST", target, host, fields, body: message, answer_max };
    let answer = client::ask(&url.place(), tls, &ask).await;
    let scheme = if url.secure { "https" } else { "http" };
    judge(answer, &format!("{scheme}://{host}{target}"))
}

/// Who sends.
pub(super) fn user_agent() -> String {
    format!("Pogo/{} OTLP", env!("CARGO_PKG_VERSION"))
}

fn judge(answer: io::Result<Answer>, url: &str) -> Result<Bytes, SendError> {
    let answer = match answer {
        Ok(answer) if (200..300).contains(&answer.status) => return Ok(answer.body.into()),
        Ok(answer) => answer,
        Err(error) => {
            let message = format!("Post \"{url}\": {error}");
            return Err(match error.kind() {
                io::ErrorKind::TimedOut => SendError::Later { message, after: Duration::ZERO },
                _ => SendError::Refused(message),
            });
        }
    };
    let reason = String::from_utf8_lossy(&answer.body[..answer.body.len().min(REASON_MAX)]);
    let reason = match reason.trim() {
        "" => "(empty)",
        reason => reason,
    };
    let message = format!("failed to send to {url}: HTTP {} (body: {reason})", answer.status);
    match answer.status {
        429 | 502 | 503 | 504 => {
            Err(SendError::Later { message, after: retry_after(&answer.retry_after) })
        }
        _ => Err(SendError::Refused(message)),
    }
}

/// What `Retry-After` says: seconds, or a date.
fn retry_after(value: &str) -> Duration {
    if let Ok(seconds) = value.parse() {
        return Duration::from_secs(seconds);
    }
    let date = httpdate::parse_http_date(value).ok();
    date.and_then(|date| date.duration_since(SystemTime::now()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        status: u16,
        retry_after: &str,
        body: &str,
        expected: Result<&str, (Option<u64>, &str)>,
    ) {
        let (retry_after, body) = (retry_after.to_owned(), body.as_bytes().to_vec());
        let answer = Answer { status, retry_after, body, ..Answer::default() };
        let got = judge(Ok(answer), "http://c/v1").map_err(|error| match error {
            SendError::Later { message, after } => (Some(after.as_secs()), message),
            SendError::Refused(message) => (None, message),
        });
        let expected = expected.map(|body| Bytes::copy_from_slice(body.as_bytes()));
        assert_eq!(got, expected.map_err(|(after, message)| (after, message.to_owned())));
    }

    #[test]
    fn a_collector_that_is_busy_is_asked_again() {
        check(200, "", "ok", Ok("ok"));
        let busy = "failed to send to http://c/v1: HTTP 503 (body: (empty))";
        check(503, "7", " ", Err((Some(7), busy)));
        check(404, "", "no", Err((None, "failed to send to http://c/v1: HTTP 404 (body: no)")));
    }
}
