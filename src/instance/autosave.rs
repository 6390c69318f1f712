//! The running configuration on disk, for `run --resume`.

use crate::logging::{Level, Logs};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where it is: Caddy's place, so that either resumes what the other ran.
pub fn path() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".config"));
    let base = set("XDG_CONFIG_HOME").or_else(home);
    base.map_or_else(|| PathBuf::from("./caddy"), |base| base.join("caddy")).join("autosave.json")
}

/// Writes a configuration there. One that cannot be written runs all the same.
pub(super) fn write(json: &str, logs: &Logs) {
    let path = path();
    let shown = path.display().to_string();
    match save(&path, json) {
        Ok(()) => {
            let text = "autosaved config (load with --resume flag)";
            logs.write(Level::Info, "", text, |o| o.str("file", &shown));
        }
        Err(error) => logs.write(Level::Error, "", "unable to autosave config", |o| {
            o.str("file", &shown);
            o.str("error", &error.to_string());
        }),
    }
}

/// A reader sees the old configuration or the new one, never a part.
fn save(path: &Path, json: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let written = file.write_all(json.as_bytes()).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_replaced_whole_and_for_its_owner_only() {
        let folder = std::env::temp_dir().join(format!("pogo-autosave-{}", std::process::id()));
        let path = folder.join("below/autosave.json");
        save(&path, "{\"longer\":1}").expect("written");
        save(&path, "{}").expect("written again");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "{}");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = std::fs::read_dir(path.parent().expect("a folder")).expect("read").count();
        assert_eq!(files, 1);
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
