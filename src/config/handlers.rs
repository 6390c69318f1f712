//! HTTP handlers, a file per family; each type is what its module's JSON object holds.

mod acme_server;
mod authentication;
mod encode;
mod file_server;
mod headers;
mod intercept;
mod invoke;
mod log_append;
mod map;
mod metrics;
mod php;
mod push;
mod request_body;
mod response_matcher;
pub mod reverse_proxy;
mod rewrite;
mod static_response;
mod subroute;
mod templates;
mod tracing;
mod weak_string;

pub use acme_server::{AcmePolicy, AcmeRules, AcmeServer};
pub use authentication::{
    Account, Authentication, AuthenticationProviders, Hash, HashCache, HttpBasicAuth,
};
pub use encode::{Brotli, Encode, Encodings, Gzip, Zstd};
pub use file_server::{Browse, FileServer, Precompressed, PrecompressedFormats};
pub use headers::{HeaderOps, Headers, Replacement, ResponseHeaderOps};
pub use intercept::{CopyResponse, CopyResponseHeaders, Intercept};
pub use invoke::Invoke;
pub use log_append::LogAppend;
pub use map::{Map, Mapping};
pub use metrics::Metrics;
pub use php::{HotReload, Php};
pub use push::{Push, PushResource};
pub use request_body::{RequestBody, Timeouts};
pub use response_matcher::{ResponseHandler, ResponseMatcher};
pub use reverse_proxy::ReverseProxy;
pub use rewrite::{
    QueryArgument, QueryOps, QueryReplacement, RegexpReplacement, Rewrite, SubstringReplacement,
};
pub use static_response::{StaticError, StaticResponse};
pub use subroute::Subroute;
pub use templates::{TemplateFunctions, Templates};
pub use tracing::Tracing;
pub use weak_string::WeakString;

use super::module::slot;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A handler, named by its `handler` field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Handler {
    /// Signs certificates for others.
    AcmeServer(AcmeServer),
    /// Lets in who can name a password.
    Authentication(Authentication),
    /// Passes on the answer that is being handled.
    CopyResponse(CopyResponse),
    /// Passes on header fields of the answer that is being handled.
    CopyResponseHeaders(CopyResponseHeaders),
    /// Compresses answers.
    Encode(Encode),
    /// Fails, so that error routes answer.
    Error(StaticError),
    /// Serves files.
    FileServer(FileServer),
    /// Changes headers.
    Headers(Headers),
    /// Answers in the place of later handlers.
    Intercept(Intercept),
    /// Runs a named route.
    Invoke(Invoke),
    /// Adds a field to the access log.
    LogAppend(LogAppend),
    /// Sets placeholders by a table.
    Map(Map),
    /// Shows the figures that are counted.
    Metrics(Metrics),
    /// Runs PHP.
    Php(Php),
    /// Pushes resources over HTTP/2.
    Push(Push),
    /// Bounds or replaces the request's body.
    RequestBody(RequestBody),
    /// Asks other servers.
    ReverseProxy(Box<ReverseProxy>),
    /// Changes the request.
    Rewrite(Rewrite),
    /// Gives a fixed answer.
    StaticResponse(StaticResponse),
    /// Routes within a route.
    Subroute(Subroute),
    /// Answers are templates.
    Templates(Templates),
    /// Bounds how long reading and writing take.
    Timeouts(Timeouts),
    /// Records a span.
    Tracing(Tracing),
    /// Sets variables.
    Vars(BTreeMap<String, Value>),
}

slot!(Handler, "http.handlers", "handler");

impl Handler {
    /// What the field `handler` says.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AcmeServer(_) => "acme_server",
            Self::Authentication(_) => "authentication",
            Self::CopyResponse(_) => "copy_response",
            Self::CopyResponseHeaders(_) => "copy_response_headers",
            Self::Encode(_) => "encode",
            Self::Error(_) => "error",
            Self::FileServer(_) => "file_server",
            Self::Headers(_) => "headers",
            Self::Intercept(_) => "intercept",
            Self::Invoke(_) => "invoke",
            Self::LogAppend(_) => "log_append",
            Self::Map(_) => "map",
            Self::Metrics(_) => "metrics",
            Self::Php(_) => "php",
            Self::Push(_) => "push",
            Self::RequestBody(_) => "request_body",
            Self::ReverseProxy(_) => "reverse_proxy",
            Self::Rewrite(_) => "rewrite",
            Self::StaticResponse(_) => "static_response",
            Self::Subroute(_) => "subroute",
            Self::Templates(_) => "templates",
            Self::Timeouts(_) => "timeouts",
            Self::Tracing(_) => "tracing",
            Self::Vars(_) => "vars",
        }
    }
}
