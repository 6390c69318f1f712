//! `file_server`: serves files.

use super::weak_string::WeakString;
use crate::config::{is_default, some_or_default};
use serde::{Deserialize, Serialize};

/// `file_server`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileServer {
    /// The file system's name, `{http.vars.fs}` when empty, which is the disk when unset.
    #[serde(skip_serializing_if = "is_default")]
    pub fs: String,
    /// Where; `{http.vars.root}` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub root: String,
    /// What is hidden.
    #[serde(skip_serializing_if = "is_default")]
    pub hide: Vec<String>,
    /// Names of index files; `index.html` and `index.txt` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_names: Option<Vec<String>>,
    /// Listings of folders; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browse: Option<Browse>,
    /// Whether `/dir` and `/file/` are redirected; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_uris: Option<bool>,
    /// A status other than 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<WeakString>,
    /// Whether a missing file is left to the next handler.
    #[serde(skip_serializing_if = "is_default")]
    pub pass_thru: bool,
    /// Encodings of which a file may lie beside the one that is asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub precompressed: PrecompressedFormats,
    /// Which of them are preferred.
    #[serde(skip_serializing_if = "is_default")]
    pub precompressed_order: Vec<String>,
    /// Extensions of files that hold the `ETag` of the file beside them.
    #[serde(skip_serializing_if = "is_default")]
    pub etag_file_extensions: Vec<String>,
}

/// Listings of folders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Browse {
    /// The template; the one that is built in when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub template_file: String,
    /// Whether listings tell where symbolic links lead.
    #[serde(skip_serializing_if = "is_default")]
    pub reveal_symlinks: bool,
    /// The order: `name`, `namedirfirst`, `size` or `time`, and `asc` or `desc`;
    /// `namedirfirst` and `asc` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub sort: Vec<String>,
    /// How many entries are read; 10,000 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub file_limit: i64,
    /// Go's layout of times in plain text; `January 2, 2006 at 15:04:05` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub plain_time_format: String,
}

/// The namespace `http.precompressed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "http.precompressed.*", deny_unknown_fields, default)]
pub struct PrecompressedFormats {
    /// Brotli, `.br`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_or_default")]
    pub br: Option<Precompressed>,
    /// Gzip, `.gz`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_or_default")]
    pub gzip: Option<Precompressed>,
    /// Zstandard, `.zst`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_or_default")]
    pub zstd: Option<Precompressed>,
}

/// An encoding of files; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Precompressed {}
