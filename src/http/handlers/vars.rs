//! `vars`: sets variables of the request.
//!
//! ```caddyfile
//! root /srv/www
//! vars name value
//! ```
//!
//! is `{"handler":"vars","root":"/srv/www"}`; values may hold placeholders, and
//! `{http.vars.root}` is what `file_server` and `php` use as root.

use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::ProvisionError;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Variables that mean something to others, who do not ask for them yet.
const UNSUPPORTED: [&str; 1] = ["fs"];

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Vars(Vec<(Template, Template)>);

impl Vars {
    pub(super) fn provision(config: &BTreeMap<String, Value>) -> Result<Self, ProvisionError> {
        if let Some(name) = UNSUPPORTED.iter().find(|name| config.contains_key(**name)) {
            let text = format!("vars: {name} is not supported yet");
            return Err(ProvisionError::Invalid(text));
        }
        let compile = |(name, value): (&String, &Value)| {
            let text = match value {
                Value::String(text) => Cow::Borrowed(text),
                other => Cow::Owned(other.to_string()),
            };
            (Template::new(name, Unknown::Vanishes), Template::new(&text, Unknown::Vanishes))
        };
        Ok(Self(config.iter().map(compile).collect()))
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        for (name, value) in &self.0 {
            let (name, value) = (fill(name, ex), fill(value, ex));
            ex.vars.set(name, value);
        }
    }
}

fn fill<'s>(template: &'s Template, ex: &Exchange<'s>) -> Cow<'s, [u8]> {
    match template.literal() {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(template.fill(ex).into_owned()),
    }
}
