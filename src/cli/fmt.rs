//! `pogo fmt`: a Caddyfile as it should look.

use super::args::{Args, Flag};
use super::load::reason;
use super::{help, terminal};
use anyhow::{Context, anyhow, bail};
use caddyfile_parser::{first_unformatted_line, format};
use std::ffi::OsString;
use std::io::{self, Read};
use std::process::ExitCode;

/// Formats a Caddyfile to standard output, or in place.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut file = "Caddyfile".to_owned();
    let mut overwrite = false;
    let mut args = Args::new("fmt", words);
    let mut words = Vec::new();
    while let Some(flag) = args.next()? {
        match (flag.name(), &flag) {
            ("--help" | "-h", _) => return help::print("fmt"),
            ("--overwrite" | "-w", _) => overwrite = args.switch()?,
            ("--config" | "-c", _) => file = args.value()?,
            ("--diff" | "-d", _) => bail!("--diff is not there yet: compare with the output"),
            (_, Flag::Word(word)) => words.push(word.display().to_string()),
            _ => return Err(args.unknown(&flag)),
        }
    }
    if words.len() > 1 {
        // Caddy's text, with its two blanks.
        bail!("fmt does not support multiple files  {}", words.join(" "));
    }
    let file = words.pop().unwrap_or(file);
    let input = read(&file)?;
    let formatted = format(&input);
    if overwrite && file != "-" {
        std::fs::write(&file, &formatted)
            .map_err(|e| anyhow!("open {file}: {}", reason(&e)))
            .context("writing formatted file")?;
        return Ok(ExitCode::SUCCESS);
    }
    terminal::print(&formatted)?;
    match first_unformatted_line(&input).filter(|_| file != "-") {
        None => Ok(ExitCode::SUCCESS),
        Some(line) => bail!(
            "{file}:{line}: Caddyfile input is not formatted; Tip: use '--overwrite' to update \
             your Caddyfile in-place instead of previewing it. Consult '--help' for more options"
        ),
    }
}

fn read(file: &str) -> anyhow::Result<Vec<u8>> {
    if file == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("reading stdin")?;
        return Ok(bytes);
    }
    std::fs::read(file)
        .map_err(|e| anyhow!("open {file}: {}", reason(&e)))
        .context("reading input file")
}
