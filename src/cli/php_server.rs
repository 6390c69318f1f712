//! `pogo php-server`: a folder with PHP, without a Caddyfile.

use super::args::Args;
use super::help;
use super::load::Loaded;
use super::serve::{self, Job};
use crate::adapter::php_server_command::{Options, config};
use anyhow::{anyhow, bail};
use std::ffi::OsString;
use std::process::ExitCode;

/// Serves a folder.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some(options) = parse(words)? else { return help::print("php-server") };
    if !options.domain.is_empty() && options.listen.is_empty() {
        bail!("--domain is served over HTTPS, which pogo cannot do yet: add --listen :80");
    }
    let config = config(&options);
    let listen = if options.listen.is_empty() { ":80" } else { &options.listen };
    let greeting = format!("Pogo serving PHP app on {listen}");
    serve::serve(Job::new(Loaded::made(config), greeting))
}

/// The flags; `None` when help is asked for.
fn parse(words: Vec<OsString>) -> anyhow::Result<Option<Options>> {
    let mut options = Options { compress: true, ..Options::default() };
    let mut args = Args::new("php-server", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return Ok(None),
            "--domain" | "-d" => options.domain = args.value()?,
            "--root" | "-r" => options.root = args.value()?,
            "--listen" | "-l" => options.listen = args.value()?,
            "--worker" | "-w" => options.workers.push(worker(&args.value()?)?),
            "--access-log" | "-a" => options.access_log = args.switch()?,
            "--debug" | "-v" => options.debug = args.switch()?,
            "--no-compress" => options.compress = !args.switch()?,
            "--mercure" | "-m" => bail!("--mercure is not there: pogo has no Mercure hub"),
            "--watch" => bail!("--watch is not there yet: restart pogo after a change"),
            _ => return Err(args.unknown(&flag)),
        }
    }
    Ok(Some(options))
}

/// `file` or `file,number`.
fn worker(value: &str) -> anyhow::Result<(String, u32)> {
    let Some((file, number)) = value.split_once(',') else { return Ok((value.to_owned(), 0)) };
    let number = number
        .parse()
        .map_err(|_| anyhow!("strconv.ParseUint: parsing {number:?}: invalid syntax"))?;
    Ok((file.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_options() {
        let words = ["-r", "public", "--worker", "w.php,3", "-w", "v.php", "--no-compress", "-a"];
        let options = parse(words.iter().map(OsString::from).collect());
        let options = options.expect("valid").expect("no help");
        assert_eq!(options.root, "public");
        assert_eq!(options.workers, [("w.php".to_owned(), 3), ("v.php".to_owned(), 0)]);
        assert!(options.access_log && !options.compress && !options.debug);
    }

    #[test]
    fn a_worker_count_must_be_a_number() {
        let error = worker("w.php,many").expect_err("no number");
        assert_eq!(error.to_string(), "strconv.ParseUint: parsing \"many\": invalid syntax");
    }
}
