//! Flags, with errors in the words of Caddy's command line.

use super::commands;
use std::ffi::OsString;

/// What is wrong with a command line: told in a plain line even where errors are logged,
/// because who typed it reads it.
#[derive(Debug)]
pub(super) struct Usage(pub(super) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A usage error with a formatted text.
macro_rules! usage {
    ($($text:tt)*) => { anyhow::Error::new($crate::cli::args::Usage(format!($($text)*))) };
}
pub(super) use usage;

/// What a command line holds next.
pub(super) enum Flag {
    /// `-x` or `--xyz`, with its dashes.
    Name(String),
    /// A word that is no flag.
    Word(OsString),
}

impl Flag {
    /// The flag with its dashes; empty for a word, whatever it looks like.
    pub(super) fn name(&self) -> &str {
        match self {
            Flag::Name(name) => name,
            Flag::Word(_) => "",
        }
    }

    /// The word that is no flag.
    pub(super) fn word(&self) -> Option<&OsString> {
        match self {
            Flag::Name(_) => None,
            Flag::Word(word) => Some(word),
        }
    }
}

/// Reads a command's words one by one.
pub(super) struct Args {
    parser: lexopt::Parser,
    command: &'static str,
    /// The flag read last as it was typed.
    typed: String,
    /// The same, for the message about its missing value.
    flag: String,
}

impl Args {
    /// Reads the words that follow `command`.
    pub(super) fn new(command: &'static str, words: Vec<OsString>) -> Self {
        Self {
            parser: lexopt::Parser::from_args(words),
            command,
            typed: String::new(),
            flag: String::new(),
        }
    }

    /// The next flag or word; `None` at the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Flag>> {
        let next = match self.parser.next() {
            Ok(Some(lexopt::Arg::Short(c))) => Flag::Name(format!("-{c}")),
            Ok(Some(lexopt::Arg::Long(name))) => Flag::Name(format!("--{name}")),
            Ok(Some(lexopt::Arg::Value(word))) => Flag::Word(word),
            Ok(None) => return Ok(None),
            Err(lexopt::Error::UnexpectedValue { option, .. }) => {
                return Err(usage!("flag takes no value: {option}"));
            }
            Err(e) => return Err(usage!("{e}")),
        };
        self.typed = next.name().to_owned();
        self.flag = said(next.name());
        Ok(Some(next))
    }

    /// The value of the flag read last.
    pub(super) fn value(&mut self) -> anyhow::Result<String> {
        let value =
            self.parser.value().map_err(|_| usage!("flag needs an argument: {}", self.flag))?;
        value.into_string().map_err(|value| usage!("{} is not UTF-8", value.display()))
    }

    /// The number behind the flag read last, which is not negative.
    pub(super) fn number(&mut self) -> anyhow::Result<u64> {
        let value = self.value()?;
        value.parse().map_err(|_| self.invalid(&value, "ParseInt", "invalid syntax"))
    }

    /// The same, which may be negative.
    pub(super) fn integer(&mut self) -> anyhow::Result<i64> {
        let value = self.value()?;
        value.parse().map_err(|_| self.invalid(&value, "ParseInt", "invalid syntax"))
    }

    /// The number behind the flag read last, up to a bound.
    pub(super) fn number_to(&mut self, most: u64) -> anyhow::Result<u64> {
        let value = self.value()?;
        let number = value.parse().map_err(|error: std::num::ParseIntError| *error.kind());
        let why = match number {
            Ok(number) if number <= most => return Ok(number),
            Ok(_) | Err(std::num::IntErrorKind::PosOverflow) => "value out of range",
            Err(_) => "invalid syntax",
        };
        Err(self.invalid(&value, "ParseUint", why))
    }

    /// What is wrong with the value of the flag read last.
    fn invalid(&self, value: &str, function: &str, why: &str) -> anyhow::Error {
        let flag = commands::flag(self.command, &self.typed).map(commands::Flag::shown);
        let flag = flag.unwrap_or_else(|| self.typed.clone());
        usage!(
            "invalid argument {value:?} for \"{flag}\" flag: strconv.{function}: parsing \
             {value:?}: {why}"
        )
    }

    /// Whether the flag read last is set: `--flag`, `--flag=true`, `--flag=false`.
    pub(super) fn switch(&mut self) -> anyhow::Result<bool> {
        let Some(value) = self.parser.optional_value() else { return Ok(true) };
        match value.to_str() {
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            _ => Err(self.invalid(&value.to_string_lossy(), "ParseBool", "invalid syntax")),
        }
    }

    /// The error for a flag or word that the command does not know.
    pub(super) fn unknown(&self, flag: &Flag) -> anyhow::Error {
        match flag {
            Flag::Name(name) if name.starts_with("--") => usage!("unknown flag: {name}"),
            Flag::Name(name) => usage!("unknown shorthand flag: {}", said(name)),
            Flag::Word(word) => {
                usage!("unknown command \"{}\" for \"pogo {}\"", word.display(), self.command)
            }
        }
    }
}

/// A flag as the messages name it.
fn said(name: &str) -> String {
    match name.strip_prefix('-') {
        Some(letter) if !letter.starts_with('-') => format!("'{letter}' in {name}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], want: &str) {
        let mut args = Args::new("run", words.iter().map(OsString::from).collect());
        let mut seen = Vec::new();
        let end = loop {
            match step(&mut args, &mut seen) {
                Ok(true) => {}
                Ok(false) => break String::new(),
                Err(e) => break format!("error: {e}"),
            }
        };
        seen.extend(Some(end).filter(|e| !e.is_empty()));
        assert_eq!(seen.join(" | "), want);
    }

    fn step(args: &mut Args, seen: &mut Vec<String>) -> anyhow::Result<bool> {
        let Some(flag) = args.next()? else { return Ok(false) };
        seen.push(match flag.name() {
            "-c" => format!("c {}", args.value()?),
            "--config" => format!("config {}", args.value()?),
            "--pretty" => format!("pretty {}", args.switch()?),
            _ => return Err(args.unknown(&flag)),
        });
        Ok(true)
    }

    #[test]
    fn values_stand_apart_or_behind_an_equals_sign() {
        check(&["-c", "a", "--config", "b", "--config=c"], "c a | config b | config c");
    }

    #[test]
    fn a_switch_may_be_spelled_out() {
        check(&["--pretty", "--pretty=false"], "pretty true | pretty false");
    }

    #[test]
    fn errors_name_the_flag() {
        check(&["--config"], "error: flag needs an argument: --config");
        check(&["-c"], "error: flag needs an argument: 'c' in -c");
        check(&["--nope"], "error: unknown flag: --nope");
        check(&["-n"], "error: unknown shorthand flag: 'n' in -n");
        check(
            &["--pretty=x"],
            "error: invalid argument \"x\" for \"--pretty\" flag: strconv.ParseBool: parsing \"x\": invalid syntax",
        );
        check(&["word"], "error: unknown command \"word\" for \"pogo run\"");
    }
}
