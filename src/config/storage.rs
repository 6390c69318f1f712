//! Where certificates, keys and what else must outlive the process are kept.

use super::is_default;
use super::module::slot;
use serde::{Deserialize, Serialize};

/// A storage, named by its `module` field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Storage {
    /// A folder.
    FileSystem(FileSystem),
}

slot!(Storage, "caddy.storage", "module");

/// `file_system`: a folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileSystem {
    /// The folder; `$XDG_DATA_HOME/caddy` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub root: String,
}
