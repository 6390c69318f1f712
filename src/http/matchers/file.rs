//! `file { try_files … }`: one of these files exists below the root.
//!
//! What was found is left in `{http.matchers.file.relative}`, `.absolute`, `.type` and
//! `.remainder`. A name with a trailing slash means a directory, one without a file;
//! `split_path` cuts the rest of a path off behind a script's name.

mod disk;

use crate::blocking;
use crate::config::matchers::File as Config;
use crate::http::exchange::{Exchange, Failure};
use crate::http::glob as pattern;
use crate::http::placeholder::{FilePart, Template, Unknown};
use crate::http::server::ProvisionError;
use crate::http::uri;
use disk::Kind;
use smallvec::{SmallVec, smallvec};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(crate) use disk::Disk;

/// The compiled matcher.
#[derive(Debug)]
pub(crate) struct File {
    root: Template,
    candidates: Vec<Candidate>,
    policy: Policy,
    splits: Vec<String>,
}

#[derive(Debug)]
struct Candidate {
    name: Name,
    /// Only a directory will do.
    directory: bool,
    /// What is added to a name of the request, with its slash: other routes often ask for
    /// the rest.
    below: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Name {
    /// `=404`: the request ends with this status.
    Status(u16),
    Plain(Template),
    /// The configured text has characters of a pattern.
    Glob(Template),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    FirstExist,
    /// The last name is taken whatever it is.
    FirstExistFallback,
    SmallestSize,
    LargestSize,
    MostRecentlyModified,
}

/// What the matcher found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileMatch {
    relative: Vec<u8>,
    /// Absolute or, as the root is, relative to the working directory.
    file: Vec<u8>,
    directory: bool,
    remainder: Vec<u8>,
}

impl FileMatch {
    /// Whether this is the file that was found, named as it was looked for.
    pub(crate) fn is_file(&self, name: &[u8]) -> bool {
        !self.directory && self.file == name
    }

    /// The value of one of its placeholders.
    pub(crate) fn part(&self, part: FilePart) -> Cow<'_, [u8]> {
        match part {
            FilePart::Relative => Cow::Borrowed(&self.relative),
            FilePart::Absolute => absolute(&self.file),
            FilePart::Type if self.directory => Cow::Borrowed(b"directory"),
            FilePart::Type => Cow::Borrowed(b"file"),
            FilePart::Remainder => Cow::Borrowed(&self.remainder),
        }
    }
}

impl File {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        if !config.fs.is_empty() {
            let text = format!("the file system \"{}\" is not supported yet", config.fs);
            return Err(ProvisionError::Invalid(text).within("file.fs"));
        }
        let policy = match config.try_policy.as_str() {
            "" | "first_exist" => Policy::FirstExist,
            "first_exist_fallback" => Policy::FirstExistFallback,
            "smallest_size" => Policy::SmallestSize,
            "largest_size" => Policy::LargestSize,
            "most_recently_modified" => Policy::MostRecentlyModified,
            other => {
                return Err(ProvisionError::Invalid(format!("unknown try policy {other}")));
            }
        };
        let names = match config.try_files.as_slice() {
            [] => &["{http.request.uri.path}".to_owned()],
            names => names,
        };
        let root = if config.root.is_empty() { "{http.vars.root}" } else { &config.root };
        Ok(Self {
            root: Template::new(root, Unknown::Vanishes),
            candidates: names.iter().map(|name| candidate(name)).collect(),
            policy,
            splits: config.split_path.clone(),
        })
    }

    pub(super) fn matches(&self, ex: &mut Exchange<'_>) -> Result<bool, Failure> {
        if !ex.has_usual_files() {
            return Ok(false);
        }
        let mut disk = std::mem::take(&mut ex.disk);
        let root = match self.root.fill(ex) {
            root if root.is_empty() => Cow::Borrowed(&b"."[..]),
            root => root,
        };
        let found = match self.policy {
            Policy::FirstExist | Policy::FirstExistFallback => self.first(ex, &root, &mut disk)?,
            Policy::SmallestSize => self.best(ex, &root, |m| std::cmp::Reverse(m.len())),
            Policy::LargestSize => self.best(ex, &root, Metadata::len),
            Policy::MostRecentlyModified => self.best(ex, &root, |m| m.modified().ok()),
        };
        let matched = found.is_some();
        if matched {
            ex.file_match = found;
        }
        ex.disk = disk;
        Ok(matched)
    }

    fn first(
        &self,
        ex: &Exchange<'_>,
        root: &[u8],
        disk: &mut Disk,
    ) -> Result<Option<FileMatch>, Failure> {
        for (i, candidate) in self.candidates.iter().enumerate() {
            if let Name::Status(status) = candidate.name {
                return Err(Failure::error(status, status.to_string()));
            }
            let fallback =
                self.policy == Policy::FirstExistFallback && i + 1 == self.candidates.len();
            for mut found in self.paths(candidate, ex, root, fallback) {
                let below = candidate.below.as_deref();
                let folder = below.and_then(|below| found.file.strip_suffix(below));
                let folder = folder.filter(|folder| folder.len() > root.len());
                if folder.is_some_and(|folder| disk.look(folder) != Kind::Folder) {
                    continue;
                }
                let kind = disk.look(&found.file);
                let is_folder = kind == Kind::Folder;
                if kind != Kind::Nothing && (fallback || is_folder == candidate.directory) {
                    found.directory = is_folder && !fallback;
                    found.relative = relative(&found.file, root);
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The file whose key is the greatest.
    fn best<K: Ord>(
        &self,
        ex: &Exchange<'_>,
        root: &[u8],
        key: impl Fn(&Metadata) -> K,
    ) -> Option<FileMatch> {
        let mut best: Option<(K, FileMatch)> = None;
        for candidate in &self.candidates {
            for mut found in self.paths(candidate, ex, root, false) {
                let Some(meta) = stat(&found.file) else { continue };
                found.directory = meta.is_dir();
                if best.as_ref().is_none_or(|(than, _)| key(&meta) > *than) {
                    best = Some((key(&meta), found));
                }
            }
        }
        best.map(|(_, found)| FileMatch { relative: relative(&found.file, root), ..found })
    }

    /// The files that a name stands for; whether they exist is not known yet. A name that
    /// only a request makes a folder's is nobody's, unless it is the last resort.
    fn paths(
        &self,
        candidate: &Candidate,
        ex: &Exchange<'_>,
        root: &[u8],
        fallback: bool,
    ) -> SmallVec<[FileMatch; 1]> {
        let name = match &candidate.name {
            Name::Status(_) => return SmallVec::new(),
            Name::Plain(template) => template.fill(ex),
            Name::Glob(template) => template.fill_with(ex, |_, value| escape_glob(&value).into()),
        };
        let cleaned = uri::clean(&name);
        let is_folder = name.ends_with(b"/") && *cleaned != *b"/";
        if is_folder && !candidate.directory && !fallback {
            let named = [&cleaned[..], b"/"].concat();
            if split(&named, &self.splits).0.ends_with(b"/") {
                return SmallVec::new();
            }
        }
        let (script, rest) = split(&cleaned, &self.splits);
        let full = match candidate.directory {
            true => uri::join_below(root, &[script, b"/"].concat()),
            false => uri::join_below(root, script),
        };
        let found = |file| FileMatch { file, remainder: rest.to_vec(), ..FileMatch::default() };
        match &candidate.name {
            Name::Glob(_) => expand(&full, root).into_iter().map(found).collect(),
            _ => smallvec![found(full)],
        }
    }
}

fn candidate(name: &str) -> Candidate {
    let status = name.strip_prefix('=').and_then(|s| s.parse().ok());
    let text = Template::new(name, Unknown::Vanishes);
    // Only the configured text can be a pattern, not what placeholders bring.
    let mut bare = String::new();
    let mut depth = 0;
    for c in name.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    let below = text.tail().filter(|tail| tail.starts_with(b"/")).map(<[u8]>::to_vec);
    let name_of = match status {
        Some(status) => Name::Status(status),
        None if pattern::has_meta(bare.as_bytes()) => Name::Glob(text),
        None => Name::Plain(text),
    };
    Candidate { name: name_of, directory: name.ends_with('/'), below }
}

/// Cuts a path behind the first of these that ends a segment and is not all of the path.
fn split<'p>(path: &'p [u8], splits: &[String]) -> (&'p [u8], &'p [u8]) {
    for end in splits.iter().map(String::as_bytes).filter(|s| !s.is_empty()) {
        let found = path.windows(end.len()).position(|w| w.eq_ignore_ascii_case(end));
        let Some(at) = found.map(|at| at + end.len()) else { continue };
        if path.get(at) == Some(&b'/') {
            return path.split_at(at);
        }
    }
    (path, b"")
}

fn escape_glob(text: &[u8]) -> Vec<u8> {
    let escaped = |b: &u8| -> Vec<u8> {
        // The glob crate escapes with classes, not with a backslash.
        if b"*?[]".contains(b) { vec![b'[', *b, b']'] } else { vec![*b] }
    };
    text.iter().flat_map(escaped).collect()
}

fn expand(pattern: &[u8], root: &[u8]) -> Vec<Vec<u8>> {
    // The root is no pattern, whatever characters it has.
    let below = pattern.strip_prefix(root).unwrap_or(pattern);
    let whole = [&escape_glob(root), below].concat();
    let Ok(text) = String::from_utf8(whole) else { return Vec::new() };
    let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
    let found = glob::glob_with(&text, options).into_iter().flatten().filter_map(Result::ok);
    let directory = pattern.ends_with(b"/");
    let named = found.map(|path| {
        let mut name = path.into_os_string().into_encoded_bytes();
        if directory && !name.ends_with(b"/") {
            name.push(b'/');
        }
        name
    });
    named.collect()
}

fn relative(file: &[u8], root: &[u8]) -> Vec<u8> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let below = file.strip_prefix(root).unwrap_or(file);
    let below = below.strip_prefix(b"/").unwrap_or(below);
    let mut relative = Vec::with_capacity(below.len() + 1);
    relative.push(b'/');
    relative.extend_from_slice(below);
    relative
}

fn absolute(file: &[u8]) -> Cow<'_, [u8]> {
    if file.starts_with(b"/") {
        return Cow::Borrowed(file);
    }
    match std::path::absolute(OsStr::from_bytes(file)) {
        Ok(path) => Cow::Owned(path.into_os_string().into_encoded_bytes()),
        Err(_) => Cow::Borrowed(file),
    }
}

fn stat(file: &[u8]) -> Option<Metadata> {
    blocking::look(|| fs::metadata(Path::new(OsStr::from_bytes(file)))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_split(path: &str, script: &str, rest: &str) {
        let (s, r) = split(path.as_bytes(), &[".php".to_owned()]);
        assert_eq!((s, r), (script.as_bytes(), rest.as_bytes()), "{path}");
    }

    #[test]
    fn a_path_is_cut_behind_a_script_that_ends_a_segment() {
        check_split("/a.php", "/a.php", "");
        check_split("/a.php/path/info", "/a.php", "/path/info");
        check_split("/A.PHP/x", "/A.PHP", "/x");
        check_split("/a.php.bak", "/a.php.bak", "");
        check_split("/plain", "/plain", "");
    }

    #[test]
    fn only_the_configured_text_is_a_pattern() {
        assert!(matches!(candidate("{http.vars.x}[1]").name, Name::Glob(_)));
        assert!(matches!(candidate("{http.request.uri.path}").name, Name::Plain(_)));
        assert!(matches!(candidate("=404").name, Name::Status(404)));
        assert!(candidate("{http.request.uri.path}/").directory);
        assert_eq!(escape_glob(b"a*b"), b"a[*]b");
    }

    #[test]
    fn relative_names_begin_with_a_slash() {
        assert_eq!(relative(b"/srv/a/b", b"/srv/"), b"/a/b");
        assert_eq!(relative(b"./index.php", b"."), b"/index.php");
    }
}
