//! `log_append`: adds a field to the access log.

use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `log_append`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogAppend {
    /// The field's name.
    #[serde(skip_serializing_if = "is_default")]
    pub key: String,
    /// Its value: text with placeholders, or the name of a variable.
    #[serde(skip_serializing_if = "is_default")]
    pub value: String,
    /// Whether the value is taken before later handlers run.
    #[serde(skip_serializing_if = "is_default")]
    pub early: bool,
}
