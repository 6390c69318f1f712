//! `subroute`: routes within a route.

use crate::config::http::{Errors, Route};
use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `subroute`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Subroute {
    /// The routes.
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Vec<Route>,
    /// Routes for errors in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Errors>,
}
