//! Files that templates read, all below one folder.

use go_template::{Error, Object, Result, Value};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The longest file that a template reads.
const LENGTH_MAX: u64 = 64 * 1024 * 1024;

/// A name below the root, whatever dots are in it.
fn below(root: &Path, name: &str) -> Result<PathBuf> {
    if name.contains('\0') {
        return Err(Error::new(format!("open {name:?}: invalid character in file path")));
    }
    let mut path = PathBuf::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(path.pop()),
            part => path.push(part),
        }
    }
    Ok(root.join(path))
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> Error {
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(text.as_str(), |(said, _)| said);
    Error::new(format!("{doing} {}: {}", path.display(), text.to_lowercase()))
}

fn open(root: &Path, name: &str) -> Result<(File, Metadata)> {
    let path = below(root, name)?;
    let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
    opened.map(|(metadata, file)| (file, metadata)).map_err(|e| failed("open", &path, &e))
}

/// The text of a file.
pub(super) fn read(root: &Path, name: &str) -> Result<String> {
    let (file, _) = open(root, name)?;
    let mut bytes = Vec::new();
    let read = file.take(LENGTH_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|e| failed("read", &root.join(name.trim_start_matches('/')), &e))?;
    if bytes.len() as u64 > LENGTH_MAX {
        return Err(Error::new(format!("read {name}: longer than {LENGTH_MAX} bytes")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a file can be opened.
pub(super) fn exists(root: &Path, name: &str) -> bool {
    open(root, name).is_ok()
}

/// The names in a folder.
pub(super) fn list(root: &Path, name: &str) -> Result<Value> {
    let (_, metadata) = open(root, name)?;
    if !metadata.is_dir() {
        return Err(Error::new(format!("{name} is not a directory")));
    }
    let path = below(root, name)?;
    let entries = std::fs::read_dir(&path).map_err(|e| failed("open", &path, &e))?;
    let names =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    Ok(Value::strings(names))
}

/// What the disk says of a file.
pub(super) fn stat(root: &Path, name: &str) -> Result<Value> {
    let (_, metadata) = open(root, name)?;
    let path = below(root, name)?;
    let base = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Value::Object(Rc::new(Stat { name: base, metadata })))
}

/// A file's name, size and times, as Go's `fs.FileInfo`.
struct Stat {
    name: String,
    metadata: Metadata,
}

impl Object for Stat {
    fn type_name(&self) -> &str {
        "*os.fileStat"
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<Result<Value>> {
        Some(Ok(match name {
            "Name" => self.name.as_str().into(),
            "Size" => Value::Int(i64::try_from(self.metadata.len()).unwrap_or(i64::MAX)),
            "IsDir" => self.metadata.is_dir().into(),
            "Mode" => {
                let (mode, is_dir) = (self.metadata.permissions().mode(), self.metadata.is_dir());
                Value::Object(Rc::new(Mode {
                    bits: mode & 0o777,
                    is_dir,
                    is_file: self.metadata.is_file(),
                }))
            }
            "ModTime" => {
                let at = self.metadata.modified().map_err(|e| Error::new(e.to_string()));
                let at = at.and_then(go_template::sprig::dates::time_of);
                return Some(at);
            }
            _ => return None,
        }))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A file's mode, as Go's `fs.FileMode`.
struct Mode {
    bits: u32,
    is_dir: bool,
    is_file: bool,
}

impl Object for Mode {
    fn type_name(&self) -> &str {
        "fs.FileMode"
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<Result<Value>> {
        Some(Ok(match name {
            "IsDir" => self.is_dir.into(),
            "IsRegular" => self.is_file.into(),
            "Perm" => {
                Value::Object(Rc::new(Self { bits: self.bits, is_dir: false, is_file: true }))
            }
            "String" => self.print().into(),
            _ => return None,
        }))
    }

    /// As `-rw-r--r--`.
    fn print(&self) -> String {
        let kind = if self.is_dir { 'd' } else { '-' };
        let flags = "rwxrwxrwx".chars().enumerate();
        let flags = flags.map(|(i, c)| if self.bits >> (8 - i) & 1 == 1 { c } else { '-' });
        std::iter::once(kind).chain(flags).collect()
    }

    fn number(&self) -> Option<i64> {
        Some(i64::from(self.bits) | if self.is_dir { 1 << 31 } else { 0 })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_root() {
        let check = |name: &str, expected: &str| {
            assert_eq!(
                below(Path::new("/srv"), name).expect("a name"),
                Path::new(expected),
                "{name}"
            );
        };
        check("/a/b.html", "/srv/a/b.html");
        check("../../etc/passwd", "/srv/etc/passwd");
        check("a/../../b", "/srv/b");
        check("./", "/srv");
        assert!(below(Path::new("/srv"), "a\0b").is_err());
    }
}
