//! `tracing`: records a span.

use crate::config::is_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `tracing`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tracing {
    /// The span's name; `handler` when empty.
    pub span: String,
    /// Its attributes; values may hold placeholders.
    #[serde(skip_serializing_if = "is_default")]
    pub span_attributes: BTreeMap<String, String>,
}
