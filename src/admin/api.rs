//! The endpoint's paths and what they answer.

use super::control::{Adapted, Adapters, Change, Control, Warning};
use super::error::ApiError;
use super::guard::Guard;
use super::tree::{Method as Verb, etag};
use crate::blocking;
use crate::config::go_json;
use crate::http::service::{Reply, Request, Service};
use crate::logging::{Level, Logs, access};
use crate::metrics::{Accepts, Figures};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_MATCH,
    LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// The longest configuration.
const BODY_MAX: usize = 100 * 1024 * 1024;
const LOGGER: &str = "admin.api";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The admin endpoint.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) guard: Guard,
    pub(super) control: Arc<dyn Control>,
    pub(super) adapters: Arc<dyn Adapters>,
    pub(super) figures: Arc<Figures>,
    pub(super) logs: Arc<Logs>,
}

/// How a path answers: with a reply, or an error in JSON.
type Outcome = Result<Reply, ApiError>;

#[async_trait]
impl Service for Api {
    async fn answer(&self, request: Request) -> Reply {
        self.log(&request);
        let cors = match self.guard.check(&request.method, &request.host, &request.headers) {
            Ok(cors) => cors,
            Err(error) => return self.refuse(&error),
        };
        let mut reply = self.route(request).await;
        reply.headers.extend(cors);
        reply
    }

    fn body_max(&self) -> usize {
        BODY_MAX
    }
}

impl Api {
    fn log(&self, request: &Request) {
        let level = if request.uri == "/metrics" { Level::Debug } else { Level::Info };
        self.logs.write(level, LOGGER, "received request", |o| {
            o.str("method", request.method.as_str());
            o.str("host", &request.host);
            o.str("uri", &request.uri);
            o.str("remote_ip", &request.remote_ip);
            o.str("remote_port", &request.remote_port);
            o.object("headers", |o| access::fields(o, &request.headers, false));
        });
    }

    /// Finds the path's handler, and counts.
    async fn route(&self, mut request: Request) -> Reply {
        let clean = clean(&request.path);
        let clean = match clean.as_str() {
            "/config" | "/id" => format!("{clean}/"),
            _ => clean,
        };
        if clean != request.path {
            return redirect(&request, &clean);
        }
        let pattern = pattern(&request.path);
        if pattern == "/id/" {
            match self.resolve(&request.path) {
                Ok(path) => request.path = path,
                Err(error) => {
                    self.figures.request(pattern, error.status, request.method.as_str(), true);
                    return self.refuse(&error);
                }
            }
        }
        let outcome = match pattern {
            "/config/" | "/id/" => self.config(&request).await,
            "/load" => self.load(&request).await,
            "/adapt" => self.adapt(&request),
            "/stop" => self.stop(&request),
            "/metrics" => Ok(self.metrics(&request)),
            "/reverse_proxy/upstreams" => upstreams(&request),
            "/frankenphp/workers/restart" => self.restart_workers(&request).await,
            "/frankenphp/threads" => Ok(plain(200, self.control.php_threads())),
            "/debug/vars" => Ok(variables()),
            "/debug/pprof/cmdline" => Ok(unsniffed(plain(200, command_line().join("\0")))),
            _ => return not_found(),
        };
        let failed = outcome.is_err();
        let reply = outcome.unwrap_or_else(|error| self.refuse(&error));
        self.figures.request(pattern, reply.status, request.method.as_str(), failed);
        reply
    }

    fn refuse(&self, error: &ApiError) -> Reply {
        self.logs.write(Level::Error, LOGGER, "request error", |o| {
            o.str("error", error.logged.unwrap_or(&error.message));
            o.uint("status_code", error.status.into());
        });
        json(error.status, error.body())
    }

    /// The path that an object's `@id` stands for.
    fn resolve(&self, path: &str) -> Result<String, ApiError> {
        let rest = path.strip_prefix("/id/").unwrap_or_default();
        let (id, below) = rest.split_once('/').unwrap_or((rest, ""));
        if id.is_empty() {
            return Err(ApiError::new(400, "request path is missing object ID"));
        }
        let tree = self.control.tree();
        let object = tree
            .path_of(id)
            .ok_or_else(|| ApiError::new(404, format!("unknown object ID '{id}'")))?;
        Ok(clean(&format!("{object}/{below}")).trim_end_matches('/').to_owned())
    }

    async fn config(&self, request: &Request) -> Outcome {
        let method = match request.method {
            Method::GET => return self.read(&request.path),
            Method::POST => Verb::Post,
            Method::PUT => Verb::Put,
            Method::PATCH => Verb::Patch,
            Method::DELETE => Verb::Delete,
            ref other => return Err(ApiError::new(405, format!("method {other} not allowed"))),
        };
        let mut body = Bytes::new();
        if method != Verb::Delete {
            let kind = field(&request.headers, CONTENT_TYPE.as_str());
            if !kind.contains("/json") {
                let text =
                    format!("unacceptable content-type: {kind}; 'application/json' required");
                return Err(ApiError::new(400, text));
            }
            body = request.body.clone();
        }
        let change = Change {
            method,
            path: request.path.clone(),
            body,
            if_match: field(&request.headers, IF_MATCH.as_str()).to_owned(),
            force: must_revalidate(&request.headers),
        };
        self.control.change(change).await?;
        self.source(request);
        Ok(Reply { status: 200, ..Reply::default() })
    }

    fn read(&self, path: &str) -> Outcome {
        let text = self.control.tree().read(path);
        let text = text.map_err(|error| ApiError { status: 400, ..error })?;
        let mut reply = json(200, Bytes::new());
        // A path that no field can hold has no tag.
        if let Ok(tag) = HeaderValue::from_str(&etag(path, &text)) {
            reply.headers.insert(ETAG, tag);
        }
        reply.body = text.into();
        Ok(reply)
    }

    fn source(&self, request: &Request) {
        let of = |name| field(&request.headers, name);
        self.control.has_source(of("caddy-config-source-file"), of("caddy-config-source-adapter"));
    }

    async fn load(&self, request: &Request) -> Outcome {
        only_post(request)?;
        let adapted = self.adapted(request)?;
        let change = Change {
            method: Verb::Post,
            path: "/config".to_owned(),
            body: adapted.json.into(),
            if_match: String::new(),
            force: must_revalidate(&request.headers),
        };
        let wrapped = |error: ApiError| ApiError::new(400, format!("loading config: {error}"));
        self.control.change(change).await.map_err(wrapped)?;
        self.source(request);
        self.logs.write(Level::Info, LOGGER, "load complete", |_| {});
        if adapted.warnings.is_empty() {
            return Ok(Reply { status: 200, ..Reply::default() });
        }
        Ok(plain(200, go_json(&adapted.warnings)))
    }

    fn adapt(&self, request: &Request) -> Outcome {
        #[derive(Serialize)]
        struct Body {
            #[serde(skip_serializing_if = "Vec::is_empty")]
            warnings: Vec<Warning>,
            result: Value,
        }
        only_post(request)?;
        let Adapted { json: text, warnings } = self.adapted(request)?;
        let result = serde_json::from_str(&text).map_err(|error| {
            ApiError::plain(format!("json: error calling MarshalJSON: {error}"))
        })?;
        Ok(json(200, (go_json(&Body { warnings, result }) + "\n").into()))
    }

    /// The request's body as JSON.
    fn adapted(&self, request: &Request) -> Result<Adapted, ApiError> {
        let text = || String::from_utf8_lossy(&request.body).into_owned();
        let kind = field(&request.headers, CONTENT_TYPE.as_str());
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind.is_empty() || kind.ends_with("/json") {
            return Ok(Adapted { json: text(), warnings: Vec::new() });
        }
        let wrong = |text: String| ApiError::new(400, text);
        let (_, language) =
            kind.split_once('/').ok_or_else(|| wrong("malformed Content-Type".to_owned()))?;
        match blocking::in_place(|| self.adapters.adapt(language, &request.body)) {
            None => Err(wrong(format!("unrecognized config adapter '{language}'"))),
            Some(Err(why)) => {
                Err(wrong(format!("adapting config using {language} adapter: {why}")))
            }
            Some(Ok(adapted)) => Ok(adapted),
        }
    }

    fn stop(&self, request: &Request) -> Outcome {
        only_post(request)?;
        self.control.stop();
        Ok(Reply { status: 200, ..Reply::default() })
    }

    fn metrics(&self, request: &Request) -> Reply {
        // Whatever the method is, as in Caddy; and never OpenMetrics.
        let scrape = self.figures.scrape(&Accepts {
            forms: field(&request.headers, ACCEPT.as_str()),
            encodings: field(&request.headers, ACCEPT_ENCODING.as_str()),
            openmetrics: false,
        });
        let kind = HeaderValue::try_from(scrape.content_type);
        let kind = kind.expect("a content type is plain text");
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        if scrape.is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Reply { status: 200, headers, body: scrape.body.into() }
    }

    async fn restart_workers(&self, request: &Request) -> Outcome {
        only_post(request)?;
        self.control.restart_php().await?;
        self.logs.write(Level::Info, LOGGER, "workers restarted from admin api", |_| {});
        Ok(plain(200, "workers restarted successfully\n".to_owned()))
    }
}

/// The pattern that a path falls under; empty for a path that is none of ours.
fn pattern(path: &str) -> &'static str {
    const EXACT: [&str; 10] = [
        "/load",
        "/adapt",
        "/stop",
        "/metrics",
        "/reverse_proxy/upstreams",
        "/frankenphp/workers/restart",
        "/frankenphp/threads",
        "/debug/vars",
        "/debug/pprof/cmdline",
        "",
    ];
    for tree in ["/config/", "/id/"] {
        if path.starts_with(tree) {
            return tree;
        }
    }
    EXACT.into_iter().find(|exact| *exact == path).unwrap_or_default()
}

/// A path without empty parts and dots, as Go's multiplexer wants it.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{slash}", parts.join("/"))
}

fn redirect(request: &Request, path: &str) -> Reply {
    let query = if request.query.is_empty() { "" } else { "?" };
    let target = format!("{path}{query}{}", request.query);
    let mut reply = Reply { status: 307, ..Reply::default() };
    let Ok(location) = HeaderValue::from_str(&target) else { return not_found() };
    reply.headers.insert(LOCATION, location);
    if request.method == Method::GET {
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        reply.headers.insert(CONTENT_TYPE, kind);
        let shown = target.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&#34;");
        reply.body = format!("<a href=\"{shown}\">Temporary Redirect</a>.\n\n").into();
    }
    reply
}

fn not_found() -> Reply {
    unsniffed(plain(404, "404 page not found\n".to_owned()))
}

/// The reply, whose type is not to be guessed.
fn unsniffed(mut reply: Reply) -> Reply {
    reply.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

fn upstreams(request: &Request) -> Outcome {
    if request.method != Method::GET {
        return Err(ApiError::new(405, "method not allowed"));
    }
    Ok(json(200, Bytes::from_static(b"[]\n")))
}

/// Go's published variables, as far as they mean something here.
fn variables() -> Reply {
    let body = format!("{{\n\"cmdline\": {}\n}}\n", go_json(&command_line()));
    let mut reply = json(200, body.into());
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    reply.headers.insert(CONTENT_TYPE, kind);
    reply
}

fn command_line() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

fn only_post(request: &Request) -> Result<(), ApiError> {
    if request.method == Method::POST {
        return Ok(());
    }
    Err(ApiError::new(405, "method not allowed"))
}

/// Whether the running configuration is to be loaded again even if nothing changes.
fn must_revalidate(headers: &HeaderMap) -> bool {
    let all = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut tokens = all.flat_map(|value| value.split(','));
    tokens.any(|token| token.trim().eq_ignore_ascii_case("must-revalidate"))
}

fn field<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn plain(status: u16, text: String) -> Reply {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, PLAIN)]);
    Reply { status, headers, body: text.into() }
}

fn json(status: u16, body: Bytes) -> Reply {
    Reply { status, headers: HeaderMap::from_iter([(CONTENT_TYPE, JSON)]), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, expected) in [
            ("/", "/"),
            ("//config//", "/config/"),
            ("/config", "/config"),
            ("/a/../load", "/load"),
            ("/..", "/"),
            ("/a/./b/", "/a/b/"),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }

    #[test]
    fn only_whole_paths_are_found() {
        assert_eq!(pattern("/config/apps/http"), "/config/");
        assert_eq!(pattern("/load"), "/load");
        for path in ["/load/", "/loads", "/", "", "/debug/pprof/"] {
            assert_eq!(pattern(path), "", "{path}");
        }
    }

    #[test]
    fn a_forced_load_is_asked_for_by_a_token() {
        let header = |value: &'static str| {
            HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(value))])
        };
        assert!(must_revalidate(&header("no-cache, Must-Revalidate")));
        assert!(!must_revalidate(&header("must-revalidated")));
    }
}
