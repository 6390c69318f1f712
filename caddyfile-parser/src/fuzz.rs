//! Random and mutated Caddyfiles, the same ones at each run.
//!
//! Nothing may panic or run away. What is found here becomes a golden.

use std::time::{Duration, Instant};

use crate::goldens::{self, SEPARATOR};
use crate::loader::tests::Memory;
use crate::random::Random;
use crate::{first_unformatted_line, format, parse};

/// How many inputs each test makes.
const INPUTS: usize = 3_000;

/// How long one input may take, on a slow machine in a debug build.
const TIME_MAX: Duration = Duration::from_secs(10);

/// What a Caddyfile is made of, and what it should not be made of.
const PIECES: [&str; 44] = [
    " ",
    " ",
    "\n",
    "\n",
    "\t",
    "\r\n",
    "{",
    "}",
    "{}",
    "{\n",
    "}\n",
    "\"",
    "`",
    "\\",
    "\\\n",
    "#",
    "<<",
    "<<E\n",
    "E\n",
    "<",
    ",",
    "a.test",
    "a.test {\n",
    ":80",
    "respond",
    "handle {\n",
    "@m",
    "(s) {\n",
    "(s)",
    "&(r) {\n",
    "import",
    "import s",
    "import s a \"b c\" {\n",
    "import one",
    "import o*",
    "{args[0]}",
    "{args[1:]}",
    "{args.0}",
    "{args[-1]}",
    "{block}",
    "{blocks.a}",
    "{$HOST}",
    "{$NO:a b}",
    "\u{feff}",
];

impl Random {
    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Runs everything that reads a Caddyfile on `input`.
#[track_caller]
fn check(input: &[u8], loader: &Memory) {
    let start = Instant::now();
    let lines = input.iter().filter(|byte| **byte == b'\n').count() + 1;
    if let Ok(parsed) = parse("Caddyfile", input, loader) {
        let tokens = parsed.blocks.iter().flat_map(|block| {
            block.keys.iter().chain(block.segments.iter().flat_map(|segment| &segment.0))
        });
        for token in tokens.filter(|token| &*token.file == "Caddyfile") {
            // Values of variables bring no line breaks in these tests.
            let line = usize::try_from(token.line).expect("lines fit");
            assert!((1..=lines).contains(&line), "line {line} of {lines} in {input:?}");
        }
    }
    let formatted = format(input);
    assert!(formatted.ends_with(b"\n"), "{input:?}");
    let differs = without_returns(input) != format(&without_returns(input));
    assert_eq!(first_unformatted_line(input).is_some(), differs, "{input:?}");
    assert!(start.elapsed() < TIME_MAX, "{input:?} took {:?}", start.elapsed());
}

fn without_returns(input: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(input).replace("\r\n", "\n").into_bytes()
}

fn loader() -> Memory {
    Memory::default()
        .with_env("HOST", "a.test")
        .with_file("one", "respond {args[0]}\n{block}\nimport two {args[:]}\n")
        .with_file("two", "(t) {\n\timport one\n}\nheader \"{args[0]}\" {\n\ta\n}\n")
        .with_file("odd", "{\nimport one x\n<<E\n y\n E")
}

#[test]
fn random_bytes_are_survived() {
    let mut random = Random(1);
    let loader = loader();
    for _ in 0..INPUTS {
        let length = random.below(200);
        let input: Vec<u8> = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
        // Not UTF-8, so that replacing carriage returns above would change it.
        let input = String::from_utf8_lossy(&input).into_owned();
        check(input.as_bytes(), &loader);
    }
}

#[test]
fn random_words_are_survived() {
    let mut random = Random(2);
    let loader = loader();
    for _ in 0..INPUTS {
        let count = random.below(60);
        let mut input = String::from(*random.pick(&["", "(s) {\n\tx {args[0]}\n}\n", "a {\n"]));
        for _ in 0..count {
            let piece: &&str = random.pick(&PIECES);
            input.push_str(piece);
        }
        check(input.as_bytes(), &loader);
    }
}

#[test]
fn mutated_goldens_are_survived() {
    let mut random = Random(3);
    let goldens = [goldens::all("parse"), goldens::all("format")].concat();
    // Those that exhaust the imports' budget take their time.
    let goldens: Vec<&String> = goldens
        .iter()
        .filter(|(path, _)| !path.to_string_lossy().contains("bomb"))
        .map(|(_, golden)| golden)
        .collect();
    for _ in 0..INPUTS {
        let golden = random.pick(&goldens);
        let input = golden.split_once(SEPARATOR).map_or(golden.as_str(), |(input, _)| input);
        let (main, loader) = goldens::files(input);
        let mut characters: Vec<char> = main.chars().collect();
        for _ in 0..=random.below(4) {
            let at = random.below(characters.len());
            let end = (at + random.below(8)).min(characters.len());
            match random.below(3) {
                0 => drop(characters.drain(at..end)),
                1 => drop(characters.splice(at..at, random.pick(&PIECES).chars())),
                _ => {
                    let copied = characters[at..end].to_vec();
                    let to = random.below(characters.len());
                    characters.splice(to..to, copied);
                }
            }
        }
        let mutated: String = characters.into_iter().collect();
        check(mutated.as_bytes(), &loader);
    }
}

#[test]
fn what_could_run_away_does_not() {
    let loader = loader();
    let many = 100_000;
    check("{".repeat(many).as_bytes(), &loader);
    check("a {\n".repeat(many).as_bytes(), &loader);
    check("a\n".repeat(many).as_bytes(), &loader);
    check("{$HOST".repeat(many).as_bytes(), &loader);
    check(format!("{}}}", "{$".repeat(many)).as_bytes(), &loader);
    check("<<E\nE ".repeat(many).as_bytes(), &loader);
    check(format!("<<EEEEEEEEEEEEEEEEEEEEF\n{}", "E".repeat(many)).as_bytes(), &loader);
    check("\\\n".repeat(many).as_bytes(), &loader);
    check("\"\n".repeat(many).as_bytes(), &loader);
    let snippet = |word: &str| format!("(s) {{\n\tx {word}\n}}\n:80 {{\n\timport s y\n}}\n");
    check(snippet(&"{".repeat(many)).as_bytes(), &loader);
    check(snippet(&format!("{}}}", "{".repeat(many))).as_bytes(), &loader);
    check(snippet(&format!("{}]}}", "{args[x".repeat(many))).as_bytes(), &loader);
    check(snippet(&"{args[9]}".repeat(many)).as_bytes(), &loader);
}
