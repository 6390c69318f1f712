//! A Caddyfile as it should be written.
//!
//! The formatter reads characters, not tokens: it must keep comments, and it
//! must do something with files that no parser accepts. It decides blanks, line
//! breaks and the places of braces, and copies the rest. What it makes of odd
//! input is odd, too, but it is what Caddy makes of it, so that files that one
//! of the two has formatted are left alone by the other.

use crate::lexer::decode;

/// Formats a Caddyfile: a tab for each open block, one blank between words, at
/// most one empty line in a row, `{` behind what it belongs to, `}` at the start
/// of a line, and an empty line between the `}` of a top-level block and what
/// follows on its line. Quoted words, heredocs, comments and escaped characters
/// are kept.
#[must_use]
pub fn format(input: &[u8]) -> Vec<u8> {
    let input = decode(input);
    let mut formatter = Formatter::new(input.len());
    for c in input.trim().chars() {
        formatter.step(c);
    }
    let mut output = formatter.out.trim().to_owned();
    output.push('\n');
    output.into_bytes()
}

/// The first line, from 1, where `input` differs from what [`format`](fn@format)
/// would make of it; none when it is formatted. The line breaks of Windows do
/// not count as a difference.
#[must_use]
pub fn first_unformatted_line(input: &[u8]) -> Option<u32> {
    let input = without_returns(input);
    let formatted = format(&input);
    if formatted == input {
        return None;
    }
    let same = input.iter().zip(&formatted).take_while(|(one, two)| one == two).count();
    let breaks = input[..same].iter().filter(|byte| **byte == b'\n').count();
    Some(u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1))
}

/// The input with each CR LF made LF.
fn without_returns(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    for (at, byte) in input.iter().enumerate() {
        if *byte != b'\r' || input.get(at + 1) != Some(&b'\n') {
            output.push(*byte);
        }
    }
    output
}

/// How deep lines are indented at most.
const INDENT_MAX: usize = 10;

/// How many line breaks may follow each other.
const BREAKS_MAX: usize = 2;

/// What has been read of the file, as far as it matters for the rest.
struct Formatter {
    out: String,
    /// The last character of `out`.
    last: char,
    /// Whether the last character read was a blank, or there was none.
    after_blank: bool,
    /// Whether nothing but indentation has been written on this line.
    at_line_start: bool,
    /// Line breaks that have been read, but not written.
    breaks: usize,
    in_comment: bool,
    escaped: bool,
    quotes: Quotes,
    heredoc: Heredoc,
    /// Whether a `\` before a `<` tells that this word opens no heredoc.
    heredoc_escaped: bool,
    /// How many blocks are open, up to [`INDENT_MAX`].
    nesting: usize,
    brace: Brace,
    line: Line,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    Double,
    Backquote,
    /// A backquote within double quotes.
    BackquoteInDouble,
}

enum Heredoc {
    None,
    /// After `<<`, with the marker as far as it has been read.
    Opening(String),
    /// After the opening marker's line.
    Open(String),
}

/// The last `{`. Whether it opens a block shows only in what follows it.
#[derive(Default)]
struct Brace {
    /// Whether there was one that has not been taken for a block's.
    seen: bool,
    written: bool,
    /// Whether it followed a blank within its line.
    after_blank: bool,
    /// Whether it was the first character of its line.
    own_line: bool,
}

/// The words that decide whether a `{` belongs to the line before it.
#[derive(Default)]
struct Line {
    first_word: String,
    /// The word being read.
    word: String,
    /// Whether the last line with a word was an import outside of blocks: a
    /// `{` after it opens the global options.
    after_import: bool,
}

impl Formatter {
    fn new(length: usize) -> Self {
        Self {
            out: String::with_capacity(length + length / 4),
            last: '\0',
            after_blank: true,
            at_line_start: true,
            breaks: 0,
            in_comment: false,
            escaped: false,
            quotes: Quotes::None,
            heredoc: Heredoc::None,
            heredoc_escaped: false,
            nesting: 0,
            brace: Brace::default(),
            line: Line::default(),
        }
    }

    /// Takes one character. Each of the parts it may belong to is asked in
    /// turn, and answers whether that was all.
    fn step(&mut self, c: char) {
        if self.in_heredoc(c) {
            return;
        }
        if self.last == '<' && self.after_blank {
            self.after_blank = false;
        }
        let taken =
            self.in_comment(c) || self.in_escape(c) || self.in_quotes(c) || self.in_blank(c);
        if !taken {
            self.in_word(c);
        }
    }

    fn in_heredoc(&mut self, c: char) -> bool {
        match &mut self.heredoc {
            Heredoc::None => {
                let opens = self.quotes == Quotes::None
                    && !self.heredoc_escaped
                    && self.after_blank
                    && self.last == '<'
                    && c == '<';
                if opens {
                    self.write(c);
                    self.heredoc = Heredoc::Opening(String::new());
                    self.after_blank = false;
                }
                opens
            }
            Heredoc::Opening(marker) if c == '\n' => {
                if is_marker(marker) {
                    self.heredoc = Heredoc::Open(std::mem::take(marker));
                    self.write(c);
                } else {
                    self.heredoc = Heredoc::None;
                    self.break_line();
                }
                true
            }
            Heredoc::Opening(_) if c.is_whitespace() => {
                self.heredoc = Heredoc::None;
                false
            }
            Heredoc::Opening(marker) => {
                marker.push(c);
                self.write(c);
                true
            }
            Heredoc::Open(marker) if c.is_whitespace() && self.out.ends_with(&**marker) => {
                self.heredoc = Heredoc::None;
                false
            }
            Heredoc::Open(_) => {
                self.write(c);
                true
            }
        }
    }

    fn in_comment(&mut self, c: char) -> bool {
        if !self.in_comment {
            return false;
        }
        if c == '\n' {
            self.in_comment = false;
            self.after_blank = true;
            self.break_line();
        } else {
            self.write(c);
        }
        true
    }

    fn in_escape(&mut self, c: char) -> bool {
        if self.escaped {
            self.heredoc_escaped |= c == '<';
            self.write(c);
            self.escaped = false;
            return true;
        }
        if c != '\\' {
            return false;
        }
        if self.after_blank {
            self.write(' ');
            self.after_blank = false;
        }
        self.write(c);
        self.escaped = true;
        true
    }

    fn in_quotes(&mut self, c: char) -> bool {
        if c == '`' {
            self.quotes = match self.quotes {
                Quotes::BackquoteInDouble => Quotes::Double,
                Quotes::Double => Quotes::BackquoteInDouble,
                Quotes::Backquote => Quotes::None,
                Quotes::None => Quotes::Backquote,
            };
        }
        if self.quotes == Quotes::Double {
            if c == '"' {
                self.quotes = Quotes::None;
            }
            self.write(c);
            return true;
        }
        if c == '"' {
            self.quotes = match self.quotes {
                Quotes::None if self.after_blank => Quotes::Double,
                Quotes::BackquoteInDouble => Quotes::None,
                other => other,
            };
        }
        if !matches!(self.quotes, Quotes::Backquote | Quotes::BackquoteInDouble) {
            return false;
        }
        if c == '`' && self.after_blank && !self.at_line_start {
            self.write(' ');
        }
        self.write(c);
        self.after_blank = false;
        true
    }

    fn in_blank(&mut self, c: char) -> bool {
        if !c.is_whitespace() {
            return false;
        }
        self.line.end_word();
        self.after_blank = true;
        self.heredoc_escaped = false;
        if c == '\n' {
            self.end_line();
            self.breaks += 1;
        }
        true
    }

    fn in_word(&mut self, c: char) {
        let after_blank = std::mem::replace(&mut self.after_blank, false);
        self.in_comment |= c == '#';
        if self.brace.seen && after_blank && !self.brace.written {
            self.open_block();
        }
        match c {
            '{' => self.meet_brace(after_blank),
            '}' if after_blank || !self.brace.seen => self.close_block(),
            _ => self.write_in_word(c, after_blank),
        }
    }

    /// Takes a `{`. It is written when it is clear what it is.
    fn meet_brace(&mut self, after_blank: bool) {
        self.line.end_word();
        let after_blank = after_blank && !self.at_line_start;
        let own_line = self.breaks > 0;
        if after_blank && !own_line {
            self.write(' ');
        }
        self.brace = Brace { seen: true, written: false, after_blank, own_line };
    }

    /// Writes the `{` that turned out to open a block, and ends its line.
    fn open_block(&mut self) {
        if self.nesting == 0 && self.last == '}' {
            self.break_line();
            self.break_line();
        }
        if self.brace.own_line && self.line.after_import {
            if self.last != '\n' {
                self.break_line();
            }
            self.indent();
        } else if self.at_line_start {
            self.indent();
        } else if !self.brace.after_blank || !self.last.is_whitespace() {
            self.write(' ');
        }
        self.write('{');
        self.brace.seen = false;
        self.brace.written = true;
        self.brace.own_line = false;
        self.break_line();
        self.breaks = 0;
        self.nesting = (self.nesting + 1).min(INDENT_MAX);
    }

    fn close_block(&mut self) {
        self.line.end_word();
        if self.last != '\n' {
            self.break_line();
        }
        self.nesting = self.nesting.saturating_sub(1);
        self.indent();
        self.write('}');
        self.breaks = 0;
    }

    fn write_in_word(&mut self, c: char, after_blank: bool) {
        for _ in 0..self.breaks.min(BREAKS_MAX) {
            self.break_line();
        }
        self.breaks = 0;
        if self.at_line_start {
            self.indent();
            if self.nesting == 0 && self.last == '}' {
                self.break_line();
                self.break_line();
            }
        } else if after_blank {
            self.write(' ');
        }
        if self.brace.seen && !self.brace.written {
            // No blank behind it: it belongs to the word.
            self.write('{');
            self.brace.written = true;
        }
        // Another `<` at once makes this a heredoc.
        self.after_blank = after_blank && c == '<';
        self.line.word.push(c);
        self.write(c);
        self.at_line_start = false;
    }

    /// Notes what the line that ends was about.
    fn end_line(&mut self) {
        let word = std::mem::take(&mut self.line.first_word);
        if !word.is_empty() {
            self.line.after_import = self.nesting == 0 && word == "import";
        } else if !self.brace.seen || !self.brace.own_line || self.brace.written {
            self.line.after_import = false;
        }
    }

    fn break_line(&mut self) {
        self.write('\n');
        self.at_line_start = true;
    }

    fn indent(&mut self) {
        for _ in 0..self.nesting {
            self.write('\t');
        }
    }

    fn write(&mut self, c: char) {
        self.out.push(c);
        self.last = c;
    }
}

impl Line {
    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        if self.first_word.is_empty() {
            self.first_word = word;
        }
    }
}

/// Whether this can follow `<<` to open a heredoc.
fn is_marker(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{first_unformatted_line, format};

    #[track_caller]
    fn check(input: &str, expected: &str) {
        let formatted = format(input.as_bytes());
        assert_eq!(String::from_utf8_lossy(&formatted), expected, "{input:?}");
    }

    #[test]
    fn blocks_are_indented_and_set_apart() {
        check("a{\nb {\nc\n}\n}\nd {\n}", "a {\n\tb {\n\t\tc\n\t}\n}\nd {\n}\n");
        check("a {\n} b {\n}\n\n\n\nc {\n}", "a {\n}\n\nb {\n}\n\nc {\n}\n");
    }

    #[test]
    fn a_brace_moves_to_the_line_before_but_not_to_an_import() {
        check("a\n{\n\tb\n}", "a {\n\tb\n}\n");
        check("import a\n{\n\tb\n}", "import a\n{\n\tb\n}\n");
        check("a {\nimport b\n{\n c\n}\n}", "a {\n\timport b {\n\t\tc\n\t}\n}\n");
    }

    #[test]
    fn words_are_one_blank_apart_and_lines_one_empty_line() {
        check("  a   b\t\tc  \n\n\n\n d", "a b c\n\nd\n");
    }

    #[test]
    fn what_is_quoted_is_kept() {
        check("a  \"b   c\"  `d   e`  \\{   f", "a \"b   c\" `d   e` \\{ f\n");
        check("a {\nb <<E\n  c\n\n\n  d\n  E   200\n}", "a {\n\tb <<E\n  c\n\n\n  d\n  E 200\n}\n");
    }

    #[test]
    fn indentation_is_bounded() {
        let deep = "a {\n".repeat(20);
        let formatted = format(format!("{deep}b").as_bytes());
        assert!(formatted.ends_with(b"\n\t\t\t\t\t\t\t\t\t\tb\n"));
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_unformatted_line(b"a {\n\tb\n}\n"), None);
        assert_eq!(first_unformatted_line(b"a {\r\n\tb\r\n}\r\n"), None);
        assert_eq!(first_unformatted_line(b"a {\n\tb\n\n\n\tc\n}\n"), Some(4));
        assert_eq!(first_unformatted_line(b"a {\n  b\n}\n"), Some(2));
        assert_eq!(first_unformatted_line(b"a"), Some(1));
        assert_eq!(first_unformatted_line(b"a\n\n"), Some(2));
    }
}
