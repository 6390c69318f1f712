//! What PHP is told about a request: the script's names, `$_SERVER` and the header.
//!
//! The rules are FrankenPHP's, those of the path's cut are about security: a byte beyond
//! ASCII matches nothing, whatever letters it belongs to.

use crate::http::exchange::Exchange;
use crate::http::uri;
use crate::logging::access::canonical;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST};
use http::{HeaderName, Version};
use php_wire::known::{self, VARS};
use php_wire::request::Head;
use std::ops::Range;
use std::time::UNIX_EPOCH;

/// The names of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// On disk.
    pub(super) file: Vec<u8>,
    /// `SCRIPT_NAME`.
    name: Vec<u8>,
    /// `PATH_INFO`.
    path_info: Vec<u8>,
    /// `DOCUMENT_URI`.
    document_uri: Vec<u8>,
}

impl Script {
    /// The names that a path gives a script below a root.
    pub(super) fn of(root: &[u8], path: &[u8], splits: &[Vec<u8>]) -> Self {
        let cut = splits.iter().find_map(|split| {
            let at = path.windows(split.len()).position(|w| w.eq_ignore_ascii_case(split))?;
            Some(at + split.len())
        });
        let (name, rest) = path.split_at(cut.unwrap_or(path.len()));
        let mut rooted = name.to_vec();
        if !rooted.starts_with(b"/") {
            rooted.insert(0, b'/');
        }
        Self {
            file: uri::join_below(root, &rooted),
            name: rooted,
            path_info: rest.to_vec(),
            document_uri: cut.map_or_else(Vec::new, |cut| path[..cut].to_vec()),
        }
    }

    /// Lets a worker script take the request instead.
    pub(super) fn run_instead(&mut self, file: &[u8], root: &[u8]) {
        let below = file.strip_prefix(root).filter(|rest| rest.starts_with(b"/"));
        *self = match below {
            Some(name) => Self { file: file.to_vec(), name: name.to_vec(), ..self.clone() },
            None => Self { file: file.to_vec(), ..Self::default() },
        };
    }
}

/// What is told of a request, in memory of its own: the exchange is at work meanwhile.
#[derive(Debug, Default)]
pub(super) struct Meta {
    bytes: Vec<u8>,
    proto: u16,
    accepted_ns: u64,
    content_length: i64,
    method: Span,
    request_uri: Span,
    query: Span,
    script: Span,
    path_translated: Option<Span>,
    content_type: Option<Span>,
    cookie: Option<Span>,
    authorization: Option<Span>,
    vars: [Span; VARS.len()],
    headers: Vec<(u16, Span, Span)>,
    env: Vec<(Span, Span)>,
    body_complete: bool,
    body: Span,
}

type Span = Range<usize>;

impl Meta {
    /// Collects what is known; `body` is the whole body, if that is there.
    pub(super) fn of(ex: &Exchange<'_>, root: &[u8], script: &Script, body: Option<&[u8]>) -> Self {
        let since = ex.accepted().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut meta = Self {
            bytes: Vec::with_capacity(2048 + body.map_or(0, <[u8]>::len)),
            proto: match ex.version() {
                Version::HTTP_10 => 1000,
                Version::HTTP_2 => 2000,
                Version::HTTP_3 => 3000,
                _ => 1001,
            },
            accepted_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
            content_length: ex.body_length().map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX)),
            body_complete: body.is_some() || ex.body_length() == Some(0),
            ..Self::default()
        };
        meta.method = meta.add(ex.method.as_str().as_bytes());
        meta.request_uri = meta.add(ex.original_uri());
        meta.query = meta.add(ex.target.query());
        meta.script = meta.add(&script.file);
        if !script.path_info.is_empty() {
            let translated = uri::join_below(root, &script.path_info);
            meta.path_translated = Some(meta.add(&translated));
        }
        meta.content_type = meta.field(ex, &CONTENT_TYPE);
        meta.authorization = meta.field(ex, &AUTHORIZATION);
        meta.cookie = meta.joined(ex, &COOKIE, b"; ");
        meta.fill_headers(ex);
        meta.fill_vars(ex, root, script);
        meta.body = meta.add(body.unwrap_or_default());
        meta
    }

    /// Adds to the environment.
    pub(super) fn env(&mut self, name: &str, value: &[u8]) {
        let entry = (self.add(name.as_bytes()), self.add(value));
        self.env.push(entry);
    }

    /// The same, as the wire has it.
    pub(super) fn head(&self) -> Head<'_> {
        let get = |span: &Span| &self.bytes[span.clone()];
        Head {
            proto: self.proto,
            accepted_ns: self.accepted_ns,
            content_length: self.content_length,
            method: get(&self.method),
            request_uri: get(&self.request_uri),
            query: get(&self.query),
            script: get(&self.script),
            path_translated: self.path_translated.as_ref().map(get),
            content_type: self.content_type.as_ref().map(get),
            cookie: self.cookie.as_ref().map(get),
            authorization: self.authorization.as_ref().map(get),
            vars: std::array::from_fn(|i| Some(get(&self.vars[i]))),
            headers: self.headers.iter().map(|(n, k, v)| (*n, get(k), get(v))).collect(),
            env: self.env.iter().map(|(k, v)| (get(k), get(v))).collect(),
            body_complete: self.body_complete,
            body: get(&self.body),
        }
    }

    fn add(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    fn field(&mut self, ex: &Exchange<'_>, name: &HeaderName) -> Option<Span> {
        ex.headers().get(name).map(|value| self.add(value.as_bytes()))
    }

    /// All lines of a field, in one.
    fn joined(&mut self, ex: &Exchange<'_>, name: &HeaderName, between: &[u8]) -> Option<Span> {
        let start = self.bytes.len();
        let mut lines = ex.headers().get_all(name).iter();
        self.bytes.extend_from_slice(lines.next()?.as_bytes());
        for line in lines {
            self.bytes.extend_from_slice(between);
            self.bytes.extend_from_slice(line.as_bytes());
        }
        Some(start..self.bytes.len())
    }

    fn fill_headers(&mut self, ex: &Exchange<'_>) {
        for name in ex.headers().keys() {
            // A field of this name would become the proxy that scripts' clients use.
            if *name == HOST || name.as_str() == "proxy" {
                continue;
            }
            let between: &[u8] = if *name == COOKIE { b"; " } else { b", " };
            let number = known::header_number(name.as_str().as_bytes());
            let key = match number {
                0 => self.add(canonical(name.as_str()).as_bytes()),
                _ => 0..0,
            };
            if let Some(value) = self.joined(ex, name, between) {
                self.headers.push((number, key, value));
            }
        }
    }

    fn fill_vars(&mut self, ex: &Exchange<'_>, root: &[u8], script: &Script) {
        let (server, port) = uri::split_host(&ex.host);
        let remote = ex.remote();
        let ip = remote.host();
        for (i, var) in VARS.iter().enumerate() {
            let value = match *var {
                "CONTENT_LENGTH" => self.field(ex, &CONTENT_LENGTH).unwrap_or_default(),
                "CONTENT_TYPE" => self.content_type.clone().unwrap_or_default(),
                "DOCUMENT_ROOT" => self.add(root),
                "DOCUMENT_URI" => self.add(&script.document_uri),
                "GATEWAY_INTERFACE" => self.add(b"CGI/1.1"),
                "HTTP_HOST" => self.add(&ex.host),
                "PATH_INFO" => self.add(&script.path_info),
                "PHP_SELF" => {
                    let start = self.add(&script.name).start;
                    start..self.add(&script.path_info).end
                }
                "QUERY_STRING" => self.query.clone(),
                "REMOTE_ADDR" | "REMOTE_HOST" => self.add(ip.as_bytes()),
                "REMOTE_PORT" => self.add(remote.port().as_bytes()),
                "REQUEST_METHOD" => self.method.clone(),
                "REQUEST_SCHEME" => self.add(ex.scheme().as_bytes()),
                "REQUEST_URI" => self.request_uri.clone(),
                "SCRIPT_FILENAME" => self.script.clone(),
                "SCRIPT_NAME" => self.add(&script.name),
                "SERVER_NAME" => self.add(server),
                "SERVER_PORT" => self.add(if port.is_empty() { b"80" } else { port }),
                "SERVER_PROTOCOL" => self.add(ex.proto().as_bytes()),
                "SERVER_SOFTWARE" => self.add(b"FrankenPHP"),
                // Of TLS and of identities there is nothing to tell, which is told.
                _ => 0..0,
            };
            self.vars[i] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, name: &str, info: &str, document_uri: &str) {
        let script = Script::of(b"/srv", path.as_bytes(), &[b".php".to_vec()]);
        let got = [&script.name, &script.path_info, &script.document_uri];
        let got = got.map(|v| String::from_utf8_lossy(v).into_owned());
        assert_eq!(got, [name, info, document_uri].map(str::to_owned), "{path}");
    }

    #[test]
    fn a_path_is_cut_behind_the_first_php() {
        check("/a.php/x", "/a.php", "/x", "/a.php");
        check("/A.PHP", "/A.PHP", "", "/A.PHP");
        check("/plain", "/plain", "", "");
        check("/test.php.bak", "/test.php", ".bak", "/test.php");
    }

    #[test]
    fn letters_whose_case_changes_their_length_do_not_move_the_cut() {
        check("/ȺȺȺȺshell.php.txt.php", "/ȺȺȺȺshell.php", ".txt.php", "/ȺȺȺȺshell.php");
        check("/a.ｐhp", "/a.ｐhp", "", "");
    }

    #[test]
    fn a_worker_script_below_the_root_keeps_the_names_of_the_path() {
        let mut script = Script::of(b"/srv", b"/x/y", &[b".php".to_vec()]);
        script.run_instead(b"/srv/w/worker.php", b"/srv");
        assert_eq!(
            (&*script.file, &*script.name),
            (&b"/srv/w/worker.php"[..], &b"/w/worker.php"[..])
        );
        script.run_instead(b"/opt/worker.php", b"/srv");
        assert_eq!(script, Script { file: b"/opt/worker.php".to_vec(), ..Script::default() });
    }
}
