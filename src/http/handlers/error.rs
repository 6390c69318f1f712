//! `error`: fails on purpose, so that the error routes answer.
//!
//! ```caddyfile
//! error /private* "not for you" 403
//! ```
//!
//! is `{"handler":"error","error":"not for you","status_code":403}`; without a status it is 500.

use crate::config::handlers::StaticError as Config;
use crate::http::exchange::{Exchange, Failure};
use crate::http::placeholder::{Template, Unknown};

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Error {
    message: Template,
    status: Template,
}

impl Error {
    pub(super) fn new(config: &Config) -> Self {
        let status = config.status_code.as_ref().map_or("500", |s| s.0.as_str());
        Self {
            message: Template::new(&config.error, Unknown::Stays),
            status: Template::new(status, Unknown::Vanishes),
        }
    }

    pub(super) fn run(&self, ex: &Exchange<'_>) -> Failure {
        match super::answer::status(&self.status.fill_text(ex)) {
            Ok(status) => Failure::error(status, self.message.fill_text(ex).into_owned()),
            Err(failure) => failure,
        }
    }
}
