//! Plays the files in `goldens/`: what the parser makes of those in `parse/`,
//! and the formatter of those in `format/`.
//!
//! A golden is a Caddyfile, a line of ten dashes, and what is expected of it. In
//! `parse/` that is its warnings and blocks, or its error. There, further files
//! may follow the Caddyfile, each under a line `-- name --`; the files are in
//! `/w` and the variables of [`VARIABLES`] are set. To write down what comes out
//! now:
//!
//! ```text
//! UPDATE_GOLDENS=1 cargo test -p caddyfile-parser goldens
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::loader::tests::Memory;
use crate::parse::{Fact, Parsed};
use crate::token::{Quote, Token};

pub(crate) const SEPARATOR: &str = "\n----------\n";

const VARIABLES: [(&str, &str); 4] = [
    ("HOST", "app.example.com"),
    ("EMPTY", ""),
    ("WORDS", "one two"),
    ("BLOCK", "header X-From env\n\trespond \"from env\""),
];

/// The names and contents of the goldens of one kind, in order.
pub(crate) fn all(kind: &str) -> Vec<(PathBuf, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(kind);
    let entries = fs::read_dir(&directory).expect("the crate has goldens");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let content = fs::read_to_string(&path).expect("a golden can be read");
            (path, content)
        })
        .collect()
}

/// A golden's Caddyfile, and a loader that has its other files.
pub(crate) fn files(input: &str) -> (String, Memory) {
    let mut loader = Memory::default();
    for (name, value) in VARIABLES {
        loader = loader.with_env(name, value);
    }
    let mut name = "Caddyfile".to_owned();
    let mut main = String::new();
    let mut content = String::new();
    // A last header without a name stores the last file.
    for line in input.lines().chain(["--  --"]) {
        let header = line.strip_prefix("-- ").and_then(|line| line.strip_suffix(" --"));
        let Some(next) = header else {
            content.push_str(line);
            content.push('\n');
            continue;
        };
        let stored = std::mem::take(&mut content);
        if name == "Caddyfile" {
            main = stored;
        } else {
            loader = loader.with_file(&name, stored);
        }
        name = next.to_owned();
    }
    (main, loader)
}

/// What the parser makes of a golden's input, as text.
fn parse_outcome(input: &str) -> String {
    let (main, loader) = files(input);
    match crate::parse("Caddyfile", main.as_bytes(), &loader) {
        Ok(parsed) => show(&parsed),
        Err(error) => format!("error: {error}\n"),
    }
}

fn show(parsed: &Parsed) -> String {
    let mut text = String::new();
    for warning in &parsed.warnings {
        let mut line = format!("warning: {}", warning.message);
        for (name, value) in &warning.fields {
            let value = match value {
                Fact::Text(text) => text.clone(),
                Fact::List(texts) => texts.join(", "),
            };
            write!(line, "; {name} {value}").expect("strings grow");
        }
        writeln!(text, "{line}").expect("strings grow");
    }
    for block in &parsed.blocks {
        let kind = match (block.is_named_route, block.keys.is_empty()) {
            (true, _) => "route",
            (false, true) => "options",
            (false, false) => "site",
        };
        let braces = if block.has_braces { " {}" } else { "" };
        let keys: String = block.keys.iter().map(|key| format!(" {}", show_token(key))).collect();
        writeln!(text, "{kind}{keys}{braces}").expect("strings grow");
        for segment in &block.segments {
            show_segment(&mut text, &segment.0);
        }
    }
    text
}

/// The tokens, a line of them a line, each line with its number and imports.
fn show_segment(text: &mut String, tokens: &[Token]) {
    let mut previous: Option<&Token> = None;
    for token in tokens {
        let starts_line = previous.is_none_or(|previous| previous.ends_line_before(token));
        if starts_line {
            let margin = if previous.is_none() { "\n  " } else { "\n    " };
            let file = match &*token.file {
                "Caddyfile" => String::new(),
                file => format!("{file}:"),
            };
            let chain: String =
                token.imports.chain().iter().map(|import| format!(" <- {import}")).collect();
            write!(text, "{margin}{file}{}{chain}:", token.line).expect("strings grow");
        }
        write!(text, " {}", show_token(token)).expect("strings grow");
        previous = Some(token);
    }
    text.push('\n');
    *text = text.replace("\n\n", "\n");
}

fn show_token(token: &Token) -> String {
    match token.quote {
        Quote::None if token.text.contains(char::is_whitespace) => format!("{:?}!", token.text),
        Quote::None => token.text.clone(),
        Quote::Double => format!("{:?}", token.text),
        Quote::Backquote => format!("`{}`", token.text.escape_debug()),
        Quote::Heredoc => format!("<<{:?}", token.text),
    }
}

/// Compares each golden of one kind with what `outcome` makes of its input.
#[track_caller]
fn check(kind: &str, outcome: impl Fn(&str) -> String) {
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    let mut failed = Vec::new();
    for (path, golden) in all(kind) {
        let (input, expected) =
            golden.split_once(SEPARATOR).expect("a golden has a line of ten dashes");
        let actual = outcome(input);
        if actual == expected {
            continue;
        }
        if update {
            fs::write(&path, format!("{input}{SEPARATOR}{actual}"))
                .expect("a golden can be written");
        } else {
            failed.push(format!("{}:\n{actual}", path.display()));
        }
    }
    assert!(failed.is_empty(), "these came out differently:\n\n{}", failed.join("\n"));
}

#[test]
fn goldens_parse_as_expected() {
    check("parse", parse_outcome);
}

#[test]
fn goldens_format_as_expected() {
    check("format", |input| String::from_utf8_lossy(&crate::format(input.as_bytes())).into_owned());
}
