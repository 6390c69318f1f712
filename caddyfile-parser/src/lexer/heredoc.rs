//! Heredocs: `<<MARKER`, lines, and the marker again.

use nom::bytes::complete::take_till;
use nom::character::complete::char;

use super::{Lexer, Word};
use crate::error::Error;
use crate::token::Quote;

impl Lexer<'_> {
    /// Reads on from a word that starts with `<<`: to the end of the heredoc,
    /// or to the blank which shows that it is none.
    pub(super) fn heredoc(&mut self, mut word: String, line: u32) -> Result<Option<Word>, Error> {
        let more = self.take(take_till(|c| c == ' ' || c == '\n')).unwrap_or_default();
        word.extend(more.chars().filter(|c| *c != '\r'));
        if self.take(char('\n')).is_none() {
            return Ok(Some(Word { text: word, line, quote: Quote::None }));
        }
        let marker = &word["<<".len()..];
        self.check_marker(marker)?;
        self.joined += 1;
        let Some(length) = self.rest.find(marker) else { return self.unclosed(marker) };
        let (body, rest) = self.rest.split_at(length);
        let text = self.dedent(body, marker)?;
        self.line += self.joined + line_breaks(body);
        self.joined = 0;
        self.rest = &rest[marker.len()..];
        Ok(Some(Word { text, line, quote: Quote::Heredoc }))
    }

    /// Checks that `marker` can open a heredoc.
    fn check_marker(&self, marker: &str) -> Result<(), Error> {
        let line = self.line;
        if marker.is_empty() {
            let message = format!(
                "missing opening heredoc marker on line #{line}; must contain only \
                 alphanumeric characters, dashes and underscores; got empty string"
            );
            return Err(self.error(line, message));
        }
        if marker.starts_with('<') {
            let message = format!(
                "too many '<' for heredoc on line #{line}; only use two, for example <<END"
            );
            return Err(self.error(line, message));
        }
        if !marker.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            let message = format!(
                "heredoc marker on line #{line} must contain only alphanumeric characters, \
                 dashes and underscores; got '{marker}'"
            );
            return Err(self.error(line, message));
        }
        Ok(())
    }

    /// The file ends before the marker comes again. When it ends right behind
    /// the opening line, that goes unnoticed.
    fn unclosed(&mut self, marker: &str) -> Result<Option<Word>, Error> {
        let body = std::mem::take(&mut self.rest);
        if body.is_empty() {
            return Ok(None);
        }
        let line = self.line + self.joined + line_breaks(body);
        let message = format!(
            "incomplete heredoc <<{marker} on line #{line}, expected ending marker {marker}"
        );
        // Where it began says more than where the file ends.
        Err(Error::on_line(message, self.file, self.line, &format!("<<{marker}")))
    }

    /// Removes the indentation of the closing marker from each line.
    fn dedent(&self, body: &str, marker: &str) -> Result<String, Error> {
        // A marker on the first line leaves no lines, whatever stands before it.
        let Some((lines, padding)) = body.rsplit_once('\n') else { return Ok(String::new()) };
        let mut text = String::with_capacity(lines.len());
        for (number, line) in (1..).zip(lines.split('\n')) {
            if number > 1 {
                text.push('\n');
            }
            if line.is_empty() || line == "\r" {
                continue;
            }
            let Some(line) = line.strip_prefix(padding) else {
                let (number, line) = (self.line + number, line.trim_end_matches('\r'));
                let message = format!(
                    "mismatched leading whitespace in heredoc <<{marker} on line #{number} \
                     [{line}], expected whitespace [{padding}] to match the closing marker"
                );
                return Err(self.error(number, message));
            };
            text.extend(line.chars().filter(|c| *c != '\r'));
        }
        Ok(text)
    }

    fn error(&self, line: u32, message: String) -> Error {
        Error::on_line(message, self.file, line, "")
    }
}

fn line_breaks(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::lexer::tokenize;

    /// Each token as `LINE:TEXT`, and ` <` behind those that are heredocs.
    #[track_caller]
    fn check(input: &str, expected: &[&str]) {
        let tokens = match tokenize(input.as_bytes(), &Arc::from("Caddyfile")) {
            Ok(tokens) => tokens,
            Err(error) => return assert_eq!([error.to_string()], expected, "{input:?}"),
        };
        let shown: Vec<String> = tokens
            .iter()
            .map(|token| {
                let heredoc = if token.quoted() { " <" } else { "" };
                format!("{}:{}{heredoc}", token.line, token.text)
            })
            .collect();
        assert_eq!(shown, expected, "{input:?}");
    }

    #[test]
    fn the_closing_markers_indentation_is_removed() {
        check("a <<E\n\t x\n\t\ty\n\tE b\nc", &["1:a", "1: x\n\ty <", "4:b", "5:c"]);
        check("a <<E\r\n x\r\n\r\n E\r\nb", &["1:a", "1:x\n <", "5:b"]);
        check("a <<E\n x\n\n y\n E", &["1:a", "1:x\n\ny <"]);
    }

    #[test]
    fn a_marker_ends_the_heredoc_wherever_it_stands() {
        check("a <<E\nxEy\nz", &["1:a", "1: <", "2:y", "3:z"]);
        check(
            "a <<E\nx\nyE",
            &["mismatched leading whitespace in heredoc <<E on line #2 [x], \
             expected whitespace [y] to match the closing marker"],
        );
        check("a <<E\nE b", &["1:a", "1: <", "2:b"]);
    }

    #[test]
    fn what_is_not_followed_by_a_line_break_is_a_word() {
        check("a <<E 200\nb", &["1:a", "1:<<E", "1:200", "2:b"]);
        check("a <<", &["1:a", "1:<<"]);
        check(r"a \<<E", &["1:a", "1:<<E"]);
        check("a <\\<E\nb", &["1:a", "1:<<E", "2:b"]);
        check("\"<<E\"\nb", &["1:<<E <", "2:b"]);
    }

    #[test]
    fn markers_are_letters_digits_dashes_and_underscores() {
        check("<<A-b_9\nx\nA-b_9", &["1:x <"]);
        check(
            "a\nb <<\n",
            &["missing opening heredoc marker on line #2; must contain only \
             alphanumeric characters, dashes and underscores; got empty string"],
        );
        check("<<<E\n", &["too many '<' for heredoc on line #1; only use two, for example <<END"]);
        check(
            "<<H!\n",
            &["heredoc marker on line #1 must contain only alphanumeric \
             characters, dashes and underscores; got 'H!'"],
        );
        check(
            "<<H\tx\n",
            &["heredoc marker on line #1 must contain only alphanumeric \
             characters, dashes and underscores; got 'H\tx'"],
        );
    }

    #[test]
    fn the_marker_must_come_again() {
        check("a <<E\nb\nc", &["incomplete heredoc <<E on line #3, expected ending marker E"]);
        check("a <<E\n", &["1:a"]);
    }

    #[test]
    fn joined_lines_count_from_the_heredocs_end() {
        check("a \\\n<<E\nx\nE b\nc", &["1:a", "1:x <", "4:b", "5:c"]);
    }
}
