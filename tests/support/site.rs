//! A folder with a Caddyfile and scripts, removed when the test ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own.
pub(crate) struct Site {
    folder: PathBuf,
}

impl Site {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("site-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder under target/tmp");
        Self { folder }
    }

    /// A folder with a Caddyfile, in which `{$PORT}` is the port of the server to come.
    pub(crate) fn with_caddyfile(text: &str) -> Self {
        Self::new().file("Caddyfile", text)
    }

    /// `php_server` over `public/`, with more global options.
    pub(crate) fn php(options: &str) -> Self {
        Self::with_caddyfile(&format!(
            "{{\n\tadmin off\n{options}\n}}\n:{{$PORT}} {{\n\troot public\n\tphp_server\n}}\n"
        ))
    }

    /// The same with one more file.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().expect("a file in the folder")).expect("a folder");
        fs::write(path, text).expect("written");
        self
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What is left over lies under target/ and disturbs nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
