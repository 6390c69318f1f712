//! Plays the files in `goldens/`: what the adapter makes of them.
//!
//! A golden is a Caddyfile, a line of ten dashes, and the JSON that it adapts to, or the
//! error with the excerpt that shows where it lies. The variables of [`VARIABLES`] are
//! set. To write down what comes out now:
//!
//! ```text
//! UPDATE_GOLDENS=1 cargo test --lib adapter::goldens
//! ```

use super::{Warning, adapt_sites, unformatted};
use crate::config::Config;
use caddyfile_parser::{LoadError, Loader};
use std::fs;
use std::path::{Path, PathBuf};

const SEPARATOR: &str = "\n----------\n";

const VARIABLES: [(&str, &str); 2] = [("APP_HOST", "app.example.com"), ("EMPTY", "")];

/// Has the Caddyfile only.
struct Single<'a>(&'a str);

impl Loader for Single<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        match path {
            "Caddyfile" => Ok(self.0.into()),
            _ => Err(LoadError::Open(format!("open {path}: no such file or directory"))),
        }
    }

    fn glob(&self, _: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    fn absolute(&self, path: &str) -> Result<String, String> {
        Ok(format!("/w/{path}"))
    }

    fn env(&self, name: &str) -> Option<Vec<u8>> {
        let (_, value) = VARIABLES.iter().find(|(known, _)| *known == name)?;
        Some(value.as_bytes().to_vec())
    }
}

fn outcome(input: &str) -> String {
    let loader = Single(input);
    match adapt_sites("Caddyfile", input.as_bytes(), &loader) {
        Ok(adapted) => {
            let mut text = adapted.config.to_json(true);
            text.push_str(&shown(&adapted.warnings));
            for site in adapted.tls_sites {
                text.push_str(&format!("\nTLS: {} on line {}", site.address, site.line));
            }
            text + "\n"
        }
        Err(error) => {
            let excerpt = error.excerpt(&loader).map(|text| text + "\n").unwrap_or_default();
            format!("{error}{}\n{excerpt}", shown(error.warnings()))
        }
    }
}

/// The warnings that stand for themselves, each on a line of its own.
fn shown(warnings: &[Warning]) -> String {
    let warnings = warnings.iter().filter(|warning| warning.place.is_none());
    warnings.map(|warning| format!("\nwarning: {}", warning.message)).collect()
}

/// The paths, Caddyfiles and expectations of all goldens, in order.
fn all() -> Vec<(PathBuf, String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapter/goldens");
    let entries = fs::read_dir(directory).expect("there are goldens");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let golden = fs::read_to_string(&path).expect("a golden can be read");
        let (input, expected) =
            golden.split_once(SEPARATOR).expect("a golden has a line of ten dashes");
        (path, input.to_owned(), expected.to_owned())
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn goldens_adapt_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    let mut failed = Vec::new();
    for (path, input, expected) in all() {
        let actual = outcome(&input);
        if actual != expected && update {
            fs::write(&path, format!("{input}{SEPARATOR}{actual}"))
                .expect("a golden can be written");
        } else if actual != expected {
            failed.push(format!("{}:\n{actual}", path.display()));
        }
    }
    assert!(failed.is_empty(), "these came out differently:\n\n{}", failed.join("\n"));
}

/// Words of one golden go into another, are doubled or taken out: whatever comes in, the
/// adapter answers, and what it answers is a configuration that it reads back.
#[test]
fn shuffled_goldens_do_no_harm() {
    let inputs: Vec<String> = all().into_iter().map(|(_, input, _)| input).collect();
    let words: Vec<&str> =
        inputs.iter().flat_map(|input| input.split_inclusive([' ', '\n'])).collect();
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 40).expect("24 bits fit") % below
    };
    for _ in 0..2_000 {
        let input = &inputs[random(inputs.len())];
        let mut changed: Vec<&str> = input.split_inclusive([' ', '\n']).collect();
        for _ in 0..=random(3) {
            let at = random(changed.len());
            match random(3) {
                0 => changed.insert(at, words[random(words.len())]),
                1 => changed[at] = words[random(words.len())],
                _ if changed.len() > 1 => drop(changed.remove(at)),
                _ => {}
            }
        }
        let changed = changed.concat();
        if let Ok(adapted) = adapt_sites("Caddyfile", changed.as_bytes(), &Single(&changed)) {
            let json = adapted.config.to_json(false);
            match Config::from_json(json.as_bytes()) {
                Ok(again) => assert_eq!(again.to_json(false), json, "{changed}"),
                // A matcher without its list is adapted to null, and then refused, as in Caddy.
                Err(error) => {
                    assert_eq!(error.message, "module value cannot be null", "{changed}");
                }
            }
        }
    }
}

#[test]
fn an_unformatted_file_is_named_with_its_line() {
    let warning = unformatted("Caddyfile", b":80 {\n  respond x\n}\n");
    let warning = warning.expect("the line is not indented with a tab");
    assert_eq!(warning.place, Some(("Caddyfile".to_owned(), 2)));
}
