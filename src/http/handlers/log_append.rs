//! `log_append`: one more field in the access log.
//!
//! ```caddyfile
//! log_append tenant {http.request.header.X-Tenant}
//! log_append <before {http.request.uri}
//! ```
//!
//! The value is a placeholder, the name of a variable, or else a text. It is taken when
//! the handlers behind this one are done, unless it is to be taken early. Numbers and
//! booleans stay what they are; a placeholder that nothing has is `null`.

use crate::config::handlers::LogAppend as Config;
use crate::http::exchange::Exchange;
use crate::http::placeholder::Placeholder;
use crate::logging::json;
use std::borrow::Cow;

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
    /// A variable if there is one of this name, else this text.
    Name(String),
}

impl LogAppend {
    pub(super) fn new(config: &Config) -> Self {
        let text = &config.value;
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let value = match inner.filter(|inner| !inner.contains('{')) {
            Some(name) => Value::Placeholder(Placeholder::parse(name)),
            None => Value::Name(text.clone()),
        };
        Self { key: config.key.clone(), value, early: config.early }
    }

    pub(super) fn needs_body(&self) -> bool {
        matches!(&self.value, Value::Placeholder(Some(placeholder)) if placeholder.is_body())
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        if self.early {
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
            Value::Name(name) => ex.vars.json(name).unwrap_or_else(|| json::text(name.as_bytes())),
        }
    }
}
