//! `authentication`: who may come in.

use crate::config::is_default;
use crate::config::module::slot;
use serde::{Deserialize, Serialize};

/// `authentication`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authentication {
    /// Ways to show who one is; any of them will do.
    #[serde(skip_serializing_if = "is_default")]
    pub providers: AuthenticationProviders,
}

/// The namespace `http.authentication.providers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "http.authentication.providers.*", deny_unknown_fields, default)]
pub struct AuthenticationProviders {
    /// A name and a password in the `Authorization` field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_basic: Option<HttpBasicAuth>,
}

/// `http_basic`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpBasicAuth {
    /// How passwords are hashed; bcrypt when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Hash>,
    /// Who may come in.
    #[serde(skip_serializing_if = "is_default")]
    pub accounts: Vec<Account>,
    /// The realm; `restricted` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub realm: String,
    /// Whether the outcome of comparisons is remembered; not when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_cache: Option<HashCache>,
}

/// The namespace `http.authentication.hashes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Hash {
    /// Argon2id in PHC form.
    Argon2id {},
    /// Bcrypt in modular crypt form.
    Bcrypt {},
}

slot!(Hash, "http.authentication.hashes", "algorithm");

/// Who may come in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    /// The name.
    pub username: String,
    /// The password's hash.
    pub password: String,
}

/// A memory of comparisons; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HashCache {}
