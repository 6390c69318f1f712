//! `log_append`: one more field in the access log.
//!
//! ```caddyfile
//! log_append tenant {http.request.header.X-Tenant}
//! log_append <before {http.request.uri}
//! ```
//!
//! The value is a placeholder, the name of a variable, or else a text. It is taken when
//! the handlers behind this one are done, unless it is to be taken early. Numbers and
//! booleans stay what they are; a placeholder that nothing has is `null`. The answer's body,
//! `{http.response.body}` or `{http.response.body_base64}`, is known to this handler only.

use crate::config::handlers::LogAppend as Config;
use crate::http::exchange::Exchange;
use crate::http::placeholder::Placeholder;
use crate::http::response::Filter;
use crate::logging::json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use std::borrow::Cow;
use std::sync::Arc;

/// Of an answer's body, no more than this is logged.
const BODY_MAX: usize = 8 * 1024 * 1024;

/// The compiled handler.
#[derive(Debug)]
pub(crate) struct LogAppend {
    key: String,
    value: Value,
    early: bool,
}

#[derive(Debug)]
enum Value {
    /// Nothing has its name when it is absent.
    Placeholder(Option<Placeholder>),
    /// The answer's body, in base64 or as text.
    Answer { in_base64: bool },
    /// A variable if there is one of this name, else this text.
    Name(String),
}

/// The body of an answer as it goes by.
pub(crate) type Body = Arc<Mutex<BytesMut>>;

struct Copy(Body);

impl Filter for Copy {
    fn head(&mut self, _ex: &mut Exchange<'_>, _first: usize) -> bool {
        true
    }

    fn body(&mut self, data: Bytes, _end: bool, _flush: bool) -> Bytes {
        let mut copy = self.0.lock();
        let room = BODY_MAX - copy.len().min(BODY_MAX);
        copy.extend_from_slice(&data[..data.len().min(room)]);
        data
    }
}

impl LogAppend {
    pub(super) fn new(config: &Config) -> Self {
        let text = &config.value;
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let value = match inner.filter(|inner| !inner.contains('{')) {
            Some("http.response.body") => Value::Answer { in_base64: false },
            Some("http.response.body_base64") => Value::Answer { in_base64: true },
            Some(name) => Value::Placeholder(Placeholder::parse(name)),
            None => Value::Name(text.clone()),
        };
        Self { key: config.key.clone(), value, early: config.early }
    }

    pub(super) fn needs_body(&self) -> bool {
        matches!(&self.value, Value::Placeholder(Some(placeholder)) if placeholder.is_body())
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        if matches!(self.value, Value::Answer { .. }) {
            let body = Body::default();
            ex.response.filter(Copy(Arc::clone(&body)));
            ex.logged_bodies.push((&self.key, body));
            ex.late_log_fields.push(self);
        } else if self.early {
            let value = self.json(ex);
            ex.log_fields.push((Cow::Borrowed(&self.key), value));
        } else {
            ex.late_log_fields.push(self);
        }
    }

    /// Its key, and its value in JSON.
    pub(crate) fn field(&self, ex: &Exchange<'_>) -> (&str, Vec<u8>) {
        (&self.key, self.json(ex))
    }

    fn json(&self, ex: &Exchange<'_>) -> Vec<u8> {
        match &self.value {
            Value::Placeholder(placeholder) => {
                let json = placeholder.as_ref().and_then(|placeholder| placeholder.json(ex));
                json.unwrap_or_else(|| b"null".to_vec())
            }
            Value::Answer { in_base64 } => {
                let is_ours = |(key, _): &&(&str, Body)| *key == self.key;
                let body = ex.logged_bodies.iter().find(is_ours).map(|(_, body)| body.lock());
                let body = body.as_deref().map(|body| &body[..]).unwrap_or_default();
                match in_base64 {
                    true => json::text(STANDARD.encode(body).as_bytes()),
                    false => json::text(body),
                }
            }
            Value::Name(name) => ex.vars.json(name).unwrap_or_else(|| json::text(name.as_bytes())),
        }
    }
}
