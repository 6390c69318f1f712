//! `pogo manpage`: manual pages of section 8, a file per command.

use super::args::Args;
use super::commands::{self, COMMANDS, Command};
use super::help;
use anyhow::Context;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// The exit code when it is not said where to write them, as Caddy's.
const NO_FOLDER: u8 = 3;

/// Writes them.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut folder = String::new();
    let mut args = Args::new("manpage", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return help::print("manpage"),
            "--directory" | "-o" => folder = args.value()?,
            _ => return Err(args.unknown(&flag)),
        }
    }
    if folder.is_empty() {
        let text = "designated output directory and specified section are required";
        super::terminal::error(&anyhow::anyhow!(text));
        return Ok(ExitCode::from(NO_FOLDER));
    }
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    write(folder, "pogo", &overview())?;
    for command in &COMMANDS {
        write(folder, &format!("pogo-{}", command.name.replace(' ', "-")), &page(command))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(folder: &Path, name: &str, page: &str) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.8"));
    std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))
}

fn overview() -> String {
    let commands: String = commands::outer()
        .map(|one| format!(".TP\n.B pogo {}\n{}\n", escaped(one.name), escaped(one.short)))
        .collect();
    let about = "A Caddy-compatible web and PHP application server";
    format!(
        "{}.SH NAME\npogo \\- {about}\n.SH SYNOPSIS\n.B pogo\n[command]\n.SH COMMANDS\n{commands}",
        title("POGO")
    )
}

/// The page of a command.
fn page(command: &Command) -> String {
    let name = format!("pogo-{}", command.name.replace(' ', "-"));
    let mut text = title(&name.to_uppercase());
    text += &format!(".SH NAME\n{} \\- {}\n", escaped(&name), escaped(command.short));
    text += &format!(".SH SYNOPSIS\n.B {}\n", escaped(&help::synopsis(command)));
    if !command.long.is_empty() {
        text += &format!(".SH DESCRIPTION\n.nf\n{}.fi\n", escaped(command.long));
    }
    text += ".SH OPTIONS\n";
    for flag in command.flags {
        let value =
            if flag.value.is_empty() { String::new() } else { format!(" <{}>", flag.value) };
        let left = escaped(&(flag.shown() + &value));
        text += &format!(".TP\n.B {left}\n{}\n", escaped(flag.about));
    }
    let help = escaped("-h, --help");
    text += &format!(".TP\n.B {help}\nHelp for this command\n");
    let outer = command.name.split_once(' ').map(|(outer, _)| format!("pogo-{outer}"));
    let mut see: Vec<String> = vec!["pogo".to_owned()];
    see.extend(outer);
    see.extend(commands::within(command.name).map(|(rest, _)| format!("{name}-{rest}")));
    let see: Vec<_> = see.iter().map(|page| format!("{}(8)", escaped(page))).collect();
    text + &format!(".SH SEE ALSO\n{}\n", see.join(", "))
}

fn title(name: &str) -> String {
    format!(".TH {} 8 \"\" \"pogo {}\"\n", escaped(name), env!("CARGO_PKG_VERSION"))
}

/// A text without what roff takes for its own.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = text.split_inclusive('\n').map(|line| {
        let is_request = line.starts_with(['.', '\'']);
        if is_request { format!("\\&{line}") } else { line.to_owned() }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_page_is_taken_for_a_request() {
        assert_eq!(escaped(".x\n'y --z \\"), "\\&.x\n\\&'y \\-\\-z \\e");
        for command in &COMMANDS {
            let page = page(command);
            let known = [".TH", ".SH", ".TP", ".B ", ".nf", ".fi"];
            let requests = page.lines().filter(|line| line.starts_with('.'));
            for line in requests {
                assert!(known.iter().any(|known| line.starts_with(known)), "{line}");
            }
        }
    }
}
