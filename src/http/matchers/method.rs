//! `method GET POST`: the request's method is one of these.

use crate::http::exchange::Exchange;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct Method(Vec<String>);

impl Method {
    pub(super) fn new(methods: &[String]) -> Self {
        Self(methods.iter().map(|m| m.to_ascii_uppercase()).collect())
    }

    pub(super) fn matches(&self, ex: &Exchange<'_>) -> bool {
        self.0.iter().any(|m| m == ex.method.as_str())
    }
}
