//! `headers`: changes of header fields.

use super::response_matcher::ResponseMatcher;
use crate::config::is_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `headers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Headers {
    /// Of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<HeaderOps>,
    /// Of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseHeaderOps>,
}

/// What is done to header fields, in the order in which it is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderOps {
    /// Added.
    #[serde(skip_serializing_if = "is_default")]
    pub add: BTreeMap<String, Vec<String>>,
    /// Set.
    #[serde(skip_serializing_if = "is_default")]
    pub set: BTreeMap<String, Vec<String>>,
    /// Removed; `*` at either end is a wildcard.
    #[serde(skip_serializing_if = "is_default")]
    pub delete: Vec<String>,
    /// Changed in place.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: BTreeMap<String, Vec<Replacement>>,
}

/// What is done to an answer's header fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseHeaderOps {
    /// What is done.
    #[serde(flatten)]
    pub ops: HeaderOps,
    /// Only for these answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require: Option<ResponseMatcher>,
    /// When the answer's head goes out rather than at once.
    #[serde(skip_serializing_if = "is_default")]
    pub deferred: bool,
}

/// One replacement in a header's value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Replacement {
    /// This text,
    #[serde(skip_serializing_if = "is_default")]
    pub search: String,
    /// or what this expression finds,
    #[serde(skip_serializing_if = "is_default")]
    pub search_regexp: String,
    /// becomes this.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: String,
}
