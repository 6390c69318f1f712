//! `metrics`: shows the figures that are counted.

use crate::config::is_default;
use serde::{Deserialize, Serialize};

/// `metrics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Whether the OpenMetrics form is never given.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_openmetrics: bool,
}
