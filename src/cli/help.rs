//! `pogo help`.

use super::args::usage;
use super::commands::{self, Command, Flag};
use super::terminal;
use std::ffi::OsString;
use std::process::ExitCode;

const INTRODUCTION: &str = "\
Pogo is a Caddy-compatible web and PHP application server with pools of task workers.

Usage:
  pogo [command]

Examples:
  $ pogo run
  $ pogo run --config Caddyfile
  $ pogo php-server --root public

Available Commands:
";

/// `pogo help [command]`.
pub(super) fn command(words: &[OsString]) -> anyhow::Result<ExitCode> {
    let words: Vec<String> = words.iter().map(|word| word.display().to_string()).collect();
    if words.is_empty() {
        terminal::print(overview())?;
        return Ok(ExitCode::SUCCESS);
    }
    // Of several words, as many as name a command.
    let named = |count: usize| commands::find(&words[..count].join(" "));
    let found = (1..=words.len().min(2)).rev().find_map(named);
    let found = found.ok_or_else(|| {
        usage!("unknown help topic \"{}\" (\"pogo help\" lists the commands)", words[0])
    })?;
    terminal::print(text(found))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the help of a command that was called with `--help`.
pub(super) fn print(name: &str) -> anyhow::Result<ExitCode> {
    terminal::print(commands::find(name).map_or_else(overview, text))?;
    Ok(ExitCode::SUCCESS)
}

fn overview() -> String {
    let rows: Vec<_> = commands::outer().map(|one| (one.name.to_owned(), one.short)).collect();
    let flags = [
        ("-h, --help".to_owned(), "Help for pogo"),
        ("-v, --version".to_owned(), "The versions of Pogo and of the PHP it runs"),
    ];
    let end = "Use \"pogo [command] --help\" for more about a command.\n";
    format!("{INTRODUCTION}{}\nFlags:\n{}\n{end}", table(&rows), table(&flags))
}

/// The help of a command.
fn text(command: &Command) -> String {
    let Command { name, short, long, .. } = command;
    let long = if long.is_empty() { String::new() } else { format!("\n{long}") };
    let mut text = format!("{short}.\n{long}\nUsage:\n  {}\n", synopsis(command));
    let within: Vec<_> =
        commands::within(name).map(|(rest, inner)| (rest.to_owned(), inner.short)).collect();
    if !within.is_empty() {
        text += &format!("\nAvailable Commands:\n{}", table(&within));
    }
    let mut flags: Vec<_> = command.flags.iter().map(|flag| (left(flag), flag.about)).collect();
    flags.push(("-h, --help".to_owned(), "Help for this command"));
    text + &format!("\nFlags:\n{}", table(&flags))
}

/// How a command is called.
pub(super) fn synopsis(command: &Command) -> String {
    let mut text = format!("pogo {}", command.name);
    for flag in command.flags {
        let value =
            if flag.value.is_empty() { String::new() } else { format!(" <{}>", flag.value) };
        text += &format!(" [--{}{value}]", flag.long);
    }
    if !command.operands.is_empty() {
        text += &format!(" {}", command.operands);
    }
    text
}

/// A flag with its value.
fn left(flag: &Flag) -> String {
    let indent = if flag.short.is_some() { "" } else { "    " };
    format!("{indent}{} {}", flag.shown(), flag.value).trim_end().to_owned()
}

/// Two columns.
fn table(rows: &[(String, &str)]) -> String {
    let width = rows.iter().map(|(left, _)| left.len()).max().unwrap_or(0);
    rows.iter().map(|(left, right)| format!("  {left:width$}   {right}\n")).collect()
}
