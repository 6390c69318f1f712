//! `templates`: answers are templates.

use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `templates`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Templates {
    /// Where files that templates name lie; `{http.vars.root}` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub file_root: String,
    /// Content types that are templates; `text/html`, `text/plain` and `text/markdown`
    /// when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub mime_types: Vec<String>,
    /// What actions stand between; `{{` and `}}` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub delimiters: Vec<String>,
    /// More functions.
    #[serde(rename = "match", skip_serializing_if = "is_default")]
    pub extensions: TemplateFunctions,
}

/// The namespace `http.handlers.templates.functions`; nothing is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "http.handlers.templates.functions.*", deny_unknown_fields, default)]
pub struct TemplateFunctions {}
