//! `pogo environ`: what the server would see of its environment.

use super::args::Args;
use super::load::Source;
use super::{help, terminal};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints it.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut source = Source::default();
    let mut args = Args::new("environ", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("environ"),
            "--envfile" => source.env_files.push(args.value()?),
            _ => return Err(args.unknown(&flag)),
        }
    }
    source.enter_environment(&["environ"])?;
    terminal::print(text())?;
    Ok(ExitCode::SUCCESS)
}

/// Where certificates and keys are kept: Caddy's place.
pub(super) fn data_folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".local/share"));
    let base = set("XDG_DATA_HOME").or_else(home);
    base.map_or_else(|| PathBuf::from("./caddy"), |base| base.join("caddy"))
}

/// Where things are, then every variable, a line each.
pub(super) fn text() -> String {
    let cwd = std::env::current_dir().unwrap_or_default();
    let home = std::env::var_os("HOME").unwrap_or_default();
    let config = crate::instance::autosave_path();
    let facts = [
        ("caddy.HomeDir", home.display().to_string()),
        ("caddy.AppDataDir", data_folder().display().to_string()),
        ("caddy.AppConfigDir", config.parent().unwrap_or(&config).display().to_string()),
        ("caddy.ConfigAutosavePath", config.display().to_string()),
        ("caddy.Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("runtime.GOOS", std::env::consts::OS.to_owned()),
        ("runtime.GOARCH", std::env::consts::ARCH.to_owned()),
        ("os.Getwd", cwd.display().to_string()),
    ];
    let facts = facts.into_iter().map(|(name, value)| format!("{name}={value}\n"));
    let variables = std::env::vars_os();
    let variables =
        variables.map(|(key, value)| format!("{}={}\n", key.display(), value.display()));
    facts.chain(["\n".to_owned()]).chain(variables).collect()
}
