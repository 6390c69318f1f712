//! `pogo completion`: scripts by which shells complete our words.

use super::args::{Args, usage};
use super::commands::{self, COMMANDS, Command, Flag};
use super::{help, terminal};
use std::ffi::OsString;
use std::fmt::Write;
use std::process::ExitCode;

/// Prints the script of a shell.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut args = Args::new("completion", words);
    let mut shells = Vec::new();
    while let Some(flag) = args.next()? {
        match (flag.name(), flag.word()) {
            ("--help" | "-h", _) => return help::print("completion"),
            (_, Some(word)) => shells.push(word.display().to_string()),
            _ => return Err(args.unknown(&flag)),
        }
    }
    let [shell] = shells.as_slice() else {
        return Err(usage!("accepts 1 arg(s), received {}", shells.len()));
    };
    let script = match shell.as_str() {
        "bash" => bash(),
        "zsh" => zsh(),
        "fish" => fish(),
        "powershell" => powershell(),
        other => return Err(usage!("invalid argument \"{other}\" for \"pogo completion\"")),
    };
    terminal::print(script)?;
    Ok(ExitCode::SUCCESS)
}

/// What can follow a command: flags, and the commands within it.
fn followers(command: &Command) -> Vec<String> {
    let flags = command.flags.iter().flat_map(|flag| {
        let short = flag.short.map(|letter| format!("-{letter}"));
        [Some(format!("--{}", flag.long)), short].into_iter().flatten()
    });
    let operands = match command.name {
        "completion" => "bash zsh fish powershell",
        _ => "",
    };
    let within = commands::within(command.name).map(|(rest, _)| rest.to_owned());
    let operands = operands.split_whitespace().map(str::to_owned);
    flags.chain(["--help".to_owned()]).chain(within).chain(operands).collect()
}

/// Flags of any command that a file follows.
fn path_flags() -> Vec<String> {
    let mut all: Vec<String> = COMMANDS
        .iter()
        .flat_map(|command| command.flags)
        .filter(|flag| flag.is_path())
        .map(|flag| format!("--{}", flag.long))
        .collect();
    all.sort();
    all.dedup();
    all
}

fn names() -> String {
    commands::outer().map(|command| command.name).collect::<Vec<_>>().join(" ")
}

fn bash() -> String {
    let mut cases = String::new();
    for command in COMMANDS.iter().rev() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            cases,
            "\t\"{}\"*) words=\"{}\" ;;",
            command.name,
            followers(command).join(" ")
        );
    }
    format!(
        "# Completes the words of pogo in bash.\n\
         _pogo() {{\n\
         \tlocal current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words\n\
         \tcase $before in\n\
         \t{paths}|-c|-o|-i) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n\
         \tesac\n\
         \tif ((COMP_CWORD == 1)); then\n\
         \t\tCOMPREPLY=($(compgen -W \"{names}\" -- \"$current\"))\n\
         \t\treturn\n\
         \tfi\n\
         \tcase \"${{COMP_WORDS[*]:1:COMP_CWORD-1}}\" in\n\
         {cases}\
         \tesac\n\
         \tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n\
         \t((${{#COMPREPLY[@]}})) || COMPREPLY=($(compgen -f -- \"$current\"))\n\
         }}\n\
         complete -F _pogo pogo\n",
        paths = path_flags().join("|"),
        names = names(),
    )
}

fn zsh() -> String {
    let quoted = |text: &str| text.replace('\'', "'\\''").replace(['[', ']', ':'], " ");
    let described: String = commands::outer()
        .map(|command| format!("\t\t'{}:{}'\n", command.name, quoted(command.short)))
        .collect();
    let mut cases = String::new();
    for command in commands::outer() {
        let flag = |flag: &Flag| {
            let value = match (flag.value, flag.is_path()) {
                ("", _) => String::new(),
                (_, true) => ":file:_files".to_owned(),
                (name, false) => format!(":{}: ", quoted(name)),
            };
            let about = quoted(flag.about);
            let short = flag.short.map(|letter| format!(" '-{letter}[{about}]{value}'"));
            format!(" '--{}[{about}]{value}'{}", flag.long, short.unwrap_or_default())
        };
        let flags: String = command.flags.iter().map(flag).collect();
        let inner: Vec<_> = commands::within(command.name).map(|(rest, _)| rest).collect();
        let words = match (command.name, inner.as_slice()) {
            ("completion", _) => " '*:shell:(bash zsh fish powershell)'".to_owned(),
            (_, []) => " '*:file:_files'".to_owned(),
            (_, inner) => format!(" '*:command:({})'", inner.join(" ")),
        };
        let _ = writeln!(cases, "\t{}) _arguments{flags} '--help[Help]'{words} ;;", command.name);
    }
    format!(
        "#compdef pogo\n\
         # Completes the words of pogo in zsh.\n\
         _pogo() {{\n\
         \tlocal -a commands=(\n{described}\t)\n\
         \tif ((CURRENT == 2)); then\n\
         \t\t_describe command commands\n\
         \t\treturn\n\
         \tfi\n\
         \tlocal command=$words[2]\n\
         \tshift words\n\
         \t((CURRENT--))\n\
         \tcase $command in\n{cases}\tesac\n\
         }}\n\
         if [[ $funcstack[1] == _pogo ]]; then _pogo \"$@\"; else compdef _pogo pogo; fi\n"
    )
}

fn fish() -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let mut out = String::from("# Completes the words of pogo in fish.\n");
    for command in commands::outer() {
        let (name, about) = (command.name, quoted(command.short));
        let _ =
            writeln!(out, "complete -c pogo -n __fish_use_subcommand -f -a {name} -d '{about}'");
        let seen = format!("complete -c pogo -n '__fish_seen_subcommand_from {name}'");
        for flag in command.flags {
            let short = flag.short.map(|letter| format!(" -s {letter}")).unwrap_or_default();
            let value = match (flag.value, flag.is_path()) {
                ("", _) => "",
                (_, true) => " -r -F",
                (_, false) => " -x",
            };
            let about = quoted(flag.about);
            let _ = writeln!(out, "{seen} -l {}{short}{value} -d '{about}'", flag.long);
        }
        for (rest, inner) in commands::within(name) {
            let _ = writeln!(out, "{seen} -f -a {rest} -d '{}'", quoted(inner.short));
        }
        if name == "completion" {
            let _ = writeln!(out, "{seen} -f -a 'bash zsh fish powershell'");
        }
    }
    out
}

fn powershell() -> String {
    let list = |words: &[String]| {
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
    };
    let names: Vec<String> = commands::outer().map(|one| one.name.to_owned()).collect();
    let cases: String = commands::outer()
        .map(|command| format!("        '{}' {{ {} }}\n", command.name, list(&followers(command))))
        .collect();
    format!(
        "# Completes the words of pogo in PowerShell.\n\
         Register-ArgumentCompleter -Native -CommandName pogo -ScriptBlock {{\n    \
             param($word, $line, $cursor)\n    \
             $before = @($line.CommandElements | ForEach-Object {{ $_.ToString() }})\n    \
             $is_first = $before.Count -lt 2 -or ($before.Count -eq 2 -and $word -ne '')\n    \
             $words = if ($is_first) {{ {names} }} else {{ switch ($before[1]) {{\n{cases}    }} }}\n    \
             $words | Where-Object {{ $_ -like \"$word*\" }} | ForEach-Object {{\n        \
                 [System.Management.Automation.CompletionResult]::new($_)\n    \
             }}\n\
         }}\n",
        names = list(&names),
    )
}
