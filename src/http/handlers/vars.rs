//! `vars`: sets variables of the request.
//!
//! ```caddyfile
//! root /srv/www
//! vars name value
//! log_name visits
//! log_skip /healthz
//! ```
//!
//! is `{"handler":"vars","root":"/srv/www"}`; texts may hold placeholders. Some variables
//! mean something: `root` is the root of `file_server` and `php`, `fs` their file system,
//! `log_skip` keeps a request out of the access log, and `access_logger_names` says which
//! loggers take it instead of the host's.

use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::ProvisionError;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Vars {
    vars: Vec<(Template, Content)>,
    logger_names: Option<Vec<String>>,
}

#[derive(Debug)]
enum Content {
    Text(Template),
    /// What is no text, in JSON.
    Json(String),
}

impl Vars {
    pub(super) fn provision(config: &BTreeMap<String, Value>) -> Result<Self, ProvisionError> {
        let logger_names = match config.get("access_logger_names") {
            None | Some(Value::Null) => None,
            Some(Value::Array(names)) => {
                Some(names.iter().map(logger_name).collect::<Result<_, _>>()?)
            }
            Some(_) => return Err(no_names()),
        };
        let compile = |(name, value): (&String, &Value)| {
            let content = match value {
                Value::String(text) => Content::Text(Template::new(text, Unknown::Vanishes)),
                other => Content::Json(other.to_string()),
            };
            (Template::new(name, Unknown::Vanishes), content)
        };
        Ok(Self { vars: config.iter().map(compile).collect(), logger_names })
    }

    pub(super) fn needs_body(&self) -> bool {
        let in_value = |(name, content): &(Template, Content)| {
            name.needs_body() || matches!(content, Content::Text(text) if text.needs_body())
        };
        self.vars.iter().any(in_value)
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        for (name, content) in &self.vars {
            let name = fill(name, ex);
            match content {
                Content::Text(text) => {
                    let text = fill(text, ex);
                    ex.vars.set(name, text);
                }
                Content::Json(json) => ex.vars.set_json(name, Cow::Borrowed(json.as_bytes())),
            }
        }
        if let Some(names) = &self.logger_names {
            ex.logger_names = Some(names);
        }
    }
}

fn logger_name(value: &Value) -> Result<String, ProvisionError> {
    value.as_str().map(str::to_owned).ok_or_else(no_names)
}

fn no_names() -> ProvisionError {
    ProvisionError::Invalid("vars: access_logger_names is not a list of names".to_owned())
}

fn fill<'s>(template: &'s Template, ex: &Exchange<'s>) -> Cow<'s, [u8]> {
    match template.literal() {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(template.fill(ex).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_loggers_are_a_list_of_texts() {
        for json in [r#"{"access_logger_names":"a"}"#, r#"{"access_logger_names":[1]}"#] {
            let config = serde_json::from_str(json).expect("the case is JSON");
            let error = Vars::provision(&config).expect_err("the case is wrong");
            assert_eq!(
                error.to_string(),
                "vars: access_logger_names is not a list of names",
                "{json}"
            );
        }
    }
}
