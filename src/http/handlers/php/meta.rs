//! What PHP is told about a request: the script's names, `$_SERVER` and the header.
//!
//! The rules are FrankenPHP's, those of the path's cut are about security: a byte beyond
//! ASCII matches nothing, whatever letters it belongs to.

use crate::http::exchange::Exchange;
use crate::http::placeholder::Template;
use crate::http::uri;
use crate::logging::access::{Shown, canonical};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST};
use http::{HeaderMap, HeaderName, Version};
use php_wire::codec::Writer;
use php_wire::known::{self, VARS, var};
use php_wire::request::Head;
use std::borrow::Cow;
use std::time::UNIX_EPOCH;

/// Most requests are told in fewer bytes.
const META_SIZE: usize = 1000;

/// The names of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script<'r> {
    /// On disk.
    pub(super) file: Cow<'r, [u8]>,
    /// `SCRIPT_NAME`.
    name: Cow<'r, [u8]>,
    /// `PATH_INFO`.
    path_info: &'r [u8],
    /// `DOCUMENT_URI`.
    document_uri: &'r [u8],
}

impl<'r> Script<'r> {
    /// The names that a path gives a script below a root.
    pub(super) fn of(root: &[u8], path: &'r [u8], splits: &[Vec<u8>]) -> Self {
        let cut = splits.iter().find_map(|split| Some(find(path, split)? + split.len()));
        let (name, path_info) = path.split_at(cut.unwrap_or(path.len()));
        let rooted = match name {
            [b'/', ..] => Cow::Borrowed(name),
            _ => Cow::Owned([b"/", name].concat()),
        };
        Self {
            file: uri::join_below(root, &rooted).into(),
            name: rooted,
            path_info,
            document_uri: cut.map_or(b"", |cut| &path[..cut]),
        }
    }

    /// Lets a worker script take the request instead.
    pub(super) fn run_instead(self, file: &'r [u8], root: &[u8]) -> Self {
        match file.strip_prefix(root).filter(|rest| rest.starts_with(b"/")) {
            Some(name) => Self { file: file.into(), name: name.into(), ..self },
            None => Self { file: file.into(), ..Self::default() },
        }
    }
}

/// Where a text stands first in a path, in any case.
fn find(path: &[u8], text: &[u8]) -> Option<usize> {
    let last = path.len().checked_sub(text.len())?;
    (0..=last).find(|at| path[*at..at + text.len()].eq_ignore_ascii_case(text))
}

/// What is told of a request, as it travels: the exchange is at work meanwhile.
#[derive(Debug)]
pub(super) struct Meta {
    written: Writer,
    request_uri: Vec<u8>,
    content_length: i64,
    /// How long the body is that travels with the rest, and whether that is all of it.
    body: usize,
    body_complete: bool,
}

impl Meta {
    /// Collects what is known, and what is to be in the environment.
    pub(super) fn of(
        ex: &Exchange<'_>,
        root: &[u8],
        script: &Script<'_>,
        env: &[(String, Template)],
    ) -> Self {
        let env: Vec<_> = env.iter().map(|(name, value)| (name, value.fill(ex))).collect();
        let fields = fields(ex.headers());
        let texts = Texts::of(ex, root, script);
        let mut head = head(ex, script, &texts, &fields);
        head.env = env.iter().map(|(name, value)| (name.as_bytes(), &**value)).collect();
        head.vars = vars(ex, root, script, &texts, &head, &fields);
        let mut written = Writer(Vec::with_capacity(META_SIZE));
        head.encode_head(&mut written);
        Self {
            written,
            request_uri: head.request_uri.to_vec(),
            content_length: head.content_length,
            body: 0,
            body_complete: false,
        }
    }

    /// Adds the whole body, if that is there.
    pub(super) fn add_body(&mut self, body: Option<&[u8]>) {
        let whole = body.unwrap_or_default();
        self.written.u8(u8::from(body.is_some()));
        self.written.0.extend_from_slice(whole);
        (self.body, self.body_complete) = (whole.len(), body.is_some());
    }

    /// The same for those who send it.
    pub(super) fn head(&self) -> Head<'_> {
        let written = &self.written.0;
        Head {
            request_uri: &self.request_uri,
            content_length: self.content_length,
            body: &written[written.len() - self.body..],
            body_complete: self.body_complete,
            written: Some(written),
            ..Head::default()
        }
    }
}

/// A field of the request's header.
struct Field<'e> {
    name: &'e HeaderName,
    number: u16,
    /// Its name, if the number does not tell it.
    key: Cow<'e, str>,
    /// The first of its lines.
    first: &'e [u8],
    /// All of them, joined.
    all: Cow<'e, [u8]>,
}

/// The fields that scripts see.
fn fields(headers: &HeaderMap) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = Vec::with_capacity(headers.keys_len());
    for (name, value) in headers {
        // A field of this name would become the proxy that scripts' clients use.
        if *name == HOST || name.as_str() == "proxy" {
            continue;
        }
        let value = value.as_bytes();
        // The lines of one name come together.
        if let Some(field) = fields.last_mut().filter(|field| field.name == name) {
            let all = field.all.to_mut();
            all.extend_from_slice(if *name == COOKIE { b"; " } else { b", " });
            all.extend_from_slice(value);
            continue;
        }
        let number = known::header_number(name.as_str().as_bytes());
        let key = match number {
            0 => canonical(name.as_str()).into(),
            _ => Cow::Borrowed(""),
        };
        fields.push(Field { name, number, key, first: value, all: value.into() });
    }
    fields
}

fn named<'f, 'e>(fields: &'f [Field<'e>], name: &HeaderName) -> Option<&'f Field<'e>> {
    fields.iter().find(|field| field.name == name)
}

/// Values that are nowhere as a whole.
struct Texts<'e> {
    remote_addr: Shown,
    remote_port: Shown,
    php_self: Cow<'e, [u8]>,
    path_translated: Option<Vec<u8>>,
}

impl<'e> Texts<'e> {
    fn of(ex: &Exchange<'_>, root: &[u8], script: &'e Script<'_>) -> Self {
        let (php_self, path_translated) = match script.path_info {
            b"" => (Cow::Borrowed(&*script.name), None),
            info => ([&*script.name, info].concat().into(), Some(uri::join_below(root, info))),
        };
        Self {
            remote_addr: ex.remote().shown_host(),
            remote_port: ex.remote().shown_port(),
            php_self,
            path_translated,
        }
    }
}

/// What is told of a request but for the variables and the environment.
fn head<'e>(
    ex: &'e Exchange<'_>,
    script: &'e Script<'_>,
    texts: &'e Texts<'_>,
    fields: &'e [Field<'_>],
) -> Head<'e> {
    let since = ex.accepted().duration_since(UNIX_EPOCH).unwrap_or_default();
    let told = |field: &'e Field<'_>| (field.number, field.key.as_bytes(), &*field.all);
    Head {
        proto: match ex.version() {
            Version::HTTP_10 => 1000,
            Version::HTTP_2 => 2000,
            Version::HTTP_3 => 3000,
            _ => 1001,
        },
        accepted_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        content_length: ex.body_length().map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX)),
        method: ex.method.as_str().as_bytes(),
        request_uri: ex.original_uri(),
        query: ex.target.query(),
        script: &script.file,
        path_translated: texts.path_translated.as_deref(),
        content_type: named(fields, &CONTENT_TYPE).map(|field| field.first),
        cookie: named(fields, &COOKIE).map(|field| &*field.all),
        authorization: named(fields, &AUTHORIZATION).map(|field| field.first),
        headers: fields.iter().map(told).collect(),
        ..Head::default()
    }
}

/// The CGI variables.
fn vars<'e>(
    ex: &'e Exchange<'_>,
    root: &'e [u8],
    script: &'e Script<'_>,
    texts: &'e Texts<'_>,
    head: &Head<'e>,
    fields: &'e [Field<'_>],
) -> [Option<&'e [u8]>; VARS.len()] {
    let (server, port) = uri::split_host(&ex.host);
    let length = named(fields, &CONTENT_LENGTH).map_or(&b""[..], |length| length.first);
    // Of TLS and of identities there is nothing to tell, which is told.
    let mut vars = [Some(&b""[..]); VARS.len()];
    let mut tell = |at: usize, value: &'e [u8]| vars[at] = Some(value);
    tell(const { var("CONTENT_LENGTH") }, length);
    tell(const { var("CONTENT_TYPE") }, head.content_type.unwrap_or_default());
    tell(const { var("DOCUMENT_ROOT") }, root);
    tell(const { var("DOCUMENT_URI") }, script.document_uri);
    tell(const { var("GATEWAY_INTERFACE") }, b"CGI/1.1");
    tell(const { var("HTTP_HOST") }, &ex.host);
    tell(const { var("PATH_INFO") }, script.path_info);
    tell(const { var("PHP_SELF") }, &texts.php_self);
    tell(const { var("QUERY_STRING") }, head.query);
    tell(const { var("REMOTE_ADDR") }, &texts.remote_addr);
    tell(const { var("REMOTE_HOST") }, &texts.remote_addr);
    tell(const { var("REMOTE_PORT") }, &texts.remote_port);
    tell(const { var("REQUEST_METHOD") }, head.method);
    tell(const { var("REQUEST_SCHEME") }, ex.scheme().as_bytes());
    tell(const { var("REQUEST_URI") }, head.request_uri);
    tell(const { var("SCRIPT_FILENAME") }, head.script);
    tell(const { var("SCRIPT_NAME") }, &script.name);
    tell(const { var("SERVER_NAME") }, server);
    tell(const { var("SERVER_PORT") }, if port.is_empty() { b"80" } else { port });
    tell(const { var("SERVER_PROTOCOL") }, ex.proto().as_bytes());
    tell(const { var("SERVER_SOFTWARE") }, b"FrankenPHP");
    vars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, name: &str, info: &str, document_uri: &str) {
        let script = Script::of(b"/srv", path.as_bytes(), &[b".php".to_vec()]);
        let got = [&script.name, script.path_info, script.document_uri];
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
        let script = Script::of(b"/srv", b"/x/y", &[b".php".to_vec()]);
        let below = script.clone().run_instead(b"/srv/w/worker.php", b"/srv");
        assert_eq!(
            (&*below.file, &*below.name),
            (&b"/srv/w/worker.php"[..], &b"/w/worker.php"[..])
        );
        let script = script.run_instead(b"/opt/worker.php", b"/srv");
        let expected = Script { file: b"/opt/worker.php".into(), ..Script::default() };
        assert_eq!(script, expected);
    }
}
