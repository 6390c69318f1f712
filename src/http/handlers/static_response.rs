//! `static_response`: a fixed answer.
//!
//! ```caddyfile
//! respond "text {path}" 404
//! redir /new permanent
//! abort
//! ```
//!
//! is `{"handler":"static_response","body":"text {http.request.uri.path}","status_code":404}`.
//! Without a status it is 200, or that of the error that is being answered. A body without
//! a content type is `application/json` when it is a JSON object or array, else plain text.
//! A status below 200 goes out ahead of the answer: behind 103 the next handlers give that.

use super::answer;
use crate::config::handlers::StaticResponse as Config;
use crate::http::exchange::{Exchange, Failure, Flow, Outcome};
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::ProvisionError;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use serde::de::IgnoredAny;

/// The connection goes on in another protocol, which nothing here speaks.
const SWITCHING_PROTOCOLS: u16 = 101;
/// Fields of the answer to come.
const EARLY_HINTS: u16 = 103;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct StaticResponse {
    status: Status,
    headers: Vec<(HeaderName, Vec<Template>)>,
    body: Body,
    close: bool,
    abort: bool,
}

#[derive(Debug)]
enum Status {
    /// That of the error, or 200.
    Unset,
    Fixed(u16),
    Filled(Template),
}

#[derive(Debug)]
enum Body {
    Fixed(Bytes, HeaderValue),
    Filled(Template),
}

impl StaticResponse {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let status = match &config.status_code {
            None => Status::Unset,
            Some(text) => match text.0.parse() {
                Ok(status) => Status::Fixed(status),
                Err(_) => Status::Filled(Template::new(&text.0, Unknown::Vanishes)),
            },
        };
        let template = Template::new(&config.body, Unknown::Stays);
        let body = match template.literal() {
            Some(text) => Body::Fixed(Bytes::copy_from_slice(text), content_type(text)),
            None => Body::Filled(template),
        };
        let headers = config.headers.iter().map(|(name, values)| {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                ProvisionError::Invalid(format!("static_response: bad header field \"{name}\""))
            })?;
            let values = values.iter().map(|v| Template::new(v, Unknown::Stays));
            Ok((name, values.collect()))
        });
        Ok(Self {
            status,
            headers: headers.collect::<Result<_, _>>()?,
            body,
            close: config.close,
            abort: config.abort,
        })
    }

    pub(super) fn needs_body(&self) -> bool {
        let in_body = matches!(&self.body, Body::Filled(template) if template.needs_body());
        in_body || self.headers.iter().flat_map(|(_, v)| v).any(Template::needs_body)
    }

    pub(super) async fn run(&self, ex: &mut Exchange<'_>) -> Outcome {
        if self.abort {
            return Err(Failure::Abort);
        }
        if self.close {
            ex.response.close_after();
            ex.response.set(CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, values) in &self.headers {
            ex.response.headers.remove(name);
            for value in values {
                let value = super::headers::value(&value.fill(ex));
                ex.response.headers.append(name, value);
            }
        }
        let body = match &self.body {
            Body::Fixed(body, kind) => {
                type_if_unset(ex, body, || kind.clone());
                body.clone()
            }
            Body::Filled(template) => {
                let body = template.fill(ex).into_owned();
                type_if_unset(ex, &body, || content_type(&body));
                body.into()
            }
        };
        let mut status = match &self.status {
            Status::Unset => ex.error.as_ref().map_or(200, |e| e.status),
            Status::Fixed(status) => *status,
            Status::Filled(text) => {
                let text = text.fill_text(ex);
                answer::status(&text)?
            }
        };
        if (100..200).contains(&status) && status != SWITCHING_PROTOCOLS {
            ex.inform(status, ex.response.headers.clone()).await?;
            if status == EARLY_HINTS {
                return Ok(Flow::Next);
            }
            status = 200;
        }
        ex.respond(status, body).await?;
        Ok(Flow::Done)
    }
}

/// Gives a body that is not empty a content type, unless somebody did.
fn type_if_unset(ex: &mut Exchange<'_>, body: &[u8], kind: impl FnOnce() -> HeaderValue) {
    let kind_before = ex.response.headers.get(CONTENT_TYPE);
    if kind_before.is_none_or(HeaderValue::is_empty) {
        if body.is_empty() {
            ex.response.untyped = true;
        } else {
            ex.response.set(CONTENT_TYPE, kind());
        }
    }
}

fn content_type(body: &[u8]) -> HeaderValue {
    let text = body.trim_ascii();
    // An object or array with nothing in it is as good as text.
    let structured = matches!(text, [b'{', _, .., b'}'] | [b'[', _, .., b']']);
    if structured && serde_json::from_slice::<IgnoredAny>(text).is_ok() {
        HeaderValue::from_static("application/json")
    } else {
        HeaderValue::from_static("text/plain; charset=utf-8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_objects_and_arrays_are_json() {
        let check = |body: &str, expected: &str| {
            assert_eq!(content_type(body.as_bytes()), expected, "{body}");
        };
        check("{\"json\": true}", "application/json");
        check("[1, 2]", "application/json");
        check(" {\"a\": 1}\n", "application/json");
        check("[]", "text/plain; charset=utf-8");
        check("{}", "text/plain; charset=utf-8");
        check("{not json", "text/plain; charset=utf-8");
        check("1", "text/plain; charset=utf-8");
    }
}
