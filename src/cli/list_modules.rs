//! `pogo list-modules`: what a configuration can name.

use super::args::Args;
use super::{help, terminal};
use crate::config;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fmt::Write;
use std::process::ExitCode;

/// Modules that no configuration names, and that are there all the same.
const UNNAMED: [&str; 4] =
    ["admin.api.load", "admin.api.metrics", "admin.api.reverse_proxy", "caddy.adapters.caddyfile"];
/// Modules that Caddy does not have.
const OURS: [&str; 4] = ["frankenphp", "http.encoders.br", "http.handlers.php", "pogo"];
/// Modules, or whole rooms of them, that are read and refused, since they are not served yet.
const NOT_YET: [&str; 9] = [
    "caddy.filesystems",
    "caddy.listeners.tls",
    "caddy.network_proxy.",
    "http.handlers.acme_server",
    "http.handlers.reverse_proxy",
    "http.reverse_proxy.",
    "pki",
    "tls",
    "tls.",
];

/// Prints them.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut flags = Flags::default();
    let mut args = Args::new("list-modules", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("list-modules"),
            "--json" => flags.json = args.switch()?,
            "--packages" => flags.packages = args.switch()?,
            "--skip-standard" | "-s" => flags.skip_standard = args.switch()?,
            "--versions" => flags.versions = args.switch()?,
            _ => return Err(args.unknown(&flag)),
        }
    }
    terminal::print(if flags.json { flags.json() } else { flags.text() })?;
    Ok(ExitCode::SUCCESS)
}

/// What the flags say.
#[derive(Default)]
struct Flags {
    json: bool,
    packages: bool,
    skip_standard: bool,
    versions: bool,
}

/// The modules that Caddy has too, and ours.
fn modules() -> (Vec<&'static str>, Vec<&'static str>) {
    let is_served = |name: &&str| {
        !NOT_YET.iter().any(|one| name == one || one.ends_with('.') && name.starts_with(one))
    };
    let mut all: Vec<_> = config::module_names().filter(is_served).chain(UNNAMED).collect();
    all.sort_unstable();
    all.into_iter().partition(|name| !OURS.contains(name))
}

impl Flags {
    fn text(&self) -> String {
        let (standard, ours) = modules();
        let mut out = String::new();
        if !self.skip_standard {
            self.list(&mut out, &standard);
            // Writing to a string cannot fail.
            let _ = writeln!(out, "\n  Standard modules: {}\n", standard.len());
        }
        self.list(&mut out, &ours);
        let _ = writeln!(out, "\n  Non-standard modules: {}", ours.len());
        out
    }

    fn list(&self, out: &mut String, names: &[&str]) {
        for name in names {
            out.push_str(name);
            if self.packages {
                out.push_str(concat!(" ", env!("CARGO_PKG_NAME")));
            }
            if self.versions {
                out.push_str(concat!(" v", env!("CARGO_PKG_VERSION")));
            }
            out.push('\n');
        }
    }

    fn json(&self) -> String {
        let (standard, ours) = modules();
        let standard = if self.skip_standard { Vec::new() } else { standard };
        let kinds = [(standard, "standard"), (ours, "non-standard")];
        let all = kinds
            .into_iter()
            .flat_map(|(names, kind)| names.into_iter().map(move |name| self.entry(name, kind)));
        let all = Value::Array(all.collect());
        serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
    }

    fn entry(&self, name: &str, kind: &str) -> Value {
        let mut entry = json!({"module_name": name, "module_type": kind});
        if self.versions {
            entry["version"] = json!(concat!("v", env!("CARGO_PKG_VERSION")));
        }
        if self.packages {
            entry["package_url"] = json!(env!("CARGO_PKG_NAME"));
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_is_listed_once() {
        let (standard, ours) = modules();
        assert_eq!(ours, OURS);
        assert!(standard.is_sorted_by(|a, b| a < b), "{standard:?}");
        for name in ["http", "http.handlers.file_server", "http.matchers.expression"] {
            assert!(standard.contains(&name), "{name}");
        }
        for name in NOT_YET.iter().filter(|name| !name.ends_with('.')) {
            assert!(!standard.contains(name), "{name}");
            assert!(config::module_names().any(|one| one == *name), "{name} is nothing");
        }
    }

    #[test]
    fn packages_and_versions_follow_the_names() {
        let flags = Flags { packages: true, versions: true, skip_standard: true, json: false };
        let version = env!("CARGO_PKG_VERSION");
        let text = flags.text();
        assert!(text.starts_with(&format!("frankenphp pogo v{version}\n")), "{text}");
        assert!(text.ends_with("\n  Non-standard modules: 4\n"), "{text}");
        let first = serde_json::from_str::<Value>(&flags.json()).expect("JSON")[0].clone();
        let version = format!("v{version}");
        let expected = json!({"module_name": "frankenphp", "module_type": "non-standard",
            "package_url": "pogo", "version": version});
        assert_eq!(first, expected);
    }
}
