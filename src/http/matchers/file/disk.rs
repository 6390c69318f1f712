//! What the `file` matchers of a request saw on the disk.
//!
//! Routes that follow one another ask for the same names: `php_server` for
//! `/a.php/index.php`, then for `/a.php`. Nothing is below a file, nor below what is not
//! there, so one look at the latter answers both. A handler may change the disk: what was
//! seen before it ran counts no more.

use crate::blocking;
use rustix::fs::FileType;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing that can be reached.
    Nothing,
    /// A file of any sort.
    File,
    /// A directory.
    Folder,
}

/// Names, and what they stood for.
#[derive(Debug, Default)]
pub(crate) struct Disk(Vec<(Box<[u8]>, Kind)>);

impl Disk {
    /// Forgets what was seen.
    pub(in crate::http) fn forget(&mut self) {
        self.0.clear();
    }

    /// What a name stands for; with a slash at its end, a folder or nothing.
    pub(super) fn look(&mut self, name: &[u8]) -> Kind {
        let bare = name.strip_suffix(b"/").filter(|bare| !bare.is_empty());
        let kind = match self.seen(bare.unwrap_or(name)) {
            Some(kind) => kind,
            None => self.add(bare.unwrap_or(name)),
        };
        if bare.is_some() && kind == Kind::File { Kind::Nothing } else { kind }
    }

    fn seen(&self, name: &[u8]) -> Option<Kind> {
        self.0.iter().find_map(|(seen, kind)| match name.strip_prefix(&**seen)? {
            b"" => Some(*kind),
            [b'/', ..] if *kind != Kind::Folder => Some(Kind::Nothing),
            _ => None,
        })
    }

    fn add(&mut self, name: &[u8]) -> Kind {
        let kind = match blocking::look(|| rustix::fs::stat(name)) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_dir() => Kind::Folder,
            Ok(_) => Kind::File,
            Err(_) => Kind::Nothing,
        };
        self.0.push((name.into(), kind));
        kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn one_look_answers_for_what_is_below_until_it_is_forgotten() {
        let folder = std::env::temp_dir().join(format!("pogo-disk-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("sub")).expect("the folder is made");
        std::fs::write(folder.join("a"), "").expect("the file is written");
        let mut disk = Disk::default();
        let mut check = |name: &str, expected: Kind, looks: usize| {
            let path = [folder.as_os_str().as_bytes(), b"/", name.as_bytes()].concat();
            assert_eq!((disk.look(&path), disk.0.len()), (expected, looks), "{name}");
        };
        check("a", Kind::File, 1);
        check("a/b", Kind::Nothing, 1);
        check("a/", Kind::Nothing, 1);
        check("ab", Kind::Nothing, 2);
        check("ab/c/d", Kind::Nothing, 2);
        check("sub/", Kind::Folder, 3);
        check("sub", Kind::Folder, 3);
        check("sub/x", Kind::Nothing, 4);
        std::fs::write(folder.join("ab"), "").expect("the file is written");
        check("ab", Kind::Nothing, 4);
        disk.forget();
        let path = folder.join("ab");
        assert_eq!(disk.look(path.as_os_str().as_bytes()), Kind::File);
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    }
}
