//! HTTP handlers.

mod acme_server;
mod invoke;

pub use acme_server::{AcmePolicy, AcmeRules, AcmeServer};
pub use invoke::Invoke;

use super::duration::Duration;
use super::http::Route;
use super::is_default;
use super::module::Slot;
use super::php::Worker;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The slot of a handler in a route.
const SLOT: Slot = Slot { namespace: "http.handlers", key: "handler" };

/// A handler, named by its `handler` field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Handler {
    /// Signs certificates for others.
    AcmeServer(AcmeServer),
    /// Compresses answers.
    Encode(Encode),
    /// Fails, so that error routes answer.
    Error(StaticError),
    /// Serves files.
    FileServer(FileServer),
    /// Changes headers.
    Headers(Headers),
    /// Runs a named route.
    Invoke(Invoke),
    /// Runs PHP.
    Php(Php),
    /// Asks other servers.
    ReverseProxy(ReverseProxy),
    /// Changes the request.
    Rewrite(Rewrite),
    /// Gives a fixed answer.
    StaticResponse(StaticResponse),
    /// Routes within a route.
    Subroute(Subroute),
    /// Sets variables.
    Vars(BTreeMap<String, Value>),
}

impl Serialize for Handler {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        SLOT.serialize(|external| Self::serialize(self, external), s)
    }
}

impl<'de> Deserialize<'de> for Handler {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        SLOT.deserialize(|external| Self::deserialize(external), d)
    }
}

/// `encode`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Encode {
    /// Encodings and their settings.
    #[serde(skip_serializing_if = "is_default")]
    pub encodings: BTreeMap<String, Value>,
    /// Which are preferred.
    #[serde(skip_serializing_if = "is_default")]
    pub prefer: Vec<String>,
    /// Shorter answers are left alone; 512 bytes when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub minimum_length: i64,
    /// Which answers; Caddy's list of content types when absent.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matcher: Option<ResponseMatcher>,
}

/// Which answers are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseMatcher {
    /// Statuses; 2 means 2xx.
    #[serde(skip_serializing_if = "is_default")]
    pub status_code: Vec<u16>,
    /// Headers; `null` means absent.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: BTreeMap<String, Option<Vec<String>>>,
}

/// `error`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StaticError {
    /// The message.
    #[serde(skip_serializing_if = "is_default")]
    pub error: String,
    /// The status; 500 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<WeakString>,
}

/// `file_server`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileServer {
    /// Where; `{http.vars.root}` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub root: String,
    /// What is hidden.
    #[serde(skip_serializing_if = "is_default")]
    pub hide: Vec<String>,
    /// Names of index files; `index.html` and `index.txt` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_names: Option<Vec<String>>,
    /// Whether `/dir` and `/file/` are redirected; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_uris: Option<bool>,
    /// A status other than 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<WeakString>,
    /// Whether a missing file is left to the next handler.
    #[serde(skip_serializing_if = "is_default")]
    pub pass_thru: bool,
}

/// `headers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Headers {
    /// Of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<HeaderOps>,
    /// Of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseHeaderOps>,
}

/// What is done to header fields, in the order in which it is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderOps {
    /// Added.
    #[serde(skip_serializing_if = "is_default")]
    pub add: BTreeMap<String, Vec<String>>,
    /// Set.
    #[serde(skip_serializing_if = "is_default")]
    pub set: BTreeMap<String, Vec<String>>,
    /// Removed; `*` at either end is a wildcard.
    #[serde(skip_serializing_if = "is_default")]
    pub delete: Vec<String>,
    /// Changed in place.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: BTreeMap<String, Vec<Replacement>>,
}

/// What is done to an answer's header fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseHeaderOps {
    /// What is done.
    #[serde(flatten)]
    pub ops: HeaderOps,
    /// Only for these answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require: Option<ResponseMatcher>,
    /// When the answer's head goes out rather than at once.
    #[serde(skip_serializing_if = "is_default")]
    pub deferred: bool,
}

/// One replacement in a header's value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Replacement {
    /// This text,
    #[serde(skip_serializing_if = "is_default")]
    pub search: String,
    /// or what this expression finds,
    #[serde(skip_serializing_if = "is_default")]
    pub search_regexp: String,
    /// becomes this.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: String,
}

/// `php`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Php {
    /// Where; `{http.vars.root}` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub root: String,
    /// Where a path is cut into script and path info; `.php` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub split_path: Vec<String>,
    /// Whether the root's symbolic links are resolved; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve_root_symlink: Option<bool>,
    /// More environment; values may hold placeholders.
    #[serde(skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// Workers that only these routes reach.
    #[serde(skip_serializing_if = "is_default")]
    pub workers: Vec<Worker>,
    /// The same in all routes that one `php_server` made.
    #[serde(skip_serializing_if = "is_default")]
    pub server_index: i64,
    /// Its name in workers' names and logs.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// How long reading the next part of a body may take; 60 s when absent, 0 is unbounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_body_timeout: Option<Duration>,
    /// Reloads of a browser when files change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hot_reload: Option<HotReload>,
}

/// Reloads of a browser when files change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HotReload {
    /// The topic.
    #[serde(skip_serializing_if = "is_default")]
    pub topic: String,
    /// Which files.
    #[serde(skip_serializing_if = "is_default")]
    pub watch: Vec<String>,
}

/// `reverse_proxy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReverseProxy {
    /// The servers that may be asked.
    #[serde(skip_serializing_if = "is_default")]
    pub upstreams: Vec<Upstream>,
}

/// A server that may be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// Its address, `HOST:PORT`.
    #[serde(skip_serializing_if = "is_default")]
    pub dial: String,
}

/// `rewrite`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rewrite {
    /// The new method.
    #[serde(skip_serializing_if = "is_default")]
    pub method: String,
    /// The new URI.
    #[serde(skip_serializing_if = "is_default")]
    pub uri: String,
    /// What the path loses in front.
    #[serde(skip_serializing_if = "is_default")]
    pub strip_path_prefix: String,
    /// What the path loses behind.
    #[serde(skip_serializing_if = "is_default")]
    pub strip_path_suffix: String,
    /// Texts that are replaced in the URI.
    #[serde(skip_serializing_if = "is_default")]
    pub uri_substring: Vec<SubstringReplacement>,
    /// Expressions that are replaced in the path.
    #[serde(skip_serializing_if = "is_default")]
    pub path_regexp: Vec<RegexpReplacement>,
    /// What is done to the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryOps>,
}

/// One text and what it becomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubstringReplacement {
    /// This text
    #[serde(skip_serializing_if = "is_default")]
    pub find: String,
    /// becomes this,
    #[serde(skip_serializing_if = "is_default")]
    pub replace: String,
    /// at most so many times; always when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub limit: i64,
}

/// One expression and what it becomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegexpReplacement {
    /// What this expression finds
    #[serde(skip_serializing_if = "is_default")]
    pub find: String,
    /// becomes this.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: String,
}

/// What is done to a query, in the order in which it is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryOps {
    /// Keys and their new names.
    #[serde(skip_serializing_if = "is_default")]
    pub rename: Vec<QueryArgument>,
    /// Keys and their only values.
    #[serde(skip_serializing_if = "is_default")]
    pub set: Vec<QueryArgument>,
    /// Keys and one more value.
    #[serde(skip_serializing_if = "is_default")]
    pub add: Vec<QueryArgument>,
    /// Changes in place.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: Vec<QueryReplacement>,
    /// Keys that are removed.
    #[serde(skip_serializing_if = "is_default")]
    pub delete: Vec<String>,
}

/// A key of a query and what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryArgument {
    /// The key.
    #[serde(skip_serializing_if = "is_default")]
    pub key: String,
    /// The value, or the new key.
    #[serde(skip_serializing_if = "is_default")]
    pub val: String,
}

/// One replacement in a query's values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryReplacement {
    /// In the values of this key, `*` is all,
    #[serde(skip_serializing_if = "is_default")]
    pub key: String,
    /// this text,
    #[serde(skip_serializing_if = "is_default")]
    pub search: String,
    /// or what this expression finds,
    #[serde(skip_serializing_if = "is_default")]
    pub search_regexp: String,
    /// becomes this.
    #[serde(skip_serializing_if = "is_default")]
    pub replace: String,
}

/// `static_response`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StaticResponse {
    /// The status; 200 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<WeakString>,
    /// The headers.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body.
    #[serde(skip_serializing_if = "is_default")]
    pub body: String,
    /// Whether the connection is closed after it.
    #[serde(skip_serializing_if = "is_default")]
    pub close: bool,
    /// Whether the connection is dropped instead.
    #[serde(skip_serializing_if = "is_default")]
    pub abort: bool,
}

/// `subroute`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Subroute {
    /// The routes.
    #[serde(skip_serializing_if = "is_default")]
    pub routes: Vec<Route>,
    /// Routes for errors in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<super::http::Errors>,
}

/// Text that JSON may also give as a number or a boolean, and is printed as such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeakString(pub String);

impl Serialize for WeakString {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0.as_str() {
            "true" => s.serialize_bool(true),
            "false" => s.serialize_bool(false),
            text => match text.parse::<i64>() {
                Ok(n) => s.serialize_i64(n),
                Err(_) => s.serialize_str(text),
            },
        }
    }
}

impl<'de> Deserialize<'de> for WeakString {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::String(s) => Ok(Self(s)),
            Value::Number(n) => Ok(Self(n.to_string())),
            Value::Bool(b) => Ok(Self(b.to_string())),
            _ => Err(serde::de::Error::custom("expected a string, a number or a boolean")),
        }
    }
}
