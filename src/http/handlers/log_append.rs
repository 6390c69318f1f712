//! `log_append`: adds a field to the access log.
//!
//! ```caddyfile
//! log_append user {http.request.header.X-User}
//! log_append <before some_variable
//! ```
//!
//! The value is one placeholder, the name of a variable, or a text as it stands. It is
//! taken when the request is over, unless it is early (`<`).

use crate::config::handlers::LogAppend as Config;
use crate::http::exchange::Exchange;
use crate::http::placeholder::Placeholder;

/// The compiled handler.
#[derive(Debug)]
pub(crate) struct LogAppend {
    /// The field's name.
    pub(crate) key: String,
    value: Value,
    early: bool,
}

#[derive(Debug)]
enum Value {
    /// `None` when nothing has that name.
    Placeholder(Option<Placeholder>),
    /// A variable, or the text itself when there is none.
    Text(String),
}

impl LogAppend {
    pub(super) fn new(config: &Config) -> Self {
        let inner = config.value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let value = match inner.filter(|name| !name.contains('{')) {
            Some(name) => Value::Placeholder(Placeholder::parse(name)),
            None => Value::Text(config.value.clone()),
        };
        Self { key: config.key.clone(), value, early: config.early }
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        let value = self.early.then(|| self.value(ex));
        ex.log_fields.push((self, value));
    }

    /// The value for this request; `None` when there is none.
    pub(crate) fn value(&self, ex: &Exchange<'_>) -> Option<Vec<u8>> {
        match &self.value {
            Value::Placeholder(placeholder) => {
                placeholder.as_ref()?.value(ex).map(std::borrow::Cow::into_owned)
            }
            Value::Text(text) => Some(match ex.vars.value(text) {
                [] => text.clone().into_bytes(),
                value => value.to_vec(),
            }),
        }
    }
}
