//! `pogo file-server`: a folder of files, without a Caddyfile.

use super::args::Args;
use super::load::Loaded;
use super::serve::{self, Job};
use super::{command_config, help, terminal};
use anyhow::bail;
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::process::ExitCode;

/// What the flags say.
#[derive(Default)]
struct Options {
    domain: String,
    root: String,
    listen: String,
    browse: bool,
    reveal_symlinks: bool,
    file_limit: u64,
    templates: bool,
    access_log: bool,
    debug: bool,
    no_compress: bool,
    precompressed: Vec<String>,
}

/// A template of listings, to begin one of one's own with.
const TEMPLATE: &str = include_str!("file_server/browse.html");

/// Serves a folder, or prints the template.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    if words.first().is_some_and(|word| word == "export-template") {
        if words.iter().any(|word| word == "--help" || word == "-h") {
            return help::print("file-server export-template");
        }
        terminal::print(TEMPLATE)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(options) = parse(words)? else { return help::print("file-server") };
    if !options.domain.is_empty() && options.listen.is_empty() {
        bail!("--domain is served over HTTPS, which pogo cannot do yet: add --listen :80");
    }
    let listen = match (options.listen.as_str(), options.domain.as_str()) {
        ("", "") => ":80",
        ("", _) => ":443",
        (listen, _) => listen,
    };
    let mut route = json!({"handle": handlers(&options)});
    if !options.domain.is_empty() {
        route["match"] = json!([{"host": [options.domain]}]);
    }
    let server = command_config::server(listen, &[route], options.access_log);
    let servers = Map::from_iter([("static".to_owned(), server)]);
    let config = command_config::config(&servers, options.debug)?;
    let greeting = format!("Pogo serving static files on {listen}");
    serve::serve(Job::new(Loaded::made(config), greeting))
}

fn handlers(options: &Options) -> Vec<Value> {
    let mut handlers = Vec::new();
    if !options.no_compress {
        let encodings = json!({"zstd": {}, "gzip": {}});
        handlers
            .push(json!({"handler": "encode", "encodings": encodings, "prefer": ["zstd", "gzip"]}));
    }
    if options.templates {
        handlers.push(json!({"handler": "templates", "file_root": options.root}));
    }
    let mut files = json!({"handler": "file_server"});
    if !options.root.is_empty() {
        files["root"] = json!(options.root);
    }
    if options.browse {
        let mut browse = Map::new();
        if options.reveal_symlinks {
            browse.insert("reveal_symlinks".to_owned(), json!(true));
        }
        if options.file_limit > 0 {
            browse.insert("file_limit".to_owned(), json!(options.file_limit));
        }
        files["browse"] = Value::Object(browse);
    }
    if !options.precompressed.is_empty() {
        let all = options.precompressed.iter().map(|name| (name.clone(), json!({})));
        files["precompressed"] = Value::Object(all.collect());
        files["precompressed_order"] = json!(options.precompressed);
    }
    handlers.push(files);
    handlers
}

/// The flags; `None` when help is asked for.
fn parse(words: Vec<OsString>) -> anyhow::Result<Option<Options>> {
    let mut options = Options::default();
    let mut args = Args::new("file-server", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return Ok(None),
            "--domain" | "-d" => options.domain = args.value()?,
            "--root" | "-r" => options.root = args.value()?,
            "--listen" | "-l" => options.listen = args.value()?,
            "--browse" | "-b" => options.browse = args.switch()?,
            "--reveal-symlinks" => options.reveal_symlinks = args.switch()?,
            "--file-limit" | "-f" => options.file_limit = args.number()?,
            "--templates" | "-t" => options.templates = args.switch()?,
            "--access-log" | "-a" => options.access_log = args.switch()?,
            "--debug" | "-v" => options.debug = args.switch()?,
            "--no-compress" => options.no_compress = args.switch()?,
            "--precompressed" | "-p" => {
                let value = args.value()?;
                options.precompressed.extend(value.split(',').map(str::to_owned));
            }
            _ => return Err(args.unknown(&flag)),
        }
    }
    Ok(Some(options))
}
