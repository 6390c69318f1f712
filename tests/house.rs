//! The house's own rules: who may know whom, where `unsafe` and printing may stand.

use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which crates of the workspace each crate may depend on.
const CRATES: [(&str, &[&str]); 7] = [
    (".", &["caddyfile-parser", "cel", "go-template", "php-wire"]),
    ("cel", &[]),
    ("go-template", &[]),
    ("caddyfile-parser", &[]),
    ("php-wire", &[]),
    ("php-bridge", &["php-sys", "php-wire"]),
    ("php-sys", &[]),
];

/// Which rooms of `src/` each room may name. `cli` puts everything together.
const ROOMS: [(&str, &[&str]); 17] = [
    ("adapter", &["config"]),
    ("admin", &["blocking", "config", "http", "logging", "metrics"]),
    ("blocking", &[]),
    ("check", &["config", "go", "http", "metrics", "tracing"]),
    (
        "cli",
        &["adapter", "admin", "client", "config", "http", "instance", "logging", "php", "pogo"],
    ),
    ("client", &[]),
    ("config", &[]),
    ("dispatch", &[]),
    ("go", &[]),
    ("http", &["blocking", "client", "config", "go", "logging", "metrics", "php", "tracing"]),
    (
        "instance",
        &[
            "admin", "blocking", "check", "client", "config", "http", "logging", "metrics", "php",
            "tracing",
        ],
    ),
    ("logging", &["config", "php"]),
    ("metrics", &["logging", "otlp"]),
    ("otlp", &["client"]),
    ("php", &["config", "dispatch", "pogo"]),
    ("pogo", &["config", "dispatch"]),
    ("tracing", &["client", "logging", "otlp"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let relative = path.strip_prefix(root()).expect("below the root").to_owned();
                found.push((relative, text));
            }
        }
    }
    found
}

/// The whole workspace's sources.
fn everything() -> Vec<(PathBuf, String)> {
    let folders = [
        "src",
        "caddyfile-parser",
        "cel",
        "go-template",
        "php-wire",
        "php-bridge",
        "php-sys",
        "tests",
    ];
    folders.iter().flat_map(|f| sources(f)).collect()
}

/// Lines of code that match, as `file:line: text`; comments do not count.
fn offenders(files: &[(PathBuf, String)], pattern: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a valid pattern");
    let mut found = Vec::new();
    for (path, text) in files {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if pattern.is_match(code) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn check_none(offenders: &[String], rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n{}", offenders.join("\n"));
}

#[test]
fn crates_depend_only_on_those_below_them() {
    let dependency =
        Regex::new(r"(?m)^(caddyfile-parser|cel|go-template|php-bridge|php-sys|php-wire)\b")
            .expect("valid");
    for (name, allowed) in CRATES {
        let text = fs::read_to_string(root().join(name).join("Cargo.toml")).expect("a manifest");
        let sections = text.split("\n[").filter(|s| {
            let title = s.split(']').next().unwrap_or_default();
            title.ends_with("dependencies") && !title.starts_with("workspace")
        });
        let used: BTreeSet<&str> =
            sections.flat_map(|s| dependency.find_iter(s).map(|m| m.as_str())).collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert!(used.is_subset(&allowed), "crate {name} depends on {used:?}, may on {allowed:?}");
    }
}

#[test]
fn rooms_name_only_those_below_them() {
    let named = Regex::new(r"\bcrate::(\w+)").expect("valid");
    let mut wrong = Vec::new();
    for (room, allowed) in ROOMS {
        let mut files = sources(&format!("src/{room}"));
        let door = PathBuf::from(format!("src/{room}.rs"));
        files.extend(fs::read_to_string(root().join(&door)).ok().map(|text| (door, text)));
        for (path, text) in &files {
            for other in named.captures_iter(text).map(|c| c.get(1).expect("a group").as_str()) {
                if other != room && !allowed.contains(&other) {
                    wrong.push(format!("{}: names crate::{other}", path.display()));
                }
            }
        }
    }
    check_none(&wrong, "a room names one that it must not know");
}

#[test]
fn every_room_is_in_the_list() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("the library");
    let module = Regex::new(r"(?m)^(?:pub )?mod (\w+);").expect("valid");
    for room in module.captures_iter(&lib).map(|c| c.get(1).expect("a group").as_str()) {
        assert!(ROOMS.iter().any(|(name, _)| *name == room), "src/{room} is not in ROOMS");
    }
}

#[test]
fn only_the_adapter_and_the_command_line_know_the_caddyfile() {
    let files = sources("src");
    let files: Vec<_> = files
        .into_iter()
        .filter(|(p, _)| {
            !["src/adapter", "src/cli"].iter().any(|room| p.starts_with(room))
                && p != Path::new("src/adapter.rs")
        })
        .collect();
    check_none(&offenders(&files, r"\bcaddyfile_parser\b"), "the server sees no Caddyfile");
}

#[test]
fn a_configuration_holds_raw_json_only_where_caddy_does() {
    // What variables, the outputs of `map` and the fields of `append` are is left open.
    let open = ["handlers.rs", "handlers/map.rs", "logging/encoders.rs"];
    let open: BTreeSet<_> = open.iter().map(|file| Path::new("src/config").join(file)).collect();
    let field = Regex::new(r"^\s*(pub \w+: |[A-Z]\w*\()[\w<, ]*\bValue\b[>)]*,$").expect("valid");
    let holds = |text: &str| text.lines().any(|line| field.is_match(line));
    let files = sources("src/config").into_iter().filter(|(_, text)| holds(text));
    let found: BTreeSet<_> = files.map(|(path, _)| path).collect();
    assert_eq!(found, open);
}

#[test]
fn unsafe_stands_only_where_php_is() {
    let allowed = ["php-sys", "php-bridge", "php-wire/src/ring.rs"];
    let mut files = everything();
    files.retain(|(p, _)| !allowed.iter().any(|a| p.starts_with(a)));
    check_none(&offenders(&files, r"\bunsafe\s*(\{|fn|impl|extern|trait)"), "unsafe outside");
}

#[test]
fn only_the_command_line_prints() {
    let mut files = everything();
    files.retain(|(p, _)| {
        !p.starts_with("src/cli") && !p.starts_with("tests") && !p.ends_with("build.rs")
    });
    check_none(&offenders(&files, r"\be?print(ln)?!|\bdbg!"), "printing outside of src/cli");
}

#[test]
fn nothing_is_left_for_later() {
    let word = ["TO", "DO|FIX", "ME|to", "do!|unimple", "mented!"].concat();
    let pattern = format!(r"\b({word})");
    let wrong: Vec<String> = everything()
        .iter()
        .flat_map(|(path, text)| {
            let pattern = Regex::new(&pattern).expect("valid");
            let lines = text.lines().enumerate().filter(move |(_, l)| pattern.is_match(l));
            lines.map(|(n, l)| format!("{}:{}: {l}", path.display(), n + 1)).collect::<Vec<_>>()
        })
        .collect();
    check_none(&wrong, "unfinished");
}
