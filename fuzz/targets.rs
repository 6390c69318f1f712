//! What each fuzz target does with bytes.
//!
//! Nothing may panic, run away or grow without end, whatever comes in; and some things must
//! stay true, which the targets assert. `tests/fuzz.rs` runs the same functions for a moment
//! without a nightly compiler.

#[path = "written.rs"]
mod written;

use caddyfile_parser::{LoadError, Loader, ServerBlock, Token};
use http::{HeaderMap, HeaderName, HeaderValue};
use pogo::config::Config;
use pogo::otlp::Variables;
use pogo::tracing::Propagators;
use std::collections::BTreeMap;

/// What there is to import, and the environment.
struct Files(BTreeMap<&'static str, &'static str>);

impl Files {
    fn new() -> Self {
        Self(BTreeMap::from([
            ("/w/one", "respond {args[0]}\n{block}\nimport two {args[:]}\n"),
            ("/w/two", "(t) {\n\timport one\n}\nheader \"{args[0]}\" {\n\ta\n}\n"),
            ("/w/odd", "{\nimport one x\n<<E\n y\n E"),
            ("/w/twice", "import one {args[0]}{args[0]}\nimport one {block}\n"),
            ("/w/empty", ""),
        ]))
    }
}

impl Loader for Files {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let missing = || LoadError::Open(format!("open {path}: no such file or directory"));
        self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(missing)
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
        let fits = |name: &&&str| name.starts_with(start) && name.ends_with(end);
        let exact = |name: &&&str| pattern.contains('*') || **name == pattern;
        Ok(self.0.keys().filter(fits).filter(exact).map(|name| (*name).to_owned()).collect())
    }

    fn absolute(&self, path: &str) -> Result<String, String> {
        Ok(if path.starts_with('/') { path.to_owned() } else { format!("/w/{path}") })
    }

    fn env(&self, name: &str) -> Option<Vec<u8>> {
        let value: &[u8] = match name {
            "HOST" => b"a.test",
            "WORDS" => b"one \"two three\" {",
            "EMPTY" => b"",
            _ => return None,
        };
        Some(value.to_vec())
    }
}

/// Bytes become tokens that stand where the file says, in its order.
pub(crate) fn lexer(data: &[u8]) {
    let Ok(tokens) = caddyfile_parser::tokenize("Caddyfile", data) else { return };
    let lines = data.iter().filter(|byte| **byte == b'\n').count() + 1;
    let mut last = 1;
    for token in &tokens {
        let line = usize::try_from(token.line).expect("lines fit");
        assert!((last..=lines).contains(&line), "line {line} after {last} of {lines}");
        last = line;
    }
}

/// Tokens become blocks, with imports, snippets and arguments.
pub(crate) fn parser(data: &[u8]) {
    if let Ok(parsed) = caddyfile_parser::parse("Caddyfile", data, &Files::new()) {
        for block in &parsed.blocks {
            assert!(block.segments.iter().all(|segment| !segment.0.is_empty()));
        }
    }
}

/// Blocks become a configuration whose JSON means the same when it is read again; errors can
/// show their source line.
pub(crate) fn adapter(data: &[u8]) {
    let files = Files::new();
    match pogo::adapter::adapt("Caddyfile", data, &files) {
        Ok((config, _)) => stays_itself(&config),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            error.excerpt(&files);
        }
    }
}

/// Whatever is formatted ends a line; and what is written as people write it keeps its
/// meaning, and is left alone the second time.
pub(crate) fn formatter(data: &[u8]) {
    assert!(caddyfile_parser::format(data).ends_with(b"\n"));
    let text = written::caddyfile(data);
    let formatted = caddyfile_parser::format(text.as_bytes());
    let shown = String::from_utf8_lossy(&formatted);
    let (kept, meant) = (meaning(&formatted), meaning(text.as_bytes()));
    if kept != meant {
        let differs = kept.iter().zip(&meant).find(|(one, two)| one != two);
        panic!("{text} became {shown}, which differs: {differs:#?}");
    }
    let again = caddyfile_parser::format(&formatted);
    assert_eq!(again, formatted, "{shown:?} became {:?}", String::from_utf8_lossy(&again));
    assert_eq!(caddyfile_parser::first_unformatted_line(&formatted), None, "{shown:?}");
}

/// JSON becomes a configuration that stays itself when it is written and read again.
pub(crate) fn json(data: &[u8]) {
    if let Ok(config) = Config::from_json(data) {
        stays_itself(&config);
    }
}

/// An expression is compiled and evaluated, or what is wrong with it is shown.
pub(crate) fn expression(data: &[u8]) {
    let source = pogo::http::expression::with_placeholders(&String::from_utf8_lossy(data));
    match cel::Program::compile(&source, &cel::Bare) {
        // Whatever its value is, finding it must end.
        Ok(program) => drop(program.value(&mut |()| Ok::<_, ()>(cel::Value::Null))),
        Err(wrong) => assert!(!wrong.what.is_empty()),
    }
}

/// Header fields name a span or none; what is named is named again by what we write.
pub(crate) fn propagation(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().map(HeaderName::from_bytes);
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default().trim_ascii());
        if let (Some(Ok(name)), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    for form in ["tracecontext", "b3", "b3multi", "jaeger", "xray", "ottrace"] {
        let mut variables = Variables::new(|_| Some(form.to_owned()));
        let propagators = Propagators::read(&mut variables);
        let Some(context) = propagators.extract(&headers) else { continue };
        let mut written = HeaderMap::new();
        propagators.inject(&context, &mut written);
        let again = propagators.extract(&written).expect("what we wrote names a span");
        assert_eq!(again.span_id(), context.span_id(), "{form}");
        assert_eq!(again.is_sampled(), context.is_sampled(), "{form}");
        // This one has room for half of it only.
        if form != "ottrace" {
            assert_eq!(again.trace_id(), context.trace_id(), "{form}");
        }
    }
}

fn stays_itself(config: &Config) {
    let text = config.to_json(false);
    match Config::from_json(text.as_bytes()) {
        Ok(again) => assert_eq!(again.to_json(false), text),
        // A matcher without its values is written as null and refused when it is loaded, both
        // as in Caddy.
        Err(error) if error.to_string().ends_with("module value cannot be null") => {}
        Err(error) => panic!("{error} in what we wrote: {text}"),
    }
}

/// What a file says, without where it says it: its blocks' keys and segments, or its error.
fn meaning(input: &[u8]) -> Vec<String> {
    let words = |tokens: &[Token]| {
        let word = |token: &Token| format!("{:?} {:?}", token.quote, token.text);
        tokens.iter().map(word).collect::<Vec<_>>().join(", ")
    };
    match caddyfile_parser::parse("Caddyfile", input, &Files::new()) {
        Err(error) => vec![error.message().to_owned()],
        Ok(parsed) => {
            let block = |block: ServerBlock| {
                let segments = block.segments.iter().map(|segment| words(&segment.0));
                [words(&block.keys)].into_iter().chain(segments).collect::<Vec<_>>()
            };
            parsed.blocks.into_iter().flat_map(block).collect()
        }
    }
}
