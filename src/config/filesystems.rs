//! The `caddy.filesystems` app: file systems other than the machine's, by name.

use super::is_default;
use super::module::slot;
use serde::{Deserialize, Serialize};

/// The `caddy.filesystems` app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filesystems {
    /// The file systems.
    pub filesystems: Option<Vec<NamedFilesystem>>,
}

/// A file system and its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamedFilesystem {
    /// The name by which handlers and matchers ask for it.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_system: Option<FileSystem>,
}

/// A file system. There is no such module; those of Caddy are plugins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum FileSystem {}

slot!(FileSystem, "caddy.fs", "backend");
