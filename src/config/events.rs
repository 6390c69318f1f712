//! The `events` app: who is told of what happens in the server.

use super::is_default;
use super::module::slot;
use serde::{Deserialize, Serialize};

/// The `events` app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// Who is told.
    #[serde(skip_serializing_if = "is_default")]
    pub subscriptions: Vec<Subscription>,
}

/// Some events, and who is told of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Subscription {
    /// The events' names; all when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub events: Vec<String>,
    /// Of which modules, by their IDs; of all when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub modules: Vec<String>,
    /// Who is told.
    #[serde(skip_serializing_if = "is_default")]
    pub handlers: Vec<EventHandler>,
}

/// Who is told of an event. There is no such module; those of Caddy are plugins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum EventHandler {}

slot!(EventHandler, "events.handlers", "handler");
