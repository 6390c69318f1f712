//! `intercept`, `copy_response` and `copy_response_headers`: answers that are handled
//! before they go out.

use super::response_matcher::ResponseHandler;
use super::weak_string::WeakString;
use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `intercept`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Intercept {
    /// Which answers are handled, and how; the first that matches counts.
    #[serde(skip_serializing_if = "is_default")]
    pub handle_response: Vec<ResponseHandler>,
}

/// `copy_response`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CopyResponse {
    /// The new status; that of the answer when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<WeakString>,
}

/// `copy_response_headers`. Only one of the lists may be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CopyResponseHeaders {
    /// Only these fields.
    #[serde(skip_serializing_if = "is_default")]
    pub include: Vec<String>,
    /// All but these fields.
    #[serde(skip_serializing_if = "is_default")]
    pub exclude: Vec<String>,
}
