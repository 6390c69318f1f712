//! Sends a file, or the ranges of it that were asked for.

use super::conditions::{self, Verdict};
use super::range::{self, Ranges};
use super::{Content, read};
use crate::http::exchange::{Exchange, Failure, Flow, Outcome};
use crate::http::handlers::{answer, headers};
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, LAST_MODIFIED, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method};
use std::ops::Range;
use std::time::SystemTime;

/// Sends a file whose tag and type the answer has; `status` stands for any other.
pub(super) async fn send(
    ex: &mut Exchange<'_>,
    content: &Content,
    modified: Option<SystemTime>,
    status: Option<u16>,
) -> Outcome {
    let tag = ex.response.headers.get(ETAG).cloned();
    if let Some(date) = modified.and_then(|m| httpdate::fmt_http_date(m).parse().ok()) {
        ex.response.set(LAST_MODIFIED, date);
    }
    if let Verdict::Not(code) = conditions::verdict(ex, tag.as_ref(), modified) {
        if code == 304 {
            ex.response.headers.remove(CONTENT_TYPE);
            ex.response.headers.remove(CONTENT_ENCODING);
            if tag.is_some() {
                ex.response.headers.remove(LAST_MODIFIED);
            }
        }
        let code = status.unwrap_or(code);
        ex.respond(code, Bytes::new()).await?;
        return Ok(Flow::Done);
    }
    ex.response.set(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let len = content.len;
    match conditions::wanted_ranges(ex, tag.as_ref(), modified, len) {
        Ranges::All => {
            ex.response.set(CONTENT_LENGTH, len.into());
            ex.response.status = status.unwrap_or(200);
            stream(ex, &content.file, vec![(Vec::new(), 0..len)], Vec::new()).await
        }
        Ranges::One(range) => {
            let value = format!("bytes {}-{}/{len}", range.start, range.end - 1);
            ex.response.set(CONTENT_RANGE, headers::value(value.as_bytes()));
            ex.response.set(CONTENT_LENGTH, (range.end - range.start).into());
            ex.response.status = status.unwrap_or(206);
            stream(ex, &content.file, vec![(Vec::new(), range)], Vec::new()).await
        }
        Ranges::Several(ranges) => {
            let kind = ex.response.headers.get(CONTENT_TYPE).cloned();
            let parts = range::multipart(&ranges, kind.as_ref(), len);
            ex.response.set(CONTENT_TYPE, headers::value(parts.kind.as_bytes()));
            ex.response.set(CONTENT_LENGTH, parts.len.into());
            ex.response.status = status.unwrap_or(206);
            stream(ex, &content.file, parts.parts, parts.end).await
        }
        Ranges::Malformed(text) => unsatisfiable(ex, None, text, status).await,
        Ranges::Outside => {
            let text = "invalid range: failed to overlap";
            unsatisfiable(ex, Some(len), text, status).await
        }
    }
}

/// Sends ranges of the file, each with something before it, and an end.
async fn stream(
    ex: &mut Exchange<'_>,
    file: &read::File,
    parts: Vec<(Vec<u8>, Range<u64>)>,
    end: Vec<u8>,
) -> Outcome {
    if ex.method == Method::HEAD {
        ex.write(Bytes::new(), true, false).await?;
        return Ok(Flow::Done);
    }
    let last = parts.len().saturating_sub(1);
    for (i, (before, range)) in parts.into_iter().enumerate() {
        if !before.is_empty() {
            ex.write(before.into(), false, false).await?;
        }
        let mut at = range.start;
        while at < range.end {
            let left = range.end - at;
            if left >= read::SENT_MIN && file.is_cached(at, left) {
                ex.begin_file().await?;
                // When the head is out, nobody may want to see the rest.
                if ex.can_send_file() {
                    at += ex.send_file(file.handle(), at, left).await?;
                    continue;
                }
            }
            // A file that shrinks while it is sent breaks the answer off.
            let bytes = file.read(at, left).await.map_err(|_| Failure::Abort)?;
            at += bytes.len() as u64;
            let done = i == last && at == range.end && end.is_empty();
            ex.write(bytes, done, false).await?;
        }
    }
    if !ex.response.has_ended() {
        ex.write(end.into(), true, false).await?;
    }
    Ok(Flow::Done)
}

async fn unsatisfiable(
    ex: &mut Exchange<'_>,
    len: Option<u64>,
    text: &str,
    status: Option<u16>,
) -> Outcome {
    // They were said of the file.
    for name in [ETAG, LAST_MODIFIED, ACCEPT_RANGES, CONTENT_ENCODING, CACHE_CONTROL] {
        ex.response.headers.remove(name);
    }
    if let Some(len) = len {
        let value = format!("bytes */{len}");
        ex.response.set(CONTENT_RANGE, headers::value(value.as_bytes()));
    }
    ex.response.set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer::plain(ex, status.unwrap_or(416), &format!("{text}\n")).await
}
