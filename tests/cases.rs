//! Caddyfiles of our own with what Caddy makes of them: JSON, errors, warnings, formatting.
//!
//! The folder `cases/` holds a file per kind. A case begins with `=== ` and its name; then
//! come the Caddyfile, a line of ten dashes, and the answer. In an error `$WORK` stands for
//! the folder that the Caddyfile is in. What the cases import lies beside them.

use caddyfile_parser::{Disk, LoadError, Loader};
use pogo::adapter::{Adapted, adapt_sites};
use std::fs;
use std::path::{Path, PathBuf};

/// The variables that the cases refer to.
const VARIABLES: [(&str, &str); 8] = [
    ("APP_HOST", "app.example.com"),
    ("APP_PORT", "9000"),
    ("UPSTREAMS", "10.0.0.1:80 10.0.0.2:80"),
    ("EMPTY", ""),
    ("QUOTED", "hello world"),
    ("NESTED", "{$APP_HOST}"),
    ("SITE_LIST", "one.example.com, two.example.com"),
    ("BLOCK", "header X-From env\n\trespond \"from env\""),
];

/// The folder of a kind of cases, and a Caddyfile in it that is nowhere on disk.
struct Folder<'c> {
    root: PathBuf,
    caddyfile: &'c str,
}

impl Folder<'_> {
    fn within(&self, path: &str) -> String {
        self.root.join(path).to_str().expect("the project's path is UTF-8").to_owned()
    }
}

impl Loader for Folder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if path == "Caddyfile" || path == self.within("Caddyfile") {
            return Ok(self.caddyfile.into());
        }
        Disk.read(&self.within(path))
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        if pattern == self.within("Caddyfile") {
            return Ok(vec![pattern.to_owned()]);
        }
        Disk.glob(pattern)
    }

    fn absolute(&self, path: &str) -> Result<String, String> {
        Disk.absolute(&self.within(path))
    }

    fn env(&self, name: &str) -> Option<Vec<u8>> {
        let (_, value) = VARIABLES.iter().find(|(known, _)| *known == name)?;
        Some(value.as_bytes().to_vec())
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases"))
}

/// What comes of a Caddyfile, or why nothing does.
type Outcome = Result<Adapted, String>;

/// Plays the cases of a kind; `differs` says how an outcome is not the answer.
#[track_caller]
fn check(kind: &str, differs: impl Fn(Outcome, &str) -> Option<String>) {
    let text = fs::read_to_string(folder().join(kind).with_extension("txt")).expect("the cases");
    let root = folder().join(kind);
    let work = root.to_str().expect("the project's path is UTF-8").to_owned();
    let mut failures = Vec::new();
    let (mut count, mut rest) = (0, text.strip_prefix("=== ").expect("the file begins with one"));
    while !rest.is_empty() {
        let (case, after) = rest.split_once("\n=== ").unwrap_or((rest, ""));
        rest = after;
        let (name, case) = case.split_once('\n').expect("a name stands on its line");
        let (input, answer) = case.split_once("----------").expect("dashes");
        let loader = Folder { root: root.clone(), caddyfile: input };
        let outcome = adapt_sites("Caddyfile", input.as_bytes(), &loader);
        let outcome = outcome.map_err(|error| error.to_string().replace(&work, "$WORK"));
        failures.extend(differs(outcome, answer.trim()).map(|why| format!("{name}: {why}")));
        count += 1;
    }
    assert!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n"));
}

fn is_not(wanted: &str, got: &str) -> Option<String> {
    (wanted != got).then(|| format!("\n  want {wanted}\n  got  {got}"))
}

#[test]
fn caddyfiles_adapt_to_caddys_json() {
    check("ok", |outcome, json| match outcome {
        Ok(adapted) => is_not(json, &adapted.config.to_json(false)),
        Err(error) => Some(error),
    });
}

#[test]
fn wrong_caddyfiles_are_refused_in_caddys_words() {
    check("err", |outcome, error| match outcome {
        Ok(_) => Some("it is accepted".to_owned()),
        Err(got) if got.contains(error) => None,
        Err(got) => is_not(error, &got),
    });
}

#[test]
fn wrong_configurations_are_refused_in_caddys_words() {
    check("err_validate", |outcome, error| {
        let got = match outcome {
            Ok(adapted) => match pogo::check::check(&adapted.config) {
                Ok(()) => return Some("it is accepted".to_owned()),
                Err(invalid) => invalid.to_string(),
            },
            Err(error) => format!("adapting config using caddyfile: {error}"),
        };
        if got.contains(error) { None } else { is_not(error, &got) }
    });
}

#[test]
fn what_looks_odd_is_told_in_caddys_words() {
    check("warn", |outcome, wanted| {
        let adapted = match outcome {
            Ok(adapted) => adapted,
            Err(error) => return Some(error),
        };
        let warnings = adapted.warnings.into_iter();
        let told: Vec<String> = warnings
            .map(|warning| match warning.place {
                Some((file, line)) => format!("{file}:{line}: {}", warning.message),
                None => warning.message,
            })
            .collect();
        let is_missing = |line: &&str| !told.iter().any(|told| told == line);
        let missing = wanted.lines().find(is_missing)?;
        Some(format!("\n  want {missing}\n  got  {told:?}"))
    });
}

#[test]
fn caddyfiles_are_formatted_as_caddy_does() {
    let text = fs::read_to_string(folder().join("fmt.jsonl")).expect("the cases");
    for line in text.lines() {
        let case: [String; 3] = serde_json::from_str(line).expect("a name and two texts");
        let [name, input, wanted] = case;
        let got = caddyfile_parser::format(input.as_bytes());
        assert_eq!(String::from_utf8_lossy(&got), wanted, "{name}");
    }
}
