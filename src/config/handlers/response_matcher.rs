//! Which answers are meant, and what is done with those.

use super::weak_string::WeakString;
use crate::config::http::Route;
use crate::config::is_default;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which answers are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseMatcher {
    /// Statuses; 2 means 2xx.
    #[serde(skip_serializing_if = "is_default")]
    pub status_code: Vec<i64>,
    /// Headers; `null` means absent.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: BTreeMap<String, Option<Vec<String>>>,
}

/// Answers, and what is done with them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseHandler {
    /// Which; all when absent.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matcher: Option<ResponseMatcher>,
    /// Their new status; a placeholder may stand here. Nothing but the status changes then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<WeakString>,
    /// Routes that answer instead.
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Vec<Route>,
}
