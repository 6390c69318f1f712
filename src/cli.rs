//! The command line: a file per command, and the only place that prints.
//!
//! In reading order: [`commands`] tells which commands and flags there are, to people and to
//! shells; [`args`] reads flags in the words of Caddy's command line, [`terminal`]
//! writes results and errors, [`load`] finds a configuration and reads it; then the
//! commands, `run` and `php-server` among them through [`serve`], where the parts of the
//! server are put together.
//!
//! Exit codes are Caddy's: 0 done, 1 failed to start, 2 a second signal ended it at once.

mod adapt;
mod args;
mod build_info;
mod command_config;
mod commands;
mod completion;
mod endpoint;
mod env_file;
mod environ;
mod file_server;
mod fmt;
mod hash_password;
mod help;
mod languages;
mod list_modules;
mod load;
mod manpage;
mod php_cli;
mod php_server;
mod reload;
mod respond;
mod run;
mod serve;
mod start;
mod stop;
mod storage;
mod terminal;
mod validate;
mod version;
mod watch;

use crate::adapter::nearest;
use args::{Args, Flag, usage};
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let word = words.next();
    match dispatch(word.as_ref().map(|w| w.to_string_lossy()).as_deref(), words.collect()) {
        Ok(code) => code,
        Err(error) => {
            terminal::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Option<&str>, words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    match command {
        None | Some("help" | "--help" | "-h") => help::command(&words),
        Some("adapt") => adapt::command(words),
        Some("build-info") => build_info::command(words),
        Some("completion") => completion::command(words),
        Some("environ") => environ::command(words),
        Some("file-server") => file_server::command(words),
        Some("fmt") => fmt::command(words),
        Some("hash-password") => hash_password::command(words),
        Some("list-modules") => list_modules::command(words),
        Some("manpage") => manpage::command(words),
        Some("php-cli") => php_cli::command(&words),
        Some("php-server") => php_server::command(words),
        Some("reload") => reload::command(words),
        Some("respond") => respond::command(words),
        Some("run") => run::command(words),
        Some("start") => start::command(words),
        Some("stop") => stop::command(words),
        Some("storage") => storage::command(words),
        Some("validate") => validate::command(words),
        Some("version" | "--version" | "-v") => version::command(words),
        Some(word) if word.starts_with('-') && word.contains(|c| c != '-') => {
            let mut args = Args::new("", vec![word.into()]);
            let flag = args.next()?.unwrap_or(Flag::Word(word.into()));
            Err(args.unknown(&flag))
        }
        Some(word) => {
            let meant = nearest(word, commands::outer().map(|command| command.name));
            let meant = meant.map(|near| format!("\n\nDid you mean this?\n\t{near}\n"));
            Err(usage!(
                "unknown command \"{word}\" for \"pogo\"{}\nRun 'pogo --help' for usage.",
                meant.unwrap_or_default()
            ))
        }
    }
}
