//! Where files and environment variables come from.

/// What the parser needs from the outside: files to import and environment
/// variables to substitute.
///
/// Paths are text with `/` between their elements, as users write them.
pub trait Loader {
    /// The whole of a file.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or read, or is a directory.
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError>;

    /// The files whose names match `pattern`, an absolute path in which `*`
    /// stands for any run of characters and `?` for any one of them, but never
    /// for `/`. In the order of their names; none is not an error. A pattern
    /// without wildcards matches the file of that name if it exists.
    ///
    /// # Errors
    ///
    /// When the pattern is malformed; the text says how.
    fn glob(&self, pattern: &str) -> Result<Vec<String>, String>;

    /// `path` made absolute and free of `.` and `..`.
    ///
    /// # Errors
    ///
    /// When the working directory is not known; the text says why.
    fn absolute(&self, path: &str) -> Result<String, String>;

    /// The value of an environment variable; `None` when it is not set.
    fn env(&self, name: &str) -> Option<Vec<u8>>;
}

/// Why a file could not be had. The texts say what the system said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// It could not be opened: `open PATH: no such file or directory`.
    Open(String),
    /// It is a directory.
    Directory,
    /// It was opened, but reading failed: `read PATH: input/output error`.
    Read(String),
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::{LoadError, Loader};
    use crate::disk;
    use crate::path;

    /// A loader of files that a test made up, in the directory `/w`.
    #[derive(Default)]
    pub(crate) struct Memory {
        files: BTreeMap<String, Vec<u8>>,
        env: BTreeMap<String, Vec<u8>>,
    }

    impl Memory {
        /// With a file; a relative path is under `/w`.
        pub(crate) fn with_file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
            self.files.insert(path::beside("/w/Caddyfile", path), content.into());
            self
        }

        /// With an environment variable.
        pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
            self.env.insert(name.to_owned(), value.as_bytes().to_vec());
            self
        }
    }

    impl Loader for Memory {
        fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
            let below = format!("{path}/");
            if self.files.keys().any(|file| file.starts_with(&below)) {
                return Err(LoadError::Directory);
            }
            self.files
                .get(path)
                .cloned()
                .ok_or_else(|| LoadError::Open(format!("open {path}: no such file or directory")))
        }

        fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
            let matched = |file: &&String| {
                let same_depth = pattern.matches('/').count() == file.matches('/').count();
                same_depth
                    && pattern.split('/').zip(file.split('/')).all(|(p, f)| disk::matches(p, f))
            };
            Ok(self.files.keys().filter(matched).cloned().collect())
        }

        fn absolute(&self, path: &str) -> Result<String, String> {
            Ok(path::clean(&path::beside("/w/Caddyfile", path)))
        }

        fn env(&self, name: &str) -> Option<Vec<u8>> {
            self.env.get(name).cloned()
        }
    }
}
