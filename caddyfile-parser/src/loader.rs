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
