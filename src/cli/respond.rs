//! `pogo respond`: one fixed answer, without a Caddyfile.

use super::args::{Args, Flag, usage};
use super::load::Loaded;
use super::serve::{self, Job};
use super::{command_config, help};
use crate::http::NetworkAddress;
use anyhow::{anyhow, bail};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::process::ExitCode;

/// What the flags say.
#[derive(Default)]
struct Options {
    listen: String,
    status: Option<u64>,
    body: String,
    headers: Map<String, Value>,
    access_log: bool,
    debug: bool,
    argument: Option<String>,
}

/// Serves the answer.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some(mut options) = parse(words)? else { return help::print("respond") };
    options.settle()?;
    let listen = if options.listen.is_empty() { ":0" } else { &options.listen };
    let address = NetworkAddress::parse(listen, 0).map_err(|why| anyhow!("{why}"))?;
    let mut servers = Map::new();
    if address.is_unix() || address.is_fd() {
        servers.insert("static0".to_owned(), options.server(listen, 0, 0));
    } else {
        for (number, port) in (address.ports.0..=address.ports.1).enumerate() {
            let server = options.server(&address.join(port), number, port);
            servers.insert(format!("static{number}"), server);
        }
    }
    let config = command_config::config(&servers, options.debug)?;
    let job = Job::new(Loaded::made(config), "serving one answer");
    serve::serve(Job { names_addresses: true, ..job })
}

impl Options {
    /// Finds out what the argument without a flag is: a status, or the body. Without a
    /// body that is what comes through standard input, if that is a pipe.
    fn settle(&mut self) -> anyhow::Result<()> {
        if let Some(argument) = self.argument.take() {
            if !self.body.is_empty() && self.status.is_some() {
                bail!("unflagged argument \"{argument}\" is overridden by flags");
            }
            match argument.parse::<u64>() {
                Ok(status) if self.status.is_none() => {
                    self.status = (100..=999).contains(&status).then_some(status);
                }
                _ if self.body.is_empty() => self.body = argument,
                _ => {}
            }
        }
        if self.body.is_empty() && stdin_is_pipe() {
            std::io::stdin().lock().read_to_string(&mut self.body)?;
        }
        Ok(())
    }

    /// The server of one address. In the body `{{.N}}`, `{{.Port}}` and `{{.Address}}` say
    /// which one it is.
    fn server(&self, address: &str, number: usize, port: u16) -> Value {
        let mut body = self.body.clone();
        for (name, value) in
            [("N", number.to_string()), ("Port", port.to_string()), ("Address", address.to_owned())]
        {
            body = body.replace(&format!("{{{{.{name}}}}}"), &value);
        }
        let mut handler =
            json!({"handler": "static_response", "status_code": self.status.unwrap_or(200)});
        if !body.is_empty() {
            handler["body"] = json!(body);
        }
        if !self.headers.is_empty() {
            handler["headers"] = Value::Object(self.headers.clone());
        }
        let route = json!({"handle": [handler]});
        let mut server = command_config::server(address, &[route], self.access_log);
        server["automatic_https"] = json!({"disable": true});
        server
    }
}

fn stdin_is_pipe() -> bool {
    use std::os::fd::AsFd;
    let stdin = std::io::stdin();
    let copy = stdin.as_fd().try_clone_to_owned().map(std::fs::File::from);
    copy.and_then(|file| file.metadata()).is_ok_and(|meta| meta.file_type().is_fifo())
}

/// The flags; `None` when help is asked for.
fn parse(words: Vec<OsString>) -> anyhow::Result<Option<Options>> {
    let mut options = Options::default();
    let mut args = Args::new("respond", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return Ok(None),
            "--listen" | "-l" => options.listen = args.value()?,
            "--status" | "-s" => options.status = Some(args.number()?),
            "--body" | "-b" => options.body = args.value()?,
            "--access-log" => options.access_log = args.switch()?,
            "--debug" | "-v" => options.debug = args.switch()?,
            "--header" | "-H" => {
                let text = args.value()?;
                let field = text.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
                let Some((name, value)) = field.filter(|(n, v)| !n.is_empty() && !v.is_empty())
                else {
                    let number = options.headers.len();
                    return Err(usage!(
                        "header {number}: invalid format \"{text}\" (expecting \"Field: value\")"
                    ));
                };
                options.headers.insert(name.to_owned(), json!([value]));
            }
            _ => match flag {
                Flag::Word(word) if options.argument.is_none() => {
                    options.argument = Some(word.to_string_lossy().into_owned());
                }
                Flag::Word(_) => bail!("too many unflagged arguments"),
                flag => return Err(args.unknown(&flag)),
            },
        }
    }
    Ok(Some(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status and the body that these words stand for.
    #[track_caller]
    fn check(words: &[&str], status: u64, body: &str) {
        let options = parse(words.iter().map(OsString::from).collect()).expect("valid");
        let mut options = options.expect("no help");
        options.argument.get_or_insert_with(|| "x".to_owned());
        options.settle().expect("valid");
        assert_eq!((options.status.unwrap_or(200), options.body.as_str()), (status, body));
    }

    #[test]
    fn an_argument_is_a_status_or_a_body() {
        check(&["hello"], 200, "hello");
        check(&["--status", "201", "202"], 201, "202");
        check(&["--body", "b", "404"], 404, "b");
        check(&["-s", "500"], 500, "x");
    }

    #[test]
    fn a_body_can_name_its_server() {
        let options =
            Options { body: "{{.N}} {{.Port}} {{.Address}}".to_owned(), ..Options::default() };
        let server = options.server(":81", 1, 81);
        assert_eq!(server["routes"][0]["handle"][0]["body"], "1 81 :81");
    }
}
