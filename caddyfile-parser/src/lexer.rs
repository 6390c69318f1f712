//! Bytes into tokens.
//!
//! A token is a word between blanks, a `"…"` or `` `…` `` that starts where a
//! word could start, or a heredoc. `#` where a word could start begins a
//! comment, and `\` before a line break joins the lines.
//!
//! nom recognises the pieces; what crosses them, the line numbers and an escape
//! that has not met its character yet, is the [`Lexer`]'s state. Some of the
//! rules are odd (see the tests) but old: Caddyfiles rely on them.

use std::sync::Arc;

use nom::branch::alt;
use nom::bytes::complete::{is_not, take_till, take_while, take_while1};
use nom::character::complete::{anychar, char, satisfy};
use nom::combinator::{map, recognize};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::error::Error;
use crate::token::{Imports, Quote, Token};

mod heredoc;

/// Splits a file into tokens. Its environment variables have been substituted.
///
/// # Errors
///
/// `EOF` for an empty file, and heredocs that do not hold together.
pub(crate) fn tokenize(input: &[u8], file: &Arc<str>) -> Result<Vec<Token>, Error> {
    if input.is_empty() {
        return Err(Error::on_line("EOF".to_owned(), file, 1, ""));
    }
    let text = decode(input);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut lexer = Lexer { rest: text, file, line: 1, joined: 0 };
    let mut tokens = Vec::new();
    let snippet: Arc<str> = Arc::from("");
    while let Some(word) = lexer.next_word()? {
        tokens.push(Token {
            text: word.text,
            file: Arc::clone(file),
            line: word.line,
            quote: word.quote,
            imports: Imports::default(),
            snippet: Arc::clone(&snippet),
        });
    }
    Ok(tokens)
}

/// The text of a file. Each byte that is not UTF-8 becomes one U+FFFD.
pub(crate) fn decode(input: &[u8]) -> String {
    let mut text = String::with_capacity(input.len());
    for chunk in input.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

struct Lexer<'text> {
    rest: &'text str,
    file: &'text Arc<str>,
    /// The line that the next token is on, from 1.
    line: u32,
    /// How many line breaks a `\` has joined since `line` was last moved; they
    /// count from the next line break that is none of them.
    joined: u32,
}

/// A token's own part: without the file.
struct Word {
    text: String,
    line: u32,
    quote: Quote,
}

/// A part of a word.
enum Piece<'text> {
    /// Characters that stand for themselves.
    Plain(&'text str),
    /// A character that stood behind a `\`.
    Escaped(char),
}

impl<'text> Lexer<'text> {
    fn next_word(&mut self) -> Result<Option<Word>, Error> {
        let escaped = self.skip_blanks();
        let line = self.line;
        if self.rest.is_empty() {
            return Ok(None);
        }
        if self.take(char('"')).is_some() {
            return Ok(self.double_quoted(line, escaped));
        }
        if self.take(char('`')).is_some() {
            return Ok(self.backquoted(line));
        }
        self.bare(line, escaped)
    }

    /// Skips blanks, comments and line breaks. True when a `\` was met that
    /// still wants to escape the character it now stands before.
    fn skip_blanks(&mut self) -> bool {
        let mut escaped = false;
        loop {
            if self.take(take_while1(is_blank)).is_some() {
                continue;
            }
            if self.take(char('\n')).is_some() {
                self.line_break(escaped);
                escaped = false;
            } else if let Some(comment) = self.take(comment) {
                // A backslash in a comment joins the lines, too.
                escaped |= comment.contains('\\');
            } else if !escaped && self.take(char('\\')).is_some() {
                escaped = true;
            } else {
                return escaped;
            }
        }
    }

    /// The rest of `"…"`. Without its closing quote it is a bare word.
    fn double_quoted(&mut self, line: u32, escaped: bool) -> Option<Word> {
        let mut text = String::new();
        if escaped {
            // The backslash before the opening quote lands behind it.
            push_escaped(&mut text, self.take(anychar)?);
        }
        while let Some(piece) = self.take(quoted_piece) {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Escaped(c) => push_escaped(&mut text, c),
            }
        }
        let closed = self.take(char('"')).is_some();
        self.close_quoted(text, line, closed.then_some(Quote::Double))
    }

    /// The rest of `` `…` ``. Without its closing quote it is a bare word.
    fn backquoted(&mut self, line: u32) -> Option<Word> {
        let text = self.take(take_till(|c| c == '`')).unwrap_or_default().to_owned();
        let closed = self.take(char('`')).is_some();
        self.close_quoted(text, line, closed.then_some(Quote::Backquote))
    }

    fn close_quoted(&mut self, text: String, line: u32, quote: Option<Quote>) -> Option<Word> {
        for _ in text.matches('\n') {
            self.line_break(false);
        }
        if quote.is_none() {
            // What is left can only be a backslash without its character.
            self.rest = "";
            if text.is_empty() {
                return None;
            }
        }
        Some(Word { text, line, quote: quote.unwrap_or_default() })
    }

    /// A word without quotes, or a heredoc when it starts with `<<`.
    fn bare(&mut self, line: u32, escaped: bool) -> Result<Option<Word>, Error> {
        let mut text = String::new();
        let mut may_be_heredoc = true;
        let mut next = if escaped { self.escaped_char() } else { self.bare_piece() };
        while let Some(piece) = next {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Escaped('<') => {
                    may_be_heredoc = false;
                    text.push('<');
                }
                Piece::Escaped(c) => text.extend(['\\', c]),
            }
            if may_be_heredoc && text.starts_with("<<") {
                return self.heredoc(text, line);
            }
            next = self.bare_piece();
        }
        Ok((!text.is_empty()).then_some(Word { text, line, quote: Quote::None }))
    }

    /// The next piece of a bare word; none at its end.
    fn bare_piece(&mut self) -> Option<Piece<'text>> {
        self.take(returns);
        if self.take(char('\\')).is_some() {
            return self.escaped_char();
        }
        self.take(take_while1(|c: char| !c.is_whitespace() && c != '\\')).map(Piece::Plain)
    }

    /// The character that a `\`, which has been taken, escapes in a bare word.
    /// None when it is a blank: then the word ends, and the `\` is gone.
    fn escaped_char(&mut self) -> Option<Piece<'text>> {
        self.take(returns);
        if self.take(char('\n')).is_some() {
            self.line_break(true);
            return None;
        }
        self.take(satisfy(|c| !c.is_whitespace())).map(Piece::Escaped)
    }

    /// Counts a line break; a joined one counts from the next that is not.
    fn line_break(&mut self, joined: bool) {
        if joined {
            self.joined += 1;
        } else {
            self.line += 1 + self.joined;
            self.joined = 0;
        }
    }

    /// Takes what the parser recognises off the rest, if it does.
    fn take<O>(
        &mut self,
        mut parser: impl Parser<&'text str, Output = O, Error = nom::error::Error<&'text str>>,
    ) -> Option<O> {
        let (rest, output) = parser.parse(self.rest).ok()?;
        self.rest = rest;
        Some(output)
    }
}

/// A piece of what stands in `"…"`.
fn quoted_piece(input: &str) -> IResult<&str, Piece<'_>> {
    let plain = map(is_not("\\\""), Piece::Plain);
    let escaped = map(preceded(char('\\'), anychar), Piece::Escaped);
    alt((plain, escaped)).parse(input)
}

/// Carriage returns, which words ignore.
fn returns(input: &str) -> IResult<&str, &str> {
    take_while(|c| c == '\r').parse(input)
}

/// A comment, without the line break that ends it.
fn comment(input: &str) -> IResult<&str, &str> {
    recognize(preceded(char('#'), take_till(|c| c == '\n'))).parse(input)
}

/// In quotes only a quote can be escaped; another `\` stands for itself.
fn push_escaped(text: &mut String, c: char) {
    if c != '"' {
        text.push('\\');
    }
    text.push(c);
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() && c != '\n'
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::Arc;

    use super::tokenize;
    use crate::token::Quote;

    /// The tokens as `LINE TEXT`, text in its quotes, one a line.
    fn lex(input: &[u8]) -> String {
        let tokens = match tokenize(input, &Arc::from("Caddyfile")) {
            Ok(tokens) => tokens,
            Err(error) => return error.to_string(),
        };
        let mut output = String::new();
        for token in tokens {
            let text = match token.quote {
                Quote::None => token.text,
                Quote::Double => format!("\"{}\"", token.text),
                Quote::Backquote => format!("`{}`", token.text),
                Quote::Heredoc => format!("<{}>", token.text),
            };
            writeln!(output, "{} {text}", token.line).expect("strings grow");
        }
        output
    }

    #[track_caller]
    fn check(input: &str, expected: &[&str]) {
        let lexed = lex(input.as_bytes());
        assert_eq!(lexed.trim_end_matches('\n'), expected.join("\n"), "{input:?}");
    }

    #[test]
    fn words_stand_between_blanks_of_any_kind() {
        check("a\tb\u{a0}c\u{3000}d\x0be\n\n f", &["1 a", "1 b", "1 c", "1 d", "1 e", "3 f"]);
        check("foo{ {bar {} }", &["1 foo{", "1 {bar", "1 {}", "1 }"]);
    }

    #[test]
    fn a_comment_starts_where_a_word_could() {
        check("a # b \"c\n#d\nfoo#bar", &["1 a", "3 foo#bar"]);
    }

    #[test]
    fn a_byte_order_mark_is_dropped_at_the_start_only() {
        check("\u{feff}a \u{feff}b", &["1 a", "1 \u{feff}b"]);
        check("\u{feff}", &[""]);
    }

    #[test]
    fn carriage_returns_are_ignored_outside_of_quotes() {
        check("a\r\nb c\rd \r e", &["1 a", "2 b", "2 cd", "2 e"]);
        check("\"a\r\nb\" c", &["1 \"a\r\nb\"", "2 c"]);
    }

    #[test]
    fn each_byte_that_is_not_utf8_is_replaced() {
        assert_eq!(lex(b"a\xff\xe2\x82b"), "1 a\u{fffd}\u{fffd}\u{fffd}b\n");
    }

    #[test]
    fn double_quotes_know_one_escape() {
        check(r#""a \"b\" \n \\" c"#, &[r#"1 "a "b" \n \\""#, "1 c"]);
        check(r#""" a"b"c"#, &[r#"1 """#, r#"1 a"b"c"#]);
        check(r#""a"b"#, &[r#"1 "a""#, "1 b"]);
    }

    #[test]
    fn backquotes_know_no_escape() {
        check(r#"`a\` `"{$}"`"#, &[r#"1 `a\`"#, r#"1 `"{$}"`"#]);
    }

    #[test]
    fn quoted_words_span_lines() {
        check("\"a\n\nb\" c\nd", &["1 \"a", "", "b\"", "3 c", "4 d"]);
        check("`a\nb` c\nd", &["1 `a", "b`", "2 c", "3 d"]);
    }

    #[test]
    fn a_quote_that_is_not_closed_gives_a_bare_word() {
        check("a \"b c\nd", &["1 a", "1 b c", "d"]);
        check("a `b", &["1 a", "1 b"]);
        check("a \"", &["1 a"]);
        check("\"a\\", &["1 a"]);
    }

    #[test]
    fn a_backslash_joins_lines() {
        check("a \\\n b\\\n c\nd", &["1 a", "1 b", "1 c", "4 d"]);
        check("a \\\r\n b\nc", &["1 a", "1 b", "3 c"]);
        check("a \\\n\"b\nc\" d", &["1 a", "1 \"b", "c\"", "3 d"]);
    }

    #[test]
    fn a_backslash_in_a_comment_joins_lines() {
        check("a # C:\\b\nc\nd", &["1 a", "1 c", "3 d"]);
        check("\\#a\nb", &["1 b"]);
    }

    #[test]
    fn another_backslash_stays() {
        check(r"a\b \{c\} \\ d", &[r"1 a\b", r"1 \{c\}", r"1 \\", "1 d"]);
    }

    #[test]
    fn a_backslash_before_a_blank_goes_to_the_next_word_or_away() {
        check(r"\ a", &[r"1 \a"]);
        check(r"a\ b", &["1 a", "1 b"]);
        check("a\\\rb", &[r"1 a\b"]);
        check(r"a\", &["1 a"]);
        check(r"\", &[""]);
    }

    #[test]
    fn a_backslash_before_a_quote_lands_inside() {
        check(r#"\"a" b"#, &[r#"1 "\a""#, "1 b"]);
        check(r#"\"" b"#, &[r#"1 " b"#]);
        check(r"\`a` b", &["1 `a`", "1 b"]);
    }

    #[test]
    fn an_empty_file_is_an_error_and_a_blank_one_is_not() {
        check("", &["EOF"]);
        check(" \n# x", &[""]);
    }
}
