//! The loader of a running program: its file system and its environment.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::loader::{LoadError, Loader};
use crate::path;

/// Loads from the file system and from the process's environment. Errors are
/// worded as Go words them, which is what Caddy's users see.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Loader for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let open_error =
            |error: &io::Error| LoadError::Open(format!("open {path}: {}", reason(error)));
        let mut file = File::open(path).map_err(|error| open_error(&error))?;
        if file.metadata().map_err(|error| open_error(&error))?.is_dir() {
            return Err(LoadError::Directory);
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content)
            .map_err(|error| LoadError::Read(format!("read {path}: {}", reason(&error))))?;
        Ok(content)
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        if is_malformed(pattern) {
            return Err("syntax error in pattern".to_owned());
        }
        if !has_wildcard(pattern) {
            let exists = Path::new(pattern).symlink_metadata().is_ok();
            return Ok(exists.then(|| pattern.to_owned()).into_iter().collect());
        }
        let mut found = vec![if pattern.starts_with('/') { "/" } else { "." }.to_owned()];
        for element in pattern.split('/').filter(|element| !element.is_empty()) {
            found = found.iter().flat_map(|directory| step(directory, element)).collect();
        }
        Ok(found)
    }

    fn absolute(&self, path: &str) -> Result<String, String> {
        if path.starts_with('/') {
            return Ok(path::clean(path));
        }
        let directory =
            std::env::current_dir().map_err(|error| format!("getwd: {}", reason(&error)))?;
        Ok(path::clean(&format!("{}/{path}", directory.to_string_lossy())))
    }

    fn env(&self, name: &str) -> Option<Vec<u8>> {
        // These would make the standard library panic, and name no variable.
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        std::env::var_os(name).map(OsStringExt::into_vec)
    }
}

/// Whether `name` matches `pattern`, both without `/`: `*` stands for any run
/// of characters, `?` for any one, and `\` takes a wildcard's meaning away.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on when a character does not fit: behind the last `*`, which
    // then stands for one character more.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
                continue;
            }
            Some('?') => {
                (p, n) = (p + 1, n + 1);
                continue;
            }
            Some('\\') if pattern.get(p + 1) == Some(&name[n]) => {
                (p, n) = (p + 2, n + 1);
                continue;
            }
            Some(c) if *c != '\\' && *c == name[n] => {
                (p, n) = (p + 1, n + 1);
                continue;
            }
            _ => {}
        }
        let Some((star, at)) = retry else { return false };
        retry = Some((star, at + 1));
        (p, n) = (star + 1, at + 1);
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Whether a `\` has nothing to escape or a `[` is not escaped: the language
/// refuses `[…]`, so what is left of one is a mistake.
fn is_malformed(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        if c == '[' || (c == '\\' && characters.next().is_none()) {
            return true;
        }
    }
    false
}

fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '\\'])
}

/// What matches one element of a pattern in one directory, by name.
fn step(directory: &str, element: &str) -> Vec<String> {
    let join = |name: &str| match directory {
        "." => name.to_owned(),
        "/" => format!("/{name}"),
        _ => format!("{directory}/{name}"),
    };
    if !has_wildcard(element) {
        let path = join(element);
        let exists = Path::new(&path).symlink_metadata().is_ok();
        return exists.then_some(path).into_iter().collect();
    }
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| matches(element, name))
        .collect();
    names.sort();
    names.iter().map(|name| join(name)).collect()
}

/// The system's reason, as Go prints it.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::{Disk, matches};
    use crate::loader::{LoadError, Loader};

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
    }

    #[test]
    fn wildcards_match_within_a_name() {
        check("*.conf", "site.conf", true);
        check("*.conf", "site.conf.bak", false);
        check("*", "", true);
        check("a*b*c", "aXbYbZc", true);
        check("si?e", "site", true);
        check("si?e", "sie", false);
        check("plain", "plain", true);
        check("plain", "plainer", false);
    }

    #[test]
    fn an_escaped_wildcard_is_itself() {
        check(r"a\*", "a*", true);
        check(r"a\*", "ab", false);
    }

    #[test]
    fn errors_are_worded_as_the_system_words_them_in_lower_case() {
        let missing = "/nonexistent/Caddyfile";
        let expected = format!("open {missing}: no such file or directory");
        assert_eq!(Disk.read(missing), Err(LoadError::Open(expected)));
        assert_eq!(Disk.read("/"), Err(LoadError::Directory));
    }

    #[test]
    fn files_are_found_by_pattern_and_by_name() {
        let directory = env!("CARGO_MANIFEST_DIR");
        let manifest = format!("{directory}/Cargo.toml");
        assert_eq!(Disk.glob(&manifest), Ok(vec![manifest.clone()]));
        assert_eq!(Disk.glob(&format!("{directory}/Cargo.?oml")), Ok(vec![manifest.clone()]));
        assert_eq!(Disk.glob(&format!("{directory}/*.toml")), Ok(vec![manifest]));
        assert_eq!(Disk.glob(&format!("{directory}/none*")), Ok(Vec::new()));
        for malformed in ["/a[", r"/a\", r"/a\\\"] {
            assert_eq!(Disk.glob(malformed), Err("syntax error in pattern".to_owned()));
        }
        for odd in [r"/a\[", r"/a\\"] {
            assert_eq!(Disk.glob(odd), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_relative_path_is_under_the_working_directory() {
        let here = std::env::current_dir().expect("tests run in a directory");
        let expected = format!("{}/b", here.display());
        assert_eq!(Disk.absolute("a/../b"), Ok(expected));
        assert_eq!(Disk.absolute("/a/./b"), Ok("/a/b".to_owned()));
    }

    #[test]
    fn a_name_that_no_variable_can_have_is_not_set() {
        assert_eq!(Disk.env(""), None);
        assert_eq!(Disk.env("A=B"), None);
    }
}
