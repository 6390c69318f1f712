//! `pogo fmt`: a Caddyfile as it should look.

mod diff;

use super::args::{Args, Flag};
use super::load::reason;
use super::{help, terminal};
use anyhow::{Context, anyhow, bail};
use caddyfile_parser::{Disk, LoadError, Loader, first_unformatted_line, format};
use diff::Side;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::process::ExitCode;

/// Formats a Caddyfile to standard output, or in place.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut config = String::new();
    let (mut overwrite, mut diff) = (false, false);
    let mut args = Args::new("fmt", words);
    let mut words = Vec::new();
    while let Some(flag) = args.next()? {
        match (flag.name(), &flag) {
            ("--help" | "-h", _) => return help::print("fmt"),
            ("--overwrite" | "-w", _) => overwrite = args.switch()?,
            ("--diff" | "-d", _) => diff = args.switch()?,
            ("--config" | "-c", _) => config = args.value()?,
            (_, Flag::Word(word)) => words.push(word.display().to_string()),
            _ => return Err(args.unknown(&flag)),
        }
    }
    if words.len() + usize::from(!config.is_empty()) > 1 {
        bail!("fmt does not support multiple files {config} {}", words.join(" "));
    }
    let file = words.pop().unwrap_or(config);
    let file = if file.is_empty() { "Caddyfile" } else { &file };
    let input = read(file)?;
    let formatted = format(&input);
    if file == "-" {
        // Neither overwritten nor compared.
        terminal::print(&formatted)?;
        return Ok(ExitCode::SUCCESS);
    }
    if overwrite {
        write(file, &formatted)?;
        return Ok(ExitCode::SUCCESS);
    }
    if diff {
        terminal::print(differences(&input, &formatted))?;
    } else {
        terminal::print(&formatted)?;
    }
    match first_unformatted_line(&input) {
        None => Ok(ExitCode::SUCCESS),
        Some(line) => bail!(
            "{file}:{line}: Caddyfile input is not formatted; Tip: use '--overwrite' to update \
             your Caddyfile in-place instead of previewing it. Consult '--help' for more options"
        ),
    }
}

/// The lines of both, behind two blanks, or `-` or `+` and a blank where they differ.
fn differences(input: &[u8], formatted: &[u8]) -> Vec<u8> {
    let [before, after] = [input, formatted].map(|text| text.split(|byte| *byte == b'\n'));
    let (before, after): (Vec<&[u8]>, Vec<&[u8]>) = (before.collect(), after.collect());
    let mut shown = Vec::new();
    for (side, line) in diff::lines(&before, &after) {
        let mark: &[u8] = match side {
            Side::Both => b"  ",
            Side::First => b"- ",
            Side::Second => b"+ ",
        };
        shown.extend([mark, line, b"\n"].concat());
    }
    shown
}

fn write(file: &str, text: &[u8]) -> anyhow::Result<()> {
    let open = || OpenOptions::new().write(true).create(true).truncate(true).open(file);
    open()
        .map_err(|e| anyhow!("open {file}: {}", reason(&e)))
        .and_then(|mut f| f.write_all(text).map_err(|e| anyhow!("write {file}: {}", reason(&e))))
        .context("overwriting formatted file")
}

fn read(file: &str) -> anyhow::Result<Vec<u8>> {
    if file == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("reading stdin")?;
        return Ok(bytes);
    }
    Disk.read(file)
        .map_err(|e| match e {
            LoadError::Open(text) | LoadError::Read(text) => anyhow!(text),
            LoadError::Directory => anyhow!("read {file}: is a directory"),
        })
        .context("reading input file")
}
