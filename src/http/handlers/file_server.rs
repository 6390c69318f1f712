//! `file_server`: files below a root.
//!
//! ```caddyfile
//! root /srv/www
//! file_server
//! ```
//!
//! is `{"handler":"file_server","root":"…","hide":["./Caddyfile"]}`. Index files are
//! `index.html` and `index.txt`; a directory's address ends with a slash and a file's does
//! not, others are redirected. Conditions and ranges are Go's. [`range`] says which bytes
//! are asked for, [`mime`] which type a name means, [`read`] how bytes come off the disk.

mod mime;
mod range;
mod read;

use super::answer;
use crate::config::handlers::{FileServer as Config, PrecompressedFormats};
use crate::http::exchange::{Exchange, Failure, Flow, Outcome};
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::{Provision, ProvisionError};
use crate::http::{glob, uri};
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method};
use range::Ranges;
use read::Kind;
use std::fs::Metadata;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The compiled handler.
#[derive(Debug)]
pub(super) struct FileServer {
    root: Template,
    hide: Vec<Template>,
    index_names: Vec<Template>,
    canonical: bool,
    status: Option<Template>,
    pass_thru: bool,
    etag_separator: &'static str,
}

/// A file that was found, and is open: what is said of it and what is sent of it are the
/// same file, even when another one takes its name meanwhile.
struct Found {
    /// Its name on disk.
    name: Vec<u8>,
    file: read::File,
    meta: Metadata,
    /// It is the index of the directory that was asked for.
    is_index: bool,
}

/// What conditions of the request say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Send,
    /// 304, or 412 for a condition that must hold.
    Not(u16),
}

impl FileServer {
    pub(super) fn provision(
        config: &Config,
        provision: &Provision<'_>,
    ) -> Result<Self, ProvisionError> {
        refuse(config)?;
        let template = |text: &str| Template::new(text, Unknown::Vanishes);
        let defaults = || vec!["index.html".to_owned(), "index.txt".to_owned()];
        let index_names = config.index_names.clone().unwrap_or_else(defaults);
        let root = if config.root.is_empty() { "{http.vars.root}" } else { &config.root };
        let cwd = std::env::current_dir().unwrap_or_default();
        let hide = config.hide.iter().map(|entry| {
            // An entry with a slash is a path; it is compared with whole paths.
            if entry.contains('/') && !entry.starts_with('/') {
                let relative = entry.strip_prefix("./").unwrap_or(entry);
                template(&format!("{}/{relative}", cwd.display()))
            } else {
                template(entry)
            }
        });
        Ok(Self {
            root: template(root),
            hide: hide.collect(),
            index_names: index_names.iter().map(|n| template(n)).collect(),
            canonical: config.canonical_uris.unwrap_or(true),
            status: config.status_code.as_ref().map(|s| template(&s.0)),
            pass_thru: config.pass_thru,
            etag_separator: provision.etag_separator(),
        })
    }

    pub(super) async fn run(&self, ex: &mut Exchange<'_>) -> Outcome {
        let path = ex.target.path.clone();
        if path.contains(&0) {
            return Err(Failure::error(400, "path holds a NUL byte"));
        }
        if !ex.has_usual_files() {
            return Err(Failure::error(404, "filesystem not found"));
        }
        let root = match self.root.fill(ex) {
            root if root.is_empty() => b".".to_vec(),
            root => root.into_owned(),
        };
        let found = match self.find(ex, &root, &path) {
            Ok(Some(found)) => found,
            Ok(None) if self.pass_thru => return Ok(Flow::Next),
            Ok(None) => return Err(Failure::error(404, "")),
            Err(error) => return Err(failure(&error)),
        };
        if let Some(location) = self.canonical_location(ex, &found) {
            return answer::redirect(ex, 308, &location).await;
        }
        ex.response.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        if !matches!(ex.method, Method::GET | Method::HEAD) {
            ex.response.set(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Err(Failure::error(405, "method not allowed"));
        }
        self.send(ex, &found).await
    }

    /// The file that a path stands for.
    fn find(&self, ex: &Exchange<'_>, root: &[u8], path: &[u8]) -> io::Result<Option<Found>> {
        let hide: Vec<_> = self.hide.iter().map(|h| h.fill(ex)).collect();
        let hidden = |name: &[u8]| hide.iter().any(|pattern| is_hidden(name, pattern));
        let name = trim_slash(uri::join_below(root, path));
        let found = match read::find(&name)? {
            None => return Ok(None),
            Some(Kind::File(file, meta)) => Found { name, file, meta, is_index: false },
            Some(Kind::Directory) => {
                for index in &self.index_names {
                    let index = uri::join_below(&name, &index.fill(ex));
                    if hidden(&index) {
                        continue;
                    }
                    if let Some(Kind::File(file, meta)) = read::find(&index)? {
                        return Ok(Some(Found { name: index, file, meta, is_index: true }));
                    }
                }
                return Ok(None);
            }
        };
        Ok((!hidden(&found.name)).then_some(found))
    }

    /// Where the address should end with a slash and does not, or the other way round.
    fn canonical_location(&self, ex: &Exchange<'_>, found: &Found) -> Option<Vec<u8>> {
        if !self.canonical {
            return None;
        }
        let original = ex.original_target();
        // After a rewrite of the last part, the address is not the file's.
        let last = |path: &[u8]| path.rsplit(|b| *b == b'/').next().map(<[u8]>::to_vec);
        let path = trim_slash(ex.target.path.clone());
        if last(&path) != last(&trim_slash(original.path.clone())) {
            return None;
        }
        let slash = original.path.ends_with(b"/");
        let mut to = original.escaped_path().into_owned();
        match (found.is_index, slash) {
            (true, false) => to.push(b'/'),
            (false, true) => to = trim_slash(to),
            _ => return None,
        }
        // Two slashes in front would be another host.
        let start = to.iter().position(|b| *b != b'/').unwrap_or(to.len()).max(1) - 1;
        to.drain(..start);
        // A root that is a file itself has no other address.
        if *to == *original.escaped_path() {
            return None;
        }
        if let Some(query) = original.query.filter(|q| !q.is_empty()) {
            to.push(b'?');
            to.extend_from_slice(&query);
        }
        Some(to)
    }

    async fn send(&self, ex: &mut Exchange<'_>, found: &Found) -> Outcome {
        let modified = found.meta.modified().ok().filter(|m| is_real(*m));
        let tag = modified.map(|m| etag(m, self.etag_separator, found.meta.len()));
        if let Some(tag) = &tag {
            ex.response.set(ETAG, tag.clone());
        }
        if !ex.response.headers.contains_key(CONTENT_TYPE)
            && let Some(kind) = mime::of(&found.name)
        {
            ex.response.set(CONTENT_TYPE, kind);
        }
        let status = match &self.status {
            None => ex.error.as_ref().map(|e| e.status),
            Some(template) => {
                let text = template.fill_text(ex).into_owned();
                Some(text.parse().map_err(|_| Failure::error(500, "status is not a number"))?)
            }
        };
        if let Some(date) = modified.and_then(|m| httpdate::fmt_http_date(m).parse().ok()) {
            ex.response.set(LAST_MODIFIED, date);
        }
        if let Verdict::Not(code) = verdict(ex, tag.as_ref(), modified) {
            if code == 304 {
                ex.response.headers.remove(CONTENT_TYPE);
                ex.response.headers.remove(LAST_MODIFIED);
            }
            let code = status.unwrap_or(code);
            ex.respond(code, Bytes::new()).await?;
            return Ok(Flow::Done);
        }
        ex.response.set(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let len = found.meta.len();
        match wanted_ranges(ex, tag.as_ref(), modified, len) {
            Ranges::All => self.whole(ex, found, status.unwrap_or(200)).await,
            Ranges::One(range) => {
                let value = format!("bytes {}-{}/{len}", range.start, range.end - 1);
                ex.response.set(CONTENT_RANGE, super::headers::value(value.as_bytes()));
                ex.response.set(CONTENT_LENGTH, (range.end - range.start).into());
                ex.response.status = status.unwrap_or(206);
                self.stream(ex, found, vec![(Vec::new(), range)], Vec::new()).await
            }
            Ranges::Several(ranges) => {
                let kind = ex.response.headers.get(CONTENT_TYPE).cloned();
                let parts = range::multipart(&ranges, kind.as_ref(), len);
                ex.response.set(CONTENT_TYPE, super::headers::value(parts.kind.as_bytes()));
                ex.response.set(CONTENT_LENGTH, parts.len.into());
                ex.response.status = status.unwrap_or(206);
                self.stream(ex, found, parts.parts, parts.end).await
            }
            Ranges::Malformed(text) => unsatisfiable(ex, None, text).await,
            Ranges::Outside => {
                unsatisfiable(ex, Some(len), "invalid range: failed to overlap").await
            }
        }
    }

    async fn whole(&self, ex: &mut Exchange<'_>, found: &Found, status: u16) -> Outcome {
        let len = found.meta.len();
        ex.response.set(CONTENT_LENGTH, len.into());
        ex.response.status = status;
        self.stream(ex, found, vec![(Vec::new(), 0..len)], Vec::new()).await
    }

    /// Sends ranges of the file, each with something before it, and an end.
    async fn stream(
        &self,
        ex: &mut Exchange<'_>,
        found: &Found,
        parts: Vec<(Vec<u8>, std::ops::Range<u64>)>,
        end: Vec<u8>,
    ) -> Outcome {
        if ex.method == Method::HEAD {
            ex.write(Bytes::new(), true, false).await?;
            return Ok(Flow::Done);
        }
        let last = parts.len().saturating_sub(1);
        for (i, (before, range)) in parts.into_iter().enumerate() {
            if !before.is_empty() {
                ex.write(before.into(), false, false).await?;
            }
            let mut at = range.start;
            while at < range.end {
                // A file that shrinks while it is sent breaks the answer off.
                let bytes =
                    found.file.read(at, range.end - at).await.map_err(|_| Failure::Abort)?;
                at += bytes.len() as u64;
                let done = i == last && at == range.end && end.is_empty();
                ex.write(bytes, done, false).await?;
            }
        }
        if !ex.response.has_ended() {
            ex.write(end.into(), true, false).await?;
        }
        Ok(Flow::Done)
    }
}

async fn unsatisfiable(ex: &mut Exchange<'_>, len: Option<u64>, text: &str) -> Outcome {
    for name in [ETAG, LAST_MODIFIED, ACCEPT_RANGES] {
        ex.response.headers.remove(name);
    }
    if let Some(len) = len {
        let value = format!("bytes */{len}");
        ex.response.set(CONTENT_RANGE, super::headers::value(value.as_bytes()));
    }
    ex.response.set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer::plain(ex, 416, &format!("{text}\n")).await
}

/// Refuses the settings that do nothing yet.
fn refuse(config: &Config) -> Result<(), ProvisionError> {
    let unsupported = [
        ("fs", !config.fs.is_empty()),
        ("browse", config.browse.is_some()),
        ("precompressed", config.precompressed != PrecompressedFormats::default()),
        ("etag_file_extensions", !config.etag_file_extensions.is_empty()),
    ];
    match unsupported.iter().find(|(_, is_set)| *is_set) {
        Some((name, _)) => {
            Err(ProvisionError::Invalid(format!("file_server: {name} is not supported yet")))
        }
        None => Ok(()),
    }
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::error(404, ""),
        io::ErrorKind::PermissionDenied => Failure::error(403, error.to_string()),
        _ => Failure::error(500, error.to_string()),
    }
}

fn trim_slash(mut path: Vec<u8>) -> Vec<u8> {
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    path
}

/// Whether a pattern hides a file: one with a slash hides that path and what is below it
/// (or matches whole paths), one without hides every part of that name.
fn is_hidden(name: &[u8], pattern: &[u8]) -> bool {
    if !pattern.contains(&b'/') {
        return name.split(|b| *b == b'/').any(|part| glob::matches(pattern, part));
    }
    let below = |prefix: &[u8]| {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || prefix.ends_with(b"/"))
    };
    below(pattern) || glob::matches(pattern, name)
}

/// Whether a modification time is one: archives without times unpack to these.
fn is_real(modified: SystemTime) -> bool {
    modified.duration_since(UNIX_EPOCH).is_ok_and(|since| since > Duration::from_secs(1))
}

fn etag(modified: SystemTime, separator: &str, len: u64) -> HeaderValue {
    let nanos = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let tag = format!("\"{}{separator}{}\"", base36(nanos), base36(len.into()));
    HeaderValue::try_from(tag).expect("digits and letters are a value")
}

fn base36(mut n: u128) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[usize::try_from(n % 36).unwrap_or(0)]);
        n /= 36;
        if n == 0 {
            break;
        }
    }
    digits.iter().rev().map(|d| char::from(*d)).collect()
}

/// What the request's conditions make of the file, in the order of RFC 9110, 13.2.2.
fn verdict(ex: &Exchange<'_>, tag: Option<&HeaderValue>, modified: Option<SystemTime>) -> Verdict {
    let field = |name: HeaderName| ex.headers().get(name).and_then(|v| v.to_str().ok());
    let tag = tag.and_then(|t| t.to_str().ok()).unwrap_or_default();
    if let Some(tags) = field(IF_MATCH) {
        if !listed(tags, tag, true) {
            return Verdict::Not(412);
        }
    } else if let Some(date) = field(IF_UNMODIFIED_SINCE)
        && newer(modified, date) == Some(true)
    {
        return Verdict::Not(412);
    }
    if let Some(tags) = field(IF_NONE_MATCH) {
        if listed(tags, tag, false) {
            return Verdict::Not(304);
        }
    } else if let Some(date) = field(IF_MODIFIED_SINCE)
        && newer(modified, date) == Some(false)
    {
        return Verdict::Not(304);
    }
    Verdict::Send
}

/// Whether a list of tags has this one; the strong comparison takes no weak tags.
fn listed(tags: &str, tag: &str, strong: bool) -> bool {
    tags.split(',').map(str::trim).any(|t| {
        let weak = t.strip_prefix("W/");
        t == "*" || (weak.unwrap_or(t) == tag && !tag.is_empty() && !(strong && weak.is_some()))
    })
}

/// Whether the file is newer than a date, in whole seconds.
fn newer(modified: Option<SystemTime>, date: &str) -> Option<bool> {
    let seconds = |t: SystemTime| t.duration_since(UNIX_EPOCH).map(|d| d.as_secs()).ok();
    let date = httpdate::parse_http_date(date).ok()?;
    Some(seconds(modified?)? > seconds(date)?)
}

fn wanted_ranges(
    ex: &Exchange<'_>,
    tag: Option<&HeaderValue>,
    modified: Option<SystemTime>,
    len: u64,
) -> Ranges {
    let text = |name: HeaderName| ex.headers().get(name).and_then(|v| v.to_str().ok());
    let Some(wanted) = text(RANGE) else { return Ranges::All };
    if let Some(condition) = text(IF_RANGE) {
        let tag = tag.and_then(|t| t.to_str().ok());
        let same = if condition.starts_with(['"', 'W']) {
            tag == Some(condition)
        } else {
            // The date must be the very one that was sent.
            newer(modified, condition) == Some(false)
                && modified.is_some_and(|m| httpdate::fmt_http_date(m) == condition)
        };
        if !same {
            return Ranges::All;
        }
    }
    range::parse(wanted, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_caddys_or_frankenphps() {
        let modified = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(etag(modified, "-", 12), "\"cwyvpelgpse8-c\"");
        assert_eq!(etag(modified, "", 12), "\"cwyvpelgpse8c\"");
    }

    #[track_caller]
    fn check_hidden(pattern: &str, name: &str, expected: bool) {
        assert_eq!(is_hidden(name.as_bytes(), pattern.as_bytes()), expected, "{pattern} {name}");
    }

    #[test]
    fn names_and_paths_are_hidden() {
        check_hidden(".hidden", "/srv/.hidden", true);
        check_hidden("*.php", "/srv/a.php", true);
        check_hidden("*.php", "/srv/A.PHP", false);
        check_hidden("sub", "/srv/sub/index.html", true);
        check_hidden("/srv/a", "/srv/a/style.css", true);
        check_hidden("/srv/a", "/srv/ab", false);
        check_hidden("/srv/*.txt", "/srv/x.txt", true);
    }

    #[test]
    fn tags_are_compared_weakly_and_strongly() {
        assert!(listed("\"a\", W/\"b\"", "\"b\"", false));
        assert!(!listed("W/\"b\"", "\"b\"", true));
        assert!(listed("*", "\"b\"", true));
        assert!(!listed("\"c\"", "\"b\"", false));
    }
}
