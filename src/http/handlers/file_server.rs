//! `file_server`: files below a root.
//!
//! ```caddyfile
//! root /srv/www
//! file_server
//! ```
//!
//! is `{"handler":"file_server","root":"…","hide":["./Caddyfile"]}`. Index files are
//! `index.html` and `index.txt`; a directory's address ends with a slash and a file's does
//! not, others are redirected. Conditions and ranges are Go's. A folder without an index file
//! is 404, or a page that lists it (`browse`).
//!
//! [`read`] is how bytes come off the disk, [`hide`] what does not show, [`sidecar`] the files
//! that lie beside a file, [`mime`] which type a name means; [`conditions`] and [`range`] say
//! what of a file is wanted, [`send`] sends it. [`browse`] lists folders.

mod browse;
mod conditions;
mod hide;
mod mime;
mod range;
mod read;
mod send;
mod sidecar;

use super::answer;
use crate::config::handlers::FileServer as Config;
use crate::http::exchange::{Exchange, Failure, Flow, Outcome};
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::{Provision, ProvisionError};
use crate::http::uri;
use browse::Browse;
use hide::{Hidden, Hide};
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, ETAG, RETRY_AFTER, VARY};
use http::{HeaderValue, Method};
use read::Kind;
use sidecar::Sidecars;
use smallvec::SmallVec;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When a client shall come again that met a server without a descriptor left, in seconds.
const RETRY: u64 = 5;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct FileServer {
    /// The name of the file system. There is one: the machine's.
    fs: Template,
    root: Template,
    hide: Hide,
    index_names: Vec<Template>,
    browse: Option<Browse>,
    canonical: bool,
    status: Option<Template>,
    pass_thru: bool,
    sidecars: Sidecars,
    /// Extensions of files that hold a tag.
    tag_extensions: Vec<String>,
    etag_separator: &'static str,
}

/// What a path stands for.
enum Found {
    File(Served),
    /// A directory of this name without an index file.
    Directory(Vec<u8>),
    Nothing,
}

/// A file that was found, and is open: what is said of it and what is sent of it are the
/// same file, even when another one takes its name meanwhile.
struct Served {
    /// Its name on disk.
    name: Vec<u8>,
    file: read::File,
    meta: Metadata,
    /// It is the index of the directory that was asked for.
    is_index: bool,
}

/// What is sent: the file, or its compressed form.
struct Content {
    file: read::File,
    len: u64,
}

impl FileServer {
    pub(super) fn provision(
        config: &Config,
        provision: &Provision<'_>,
    ) -> Result<Self, ProvisionError> {
        mime::prepare();
        let invalid = |text: String| ProvisionError::Invalid(format!("file_server: {text}"));
        let template = |text: &str| Template::new(text, Unknown::Vanishes);
        let or = |text: &str, other: &str| template(if text.is_empty() { other } else { text });
        let defaults = || vec!["index.html".to_owned(), "index.txt".to_owned()];
        let index_names = config.index_names.clone().unwrap_or_else(defaults);
        Ok(Self {
            fs: or(&config.fs, "{http.vars.fs}"),
            root: or(&config.root, "{http.vars.root}"),
            hide: Hide::new(&config.hide),
            index_names: index_names.iter().map(|n| template(n)).collect(),
            browse: config.browse.as_ref().map(Browse::new).transpose().map_err(invalid)?,
            canonical: config.canonical_uris.unwrap_or(true),
            status: config.status_code.as_ref().map(|s| template(&s.0)),
            pass_thru: config.pass_thru,
            sidecars: Sidecars::new(config).map_err(invalid)?,
            tag_extensions: config.etag_file_extensions.clone(),
            etag_separator: provision.etag_separator(),
        })
    }

    pub(super) async fn run(&self, ex: &mut Exchange<'_>) -> Outcome {
        let path = ex.target.path.clone();
        if path.contains(&0) {
            return Err(Failure::error(400, "path holds a NUL byte"));
        }
        if !matches!(&*self.fs.fill(ex), b"" | b"default") {
            return Err(Failure::error(404, "filesystem not found"));
        }
        let root = match self.root.fill(ex) {
            root if root.is_empty() => b".".to_vec(),
            root => root.into_owned(),
        };
        let hidden = self.hide.fill(ex);
        let file = match self.find(ex, &root, &path, &hidden) {
            Ok(Found::File(file)) => file,
            Ok(Found::Directory(name)) => match &self.browse {
                Some(browse) if !hidden.hides(&name) => {
                    return match self.slash_missing(ex) {
                        Some(location) => answer::redirect(ex, 308, &location).await,
                        None => {
                            let root = PathBuf::from(OsString::from_vec(root));
                            browse.run(ex, self.pass_thru, root, name, hidden).await
                        }
                    };
                }
                _ => return self.nothing(),
            },
            Ok(Found::Nothing) => return self.nothing(),
            Err(error) => return Err(failure(ex, &error)),
        };
        if let Some(location) = self.canonical_location(ex, &file) {
            return answer::redirect(ex, 308, &location).await;
        }
        ex.response.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        // An error page is sent whatever the method was.
        if !matches!(ex.method, Method::GET | Method::HEAD) && ex.error.is_none() {
            ex.response.headers.append(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Err(Failure::status(405));
        }
        self.serve(ex, file, &hidden).await
    }

    /// What comes of a path that stands for nothing.
    fn nothing(&self) -> Outcome {
        if self.pass_thru { Ok(Flow::Next) } else { Err(Failure::status(404)) }
    }

    /// What a path stands for.
    fn find(
        &self,
        ex: &Exchange<'_>,
        root: &[u8],
        path: &[u8],
        hidden: &Hidden,
    ) -> io::Result<Found> {
        let name = trim_slash(uri::join_below(root, path));
        let served = match read::find(&name)? {
            None => return Ok(Found::Nothing),
            Some(Kind::File(file, meta)) => Served { name, file, meta, is_index: false },
            Some(Kind::Directory) => {
                for index in &self.index_names {
                    let index = uri::join_below(&name, &index.fill(ex));
                    if hidden.hides(&index) {
                        continue;
                    }
                    if let Some(Kind::File(file, meta)) = read::find(&index)? {
                        let index = Served { name: index, file, meta, is_index: true };
                        return Ok(Found::File(index));
                    }
                }
                return Ok(Found::Directory(name));
            }
        };
        Ok(if hidden.hides(&served.name) { Found::Nothing } else { Found::File(served) })
    }

    /// Where the address should end with a slash and does not, or the other way round.
    fn canonical_location(&self, ex: &Exchange<'_>, file: &Served) -> Option<Vec<u8>> {
        if !self.canonical {
            return None;
        }
        let asked = ex.original_uri();
        let asked = asked.split(|b| *b == b'?').next().unwrap_or_default();
        let may_end = asked.ends_with(b"/") || asked.to_ascii_lowercase().ends_with(b"%2f");
        if may_end == file.is_index {
            return None;
        }
        let original = ex.original_target();
        if !keeps_name(ex, &original) {
            return None;
        }
        let slash = original.path.ends_with(b"/");
        match (file.is_index, slash) {
            (true, false) => location(&original, true),
            (false, true) => location(&original, false),
            _ => None,
        }
    }

    /// Where a directory's address should end with a slash and does not: links in its listing
    /// would lead elsewhere.
    fn slash_missing(&self, ex: &Exchange<'_>) -> Option<Vec<u8>> {
        let original = ex.original_target();
        let is_own = ex.target.path.is_empty() || keeps_name(ex, &original);
        (is_own && !original.path.ends_with(b"/")).then(|| location(&original, true)).flatten()
    }

    async fn serve(&self, ex: &mut Exchange<'_>, file: Served, hidden: &Hidden) -> Outcome {
        let modified = file.meta.modified().ok().filter(|m| is_real(*m));
        let sidecar = self.sidecars.find(ex, &file.name, hidden);
        // Somebody who sets a tag knows better.
        if ex.response.headers.get(ETAG).is_none_or(HeaderValue::is_empty) {
            let (name, meta) = match &sidecar {
                Some(sidecar) => (&sidecar.name, &sidecar.meta),
                None => (&file.name, &file.meta),
            };
            let tag = match sidecar::tag(name, &self.tag_extensions)? {
                None => etag(meta, self.etag_separator),
                tag => tag,
            };
            if let Some(tag) = tag {
                ex.response.set(ETAG, tag);
            }
        }
        let content = match sidecar {
            Some(sidecar) => {
                let name = HeaderValue::from_static(sidecar.encoding.name());
                ex.response.set(CONTENT_ENCODING, name);
                Content { file: sidecar.file, len: sidecar.meta.len() }
            }
            None => Content { file: file.file, len: file.meta.len() },
        };
        if ex.response.headers.get(CONTENT_TYPE).is_none_or(HeaderValue::is_empty) {
            match mime::of(&file.name) {
                Some(kind) => ex.response.set(CONTENT_TYPE, kind),
                None => ex.response.untyped = true,
            }
        }
        let status = match &self.status {
            None => ex.error.as_ref().map(|e| e.status),
            Some(template) => {
                let text = template.fill_text(ex).into_owned();
                Some(text.parse().map_err(|_| Failure::error(500, "status is not a number"))?)
            }
        };
        send::send(ex, &content, modified, status.filter(|status| *status > 0)).await
    }
}

/// Whether the last part of the path is the one that was asked for: after a rewrite of it, the
/// address is not the file's.
fn keeps_name(ex: &Exchange<'_>, original: &uri::Target) -> bool {
    let last = |path: &[u8]| path.rsplit(|b| *b == b'/').next().map(<[u8]>::to_vec);
    last(&trim_slash(ex.target.path.clone())) == last(&trim_slash(original.path.clone()))
}

/// An address with a slash at its end, or without one. Bytes of the path that would mean
/// something else in an address are escaped; what is not ASCII is not yet.
fn location(original: &uri::Target, slash: bool) -> Option<Vec<u8>> {
    let mut to = uri::escape_ascii_path(&original.path);
    if slash {
        to.push(b'/');
    } else {
        to = trim_slash(to);
    }
    // Two slashes in front would be another host.
    let start = to.iter().position(|b| *b != b'/').unwrap_or(to.len()).max(1) - 1;
    to.drain(..start);
    // A root that is a file itself has no other address.
    if to == uri::escape_ascii_path(&original.path) {
        return None;
    }
    // And what leads out of a folder only seems to be in it.
    let mut to = uri::clean(&to).into_owned();
    if slash && !to.ends_with(b"/") {
        to.push(b'/');
    }
    if let Some(query) = original.query.as_ref().filter(|q| !q.is_empty()) {
        to.push(b'?');
        to.extend_from_slice(query);
    }
    Some(to)
}

/// The failure that comes of a file that cannot be looked at.
fn failure(ex: &mut Exchange<'_>, error: &io::Error) -> Failure {
    use rustix::io::Errno;
    let text = error.to_string();
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) => Failure::status(404),
        Some(Errno::ACCESS | Errno::PERM) => Failure::error(403, text),
        Some(Errno::LOOP | Errno::NAMETOOLONG) => Failure::error(400, text),
        // The server has more to do than it can open files for.
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => {
            ex.response.set(RETRY_AFTER, RETRY.into());
            Failure::error(503, text)
        }
        _ => Failure::error(500, text),
    }
}

fn trim_slash(mut path: Vec<u8>) -> Vec<u8> {
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    path
}

/// Whether a modification time is one: archives without times unpack to these.
fn is_real(modified: SystemTime) -> bool {
    modified.duration_since(UNIX_EPOCH).is_ok_and(|since| since >= Duration::from_secs(2))
}

/// The tag of a file by its time and length; none when it has no time.
fn etag(meta: &Metadata, separator: &str) -> Option<HeaderValue> {
    let modified = meta.modified().ok().filter(|modified| is_real(*modified))?;
    Some(tag_of(modified, separator, meta.len()))
}

fn tag_of(modified: SystemTime, separator: &str, len: u64) -> HeaderValue {
    let nanos = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let mut tag = SmallVec::<[u8; 64]>::new();
    tag.push(b'"');
    base36(&mut tag, u64::try_from(nanos).unwrap_or(u64::MAX));
    tag.extend_from_slice(separator.as_bytes());
    base36(&mut tag, len);
    tag.push(b'"');
    HeaderValue::from_bytes(&tag).expect("digits and letters are a value")
}

/// Writes a number in digits and small letters.
fn base36(out: &mut SmallVec<[u8; 64]>, mut n: u64) {
    let from = out.len();
    loop {
        out.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[usize::try_from(n % 36).unwrap_or(0)]);
        n /= 36;
        if n == 0 {
            break;
        }
    }
    out[from..].reverse();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_caddys_or_frankenphps() {
        let modified = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(tag_of(modified, "-", 12), "\"cwyvpelgpse8-c\"");
        assert_eq!(tag_of(modified, "", 12), "\"cwyvpelgpse8c\"");
    }

    #[track_caller]
    fn check_location(asked: &str, slash: bool, expected: Option<&str>) {
        let target = uri::Target::parse(asked.as_bytes()).expect("a target");
        let got = location(&target, slash).map(|to| String::from_utf8_lossy(&to).into_owned());
        assert_eq!(got.as_deref(), expected, "{asked}");
    }

    #[test]
    fn a_location_keeps_the_query_and_never_names_a_host() {
        check_location("/a/b?q=1", true, Some("/a/b/?q=1"));
        check_location("//evil.test/a", true, Some("/evil.test/a/"));
        check_location("/a/b/", false, Some("/a/b"));
        check_location("/", false, None);
        check_location("/caf%C3%A9 %2525/", false, Some("/caf\u{e9}%20%2525"));
    }
}
