//! The fuzz targets for a moment, with the same inputs at each run.
//!
//! `FUZZ_SECONDS=60` runs each of them so long instead, and prints how many inputs it took:
//!
//! ```text
//! FUZZ_SECONDS=60 cargo test --release --test main fuzz -- --nocapture --test-threads 1
//! ```

use crate::random::Random;
use crate::targets;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many inputs each target gets.
const INPUTS: usize = 2_000;

/// How long one input may take, on a slow machine in a debug build.
const TIME_MAX: Duration = Duration::from_secs(10);

/// What is put into mutated inputs, and makes up random ones.
const PIECES: [&str; 40] = [
    " ",
    "\n",
    "\n",
    "\t",
    "\r\n",
    "{",
    "}",
    "{\n",
    "}\n",
    "\"",
    "`",
    "\\",
    "\\\n",
    "#",
    "<<E\n",
    "E\n",
    ",",
    "a.test {\n",
    ":80",
    "respond ",
    "handle {\n",
    "@m ",
    "(s) {\n",
    "&(r) {\n",
    "import one ",
    "import s ",
    "import t*",
    "{args[0]}",
    "{args[1:]}",
    "{block}",
    "{blocks.a}",
    "{$HOST}",
    "{$WORDS}",
    "\u{feff}",
    "[",
    "]",
    ":",
    "null",
    "-1",
    "99999999999",
];

impl Random {
    /// Random bytes, random pieces, or one of the seeds with some slips.
    fn input(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        match self.below(8) {
            0 => (0..self.below(200)).map(|_| self.next().to_le_bytes()[0]).collect(),
            1 => (0..self.below(60)).flat_map(|_| self.piece().bytes()).collect(),
            _ => {
                let seed = seeds[self.below(seeds.len())].clone();
                self.mutated(seed, seeds)
            }
        }
    }

    fn piece(&mut self) -> &'static str {
        PIECES[self.below(PIECES.len())]
    }

    fn mutated(&mut self, mut input: Vec<u8>, seeds: &[Vec<u8>]) -> Vec<u8> {
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let end = (at + self.below(12)).min(input.len());
            match self.below(5) {
                0 => drop(input.drain(at..end)),
                1 => drop(input.splice(at..at, self.piece().bytes())),
                2 => {
                    let copied = input[at..end].to_vec();
                    let to = self.below(input.len() + 1);
                    input.splice(to..to, copied);
                }
                3 => {
                    // A line of another file.
                    let other = &seeds[self.below(seeds.len())];
                    let lines: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
                    let line = lines.get(self.below(lines.len())).copied().unwrap_or_default();
                    input.splice(at..at, line.iter().copied());
                }
                _ => {
                    if let Some(byte) = input.get_mut(at) {
                        *byte = self.next().to_le_bytes()[0];
                    }
                }
            }
        }
        input
    }
}

/// The parts of the adapter's goldens: Caddyfiles, and the JSON that some become.
fn seeds(part: usize) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapter/goldens");
    let entries = std::fs::read_dir(folder).expect("the adapter has goldens");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a golden").path()).collect();
    paths.sort();
    let texts = paths.iter().map(|path| std::fs::read_to_string(path).expect("a golden is text"));
    let parts = texts.filter_map(|text| {
        let part = text.split("\n----------\n").nth(part)?;
        // Warnings follow the JSON.
        let end = part.find("\n}\n").map_or(part.len(), |end| end + "\n}\n".len());
        let is_json = part.starts_with("{\n\t\"");
        Some(part.as_bytes()[..if is_json { end } else { part.len() }].to_vec())
    });
    parts.collect()
}

#[track_caller]
#[expect(clippy::print_stderr, reason = "who asks for a long run wants the count")]
fn check(name: &str, target: fn(&[u8]), seeds: &[Vec<u8>]) {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|value| value.parse().ok());
    let started = Instant::now();
    let is_enough = |count: usize| match seconds {
        Some(seconds) => started.elapsed() >= Duration::from_secs(seconds),
        None => count >= INPUTS,
    };
    let mut random = Random(seconds.unwrap_or(1));
    let mut count = 0;
    while !is_enough(count) {
        let input = random.input(seeds);
        let begun = Instant::now();
        let outcome = std::panic::catch_unwind(|| target(&input));
        let shown = String::from_utf8_lossy(&input);
        assert!(outcome.is_ok(), "{name} panicked at {shown:?}");
        assert!(begun.elapsed() < TIME_MAX, "{name} took {:?} for {shown:?}", begun.elapsed());
        count += 1;
    }
    if seconds.is_some() {
        eprintln!("{name}: {count} inputs");
    }
}

#[test]
fn the_lexer_survives() {
    check("lexer", targets::lexer, &seeds(0));
}

#[test]
fn the_parser_survives() {
    check("parser", targets::parser, &seeds(0));
}

#[test]
fn the_adapter_survives() {
    check("adapter", targets::adapter, &seeds(0));
}

#[test]
fn the_formatter_survives_and_keeps_the_meaning() {
    check("formatter", targets::formatter, &seeds(0));
}

#[test]
fn expressions_survive() {
    let lines = include_str!("../cel/src/program/tests.rs").lines();
    let seeds: Vec<_> = lines.map(|line| line.trim().as_bytes().to_vec()).collect();
    check("expression", targets::expression, &seeds);
}

#[test]
fn reading_json_survives() {
    check("json", targets::json, &seeds(1));
}

#[test]
fn the_fields_of_traces_survive() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let span = "b7ad6b7169203331";
    let seeds = [
        format!("traceparent: 00-{trace}-{span}-01\ntracestate: a=b,c@d=e"),
        format!("b3: {trace}-{span}-1-{span}\nb3: 0"),
        format!("x-b3-traceid: {trace}\nx-b3-spanid: {span}\nx-b3-sampled: true\nx-b3-flags: 1"),
        format!("uber-trace-id: {trace}:{span}:0:3"),
        format!(
            "x-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent={span};Sampled=1"
        ),
        format!("ot-tracer-traceid: {span}\not-tracer-spanid: {span}\not-tracer-sampled: true"),
    ];
    check("propagation", targets::propagation, &seeds.map(String::into_bytes));
}
