//! Files of environment variables, as `--envfile` takes them.

use anyhow::{Context, bail};
use std::fs;

/// Reads the variables of a file.
pub(super) fn read(path: &str) -> anyhow::Result<Vec<(String, String)>> {
    let text = fs::read_to_string(path)
        .map_err(|e| anyhow::anyhow!("open {path}: {}", super::load::reason(&e)))
        .context("reading environment file")?;
    parse(&text).context("parsing environment file")
}

/// `KEY=VALUE` lines; `export ` before the key, comments, values in single or double
/// quotes that may span lines, and `\n` in double quotes, as Caddy reads them.
fn parse(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let number = number + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            bail!("can't parse line {number}; line should be in KEY=VALUE format");
        };
        let key = key.strip_prefix("export ").unwrap_or(key).trim_start();
        if key.is_empty() {
            bail!("missing or empty key on line {number}");
        }
        if key.contains(char::is_whitespace) {
            bail!("invalid key on line {number}: contains whitespace: {key}");
        }
        if value.starts_with(char::is_whitespace) {
            bail!("invalid value on line {number}: whitespace before value: '{value}'");
        }
        let rest = std::iter::from_fn(|| lines.next().map(|(_, line)| line));
        found.push((key.to_owned(), value_of(value, rest)));
    }
    Ok(found)
}

/// The value that begins with `first`; a quoted one goes on in `rest` until its quote closes.
fn value_of<'a>(first: &'a str, mut rest: impl Iterator<Item = &'a str>) -> String {
    let Some(quote @ ('"' | '\'')) = first.chars().next() else {
        let comment = first.find(" #").unwrap_or(first.len());
        return first[..comment].trim_end().to_owned();
    };
    let mut value = first[1..].to_owned();
    loop {
        if let Some(end) = closing(&value, quote) {
            value.truncate(end);
            break;
        }
        let Some(line) = rest.next() else { break };
        value.push('\n');
        value.push_str(line);
    }
    match quote {
        '"' => value.replace("\\\"", "\""),
        _ => value.replace("\\'", "'"),
    }
}

/// Where the first quote stands that has no backslash before it.
fn closing(value: &str, quote: char) -> Option<usize> {
    value.match_indices(quote).map(|(at, _)| at).find(|at| !value[..*at].ends_with('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = match parse(text) {
            Ok(found) => {
                found.iter().map(|(k, v)| format!("{k}={v:?}")).collect::<Vec<_>>().join(" ")
            }
            Err(e) => format!("error: {e}"),
        };
        assert_eq!(got, want);
    }

    #[test]
    fn plain_lines_comments_and_export() {
        check("# x\nA=1\n\nexport B=two words # why\nC=", "A=\"1\" B=\"two words\" C=\"\"");
    }

    #[test]
    fn quoted_values_may_span_lines() {
        check("A=\"x\ny\"\nB='it\\'s'", "A=\"x\\ny\" B=\"it's\"");
    }

    #[test]
    fn errors_name_the_line() {
        check("A=1\nB", "error: can't parse line 2; line should be in KEY=VALUE format");
        check("=1", "error: missing or empty key on line 1");
        check("A B=1", "error: invalid key on line 1: contains whitespace: A B");
        check("A= 1", "error: invalid value on line 1: whitespace before value: ' 1'");
    }
}
