//! Answers that several handlers give of themselves.

use crate::http::exchange::{Exchange, Failure, Flow, Outcome};
use crate::http::head;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, StatusCode};

/// A status that placeholders made.
///
/// # Errors
/// 500, in Go's words: what is no number is the configuration's fault.
pub(super) fn status(text: &str) -> Result<u16, Failure> {
    let wrong = || Failure::error(500, format!("strconv.Atoi: parsing \"{text}\": invalid syntax"));
    text.parse().map_err(|_| wrong())
}

/// Plain text with a status, past the error routes.
pub(super) async fn plain(ex: &mut Exchange<'_>, status: u16, text: &str) -> Outcome {
    ex.response.set(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    ex.respond(status, Bytes::copy_from_slice(text.as_bytes())).await?;
    Ok(Flow::Done)
}

/// A redirect with the little page that Go gives it: there, what is not ASCII stands as it is.
pub(super) async fn redirect(ex: &mut Exchange<'_>, status: u16, to: &[u8]) -> Outcome {
    let location = HeaderValue::from_bytes(&hex_escape(to));
    ex.response.set(LOCATION, location.unwrap_or_else(|_| HeaderValue::from_static("/")));
    if matches!(ex.method, Method::GET | Method::HEAD) {
        ex.response.set(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    }
    let mut body = Vec::new();
    if ex.method == Method::GET {
        let reason = StatusCode::from_u16(status).ok().and_then(head::phrase);
        body.extend_from_slice(b"<a href=\"");
        body.extend_from_slice(&html_escape(to));
        body.extend_from_slice(b"\">");
        body.extend_from_slice(reason.unwrap_or_default().as_bytes());
        body.extend_from_slice(b"</a>.\n\n");
    }
    ex.respond(status, body.into()).await?;
    Ok(Flow::Done)
}

fn hex_escape(text: &[u8]) -> Vec<u8> {
    let escaped = |b: &u8| match b {
        0x21..=0x7e => vec![*b],
        _ => format!("%{b:02x}").into_bytes(),
    };
    text.iter().flat_map(escaped).collect()
}

fn html_escape(text: &[u8]) -> Vec<u8> {
    let escaped = |b: &u8| match b {
        b'&' => b"&amp;".to_vec(),
        b'<' => b"&lt;".to_vec(),
        b'>' => b"&gt;".to_vec(),
        b'"' => b"&#34;".to_vec(),
        b'\'' => b"&#39;".to_vec(),
        b => vec![*b],
    };
    text.iter().flat_map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_no_raw_bytes_and_a_link_no_markup() {
        assert_eq!(hex_escape("/a b\u{e9}".as_bytes()), b"/a%20b%c3%a9");
        assert_eq!(html_escape(b"/<'\">&"), b"/&lt;&#39;&#34;&gt;&amp;");
    }
}
