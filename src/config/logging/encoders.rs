//! The form that the entries of a log have.

use super::filters::FieldFilter;
use crate::config::is_default;
use crate::config::module::slot;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The form that the entries of a log have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Encoder {
    /// Adds fields.
    Append(Append),
    /// Lines for people.
    Console(Text),
    /// Changes fields.
    Filter(Filter),
    /// Puts the level in front as the journal of systemd reads it.
    Journald(Journald),
    /// An object on each line.
    Json(Text),
}

slot!(Encoder, "caddy.logging.encoders", "format");

/// How an encoder writes what each entry has. A key that is empty leaves its part out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    /// The key of the message; `msg` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_key: Option<String>,
    /// The key of the level; `level` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level_key: Option<String>,
    /// The key of the time; `ts` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_key: Option<String>,
    /// The key of the logger's name; `logger` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_key: Option<String>,
    /// The key of the code that wrote the entry; `caller` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_key: Option<String>,
    /// The key of the stack trace; `stacktrace` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stacktrace_key: Option<String>,
    /// What stands between entries; a newline when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_ending: Option<String>,
    /// The form of the time: `unix_seconds_float`, `unix_milli_float`, `unix_nano`, `iso8601`,
    /// `rfc3339`, `rfc3339_nano`, `wall`, `wall_milli`, `wall_nano`, `common_log`, or a layout
    /// of Go's. Empty means the first, and `wall_milli` for `console`.
    #[serde(skip_serializing_if = "is_default")]
    pub time_format: String,
    /// Whether times are local ones instead of UTC.
    #[serde(skip_serializing_if = "is_default")]
    pub time_local: bool,
    /// The form of durations: seconds, `ns`, `ms` or `string`; seconds when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub duration_format: String,
    /// The form of levels: `lower`, `upper` or `color`; `lower` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub level_format: String,
}

/// Adds fields to each entry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Append {
    /// Writes the entry then; `console` on a terminal and `json` elsewhere when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrap: Option<Box<Encoder>>,
    /// The fields. Placeholders of the process are known in text.
    #[serde(skip_serializing_if = "is_default")]
    pub fields: BTreeMap<String, Value>,
}

/// Changes fields of each entry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Writes the entry then; `console` on a terminal and `json` elsewhere when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrap: Option<Box<Encoder>>,
    /// Which fields; `>` leads into one, as in `request>headers>Cookie`.
    #[serde(skip_serializing_if = "is_default")]
    pub fields: BTreeMap<String, FieldFilter>,
}

/// Puts the level in front of each entry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journald {
    /// Writes the entry; `console` on a terminal and `json` elsewhere when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrap: Option<Box<Encoder>>,
}
