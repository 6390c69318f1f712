//! The cursor with which directives read their tokens.

use crate::cursor::Cursor;
use crate::error::Error;
use crate::parse::Segment;
use crate::token::{Quote, Token};

/// A cursor over tokens that knows lines and blocks.
///
/// A new dispenser stands before its first token; [`Dispenser::next`] loads it.
/// A directive's function usually starts so, with the directive's name loaded:
///
/// ```
/// # use caddyfile_parser::{Dispenser, Error};
/// # fn read(d: &mut Dispenser) -> Result<(), Error> {
/// d.next(); // the directive's name
/// let arguments = d.remaining_args();
/// while d.next_block(0) {
///     match d.val() {
///         "size" => {
///             let [size] = d.all_args().ok_or_else(|| d.arg_err())?;
///         }
///         other => return Err(d.err(format!("unrecognized subdirective '{other}'"))),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Dispenser {
    tokens: Vec<Token>,
    /// Index of the loaded token plus one; 0 before the first.
    loaded: usize,
    nesting: usize,
}

impl Dispenser {
    /// A cursor before the first of `tokens`.
    #[must_use]
    pub fn new(tokens: Vec<Token>) -> Self {
        Self { tokens, loaded: 0, nesting: 0 }
    }

    /// Loads the next token; false when there is none.
    #[expect(clippy::should_implement_trait, reason = "the field's word; it yields no item")]
    pub fn next(&mut self) -> bool {
        self.advance()
    }

    /// Goes back to the token before, or to before the first, where it answers
    /// false.
    pub fn prev(&mut self) -> bool {
        self.loaded = self.loaded.saturating_sub(1);
        self.loaded > 0
    }

    /// Loads the next token if it is on the same line and does not open a
    /// block.
    pub fn next_arg(&mut self) -> bool {
        Cursor::next_arg(self)
    }

    /// Loads the next token if it starts a new line; the first token of all
    /// does.
    pub fn next_line(&mut self) -> bool {
        self.upcoming_starts_line() && self.advance()
    }

    /// Steps through a block: the first call enters the block that opens on
    /// this line, each further one loads the next token in it, and the one that
    /// meets the block's end answers false.
    ///
    /// `initial_nesting` is [`Dispenser::nesting`] from before the first call;
    /// 0 where no outer block is being read. Braces of inner blocks that nobody
    /// reads show up as tokens.
    pub fn next_block(&mut self, initial_nesting: usize) -> bool {
        Cursor::next_block(self, initial_nesting)
    }

    /// How many blocks are open around the loaded token.
    #[must_use]
    pub fn nesting(&self) -> usize {
        self.nesting
    }

    /// The loaded token's text; empty when none is loaded.
    #[must_use]
    pub fn val(&self) -> &str {
        self.loaded().map_or("", |token| &token.text)
    }

    /// The loaded token's text with its quotes put back. Heredocs have none.
    #[must_use]
    pub fn val_raw(&self) -> String {
        match self.loaded() {
            None => String::new(),
            Some(Token { quote: Quote::Double, text, .. }) => format!("\"{text}\""),
            Some(Token { quote: Quote::Backquote, text, .. }) => format!("`{text}`"),
            Some(token) => token.text.clone(),
        }
    }

    /// The loaded token; an empty one at line 0 when none is loaded.
    #[must_use]
    pub fn token(&self) -> Token {
        self.loaded().cloned().unwrap_or_else(Token::nowhere)
    }

    /// The line of the loaded token; 0 when none is loaded.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.loaded().map_or(0, |token| token.line)
    }

    /// The file of the loaded token; empty when none is loaded.
    #[must_use]
    pub fn file(&self) -> &str {
        self.loaded().map_or("", |token| &token.file)
    }

    /// Loads the next `N` arguments; `None` when the line has fewer, and then
    /// those that it has are consumed.
    pub fn args<const N: usize>(&mut self) -> Option<[String; N]> {
        self.args_at_least(N)?.try_into().ok()
    }

    /// Like [`Dispenser::args`], but `None` when the line has more, too.
    pub fn all_args<const N: usize>(&mut self) -> Option<[String; N]> {
        self.args_exact(N)?.try_into().ok()
    }

    /// Like [`Dispenser::all_args`] for a count known at run time: the `n`
    /// arguments that the line must have, neither fewer nor more.
    pub fn args_exact(&mut self, n: usize) -> Option<Vec<String>> {
        let args = self.args_at_least(n)?;
        if self.next_arg() {
            self.prev();
            return None;
        }
        Some(args)
    }

    /// How many arguments are left on this line, without loading them.
    pub fn count_remaining_args(&mut self) -> usize {
        let before = self.loaded;
        while self.next_arg() {}
        let count = self.loaded - before;
        self.loaded = before;
        count
    }

    /// Loads all arguments that are left on this line.
    pub fn remaining_args(&mut self) -> Vec<String> {
        let mut args = Vec::new();
        while self.next_arg() {
            args.push(self.val().to_owned());
        }
        args
    }

    /// [`Dispenser::remaining_args`] with their quotes put back.
    pub fn remaining_args_raw(&mut self) -> Vec<String> {
        let mut args = Vec::new();
        while self.next_arg() {
            args.push(self.val_raw());
        }
        args
    }

    /// [`Dispenser::remaining_args`] as tokens.
    pub fn remaining_args_as_tokens(&mut self) -> Vec<Token> {
        let mut args = Vec::new();
        while self.next_arg() {
            args.push(self.token());
        }
        args
    }

    /// A dispenser over the segment that starts with the loaded token: the rest
    /// of its line and the block that opens there. This cursor moves past it,
    /// so that `next` loads what follows the segment.
    #[must_use = "the segment's tokens have been passed over"]
    pub fn new_from_next_segment(&mut self) -> Self {
        Self::new(self.next_segment().0)
    }

    /// The tokens of the segment that starts with the loaded token.
    #[must_use = "the segment's tokens have been passed over"]
    pub fn next_segment(&mut self) -> Segment {
        let mut tokens = vec![self.token()];
        tokens.extend(self.remaining_args_as_tokens());
        let outer = self.nesting;
        let mut opened = false;
        while self.next_block(outer) {
            if !opened {
                // The opening brace has been consumed on the way in.
                self.prev();
                tokens.push(self.token());
                self.next();
                opened = true;
            }
            tokens.push(self.token());
        }
        if opened {
            tokens.push(self.token());
        }
        Segment(tokens)
    }

    /// Removes the loaded token; the one before it is loaded then.
    pub fn delete(&mut self) {
        if self.loaded().is_some() {
            self.tokens.remove(self.loaded - 1);
            self.loaded -= 1;
        }
    }

    /// Removes the last `n` loaded tokens.
    pub fn delete_n(&mut self, n: usize) {
        if n > 0 && n <= self.loaded {
            self.tokens.drain(self.loaded - n..self.loaded);
            self.loaded -= n;
        }
    }

    /// Goes back to before the first token.
    pub fn reset(&mut self) {
        self.loaded = 0;
        self.nesting = 0;
    }

    /// All tokens, loaded or not.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The tokens, when they have been changed through [`Dispenser::delete`].
    #[must_use]
    pub fn into_tokens(self) -> Vec<Token> {
        self.tokens
    }

    /// An error at the loaded token: too few or too many arguments.
    #[must_use]
    pub fn arg_err(&self) -> Error {
        arg_err(&self.token())
    }

    /// An error at the loaded token: something else was expected.
    #[must_use]
    pub fn syntax_err(&self, expected: &str) -> Error {
        Error::syntax(expected, &self.token())
    }

    /// An error at the loaded token: the tokens ended too early.
    #[must_use]
    pub fn eof_err(&self) -> Error {
        self.err("unexpected EOF")
    }

    /// An error at the loaded token.
    #[must_use]
    pub fn err(&self, message: impl Into<String>) -> Error {
        Error::at(message, &self.token())
    }

    /// An error from elsewhere, placed at the loaded token. One that already
    /// shows a place then shows two, as it does in Caddy.
    #[must_use]
    pub fn wrap_err(&self, error: impl std::fmt::Display) -> Error {
        self.err(error.to_string())
    }

    fn args_at_least(&mut self, n: usize) -> Option<Vec<String>> {
        let mut args = Vec::with_capacity(n.min(self.tokens.len()));
        for _ in 0..n {
            if !self.next_arg() {
                return None;
            }
            args.push(self.val().to_owned());
        }
        Some(args)
    }
}

impl Cursor for Dispenser {
    fn loaded(&self) -> Option<&Token> {
        self.tokens.get(self.loaded.checked_sub(1)?)
    }

    fn upcoming(&self) -> Option<&Token> {
        self.tokens.get(self.loaded)
    }

    fn advance(&mut self) -> bool {
        let there = self.loaded < self.tokens.len();
        self.loaded += usize::from(there);
        there
    }

    fn nesting(&mut self) -> &mut usize {
        &mut self.nesting
    }
}

/// The error for too few or too many arguments, where `last` is the last token
/// that could be read.
pub(crate) fn arg_err(last: &Token) -> Error {
    if last.opens_block() {
        return Error::at("unexpected token '{', expecting argument", last);
    }
    let found = &last.text;
    Error::at(format!("wrong argument count or unexpected line ending after '{found}'"), last)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Dispenser;
    use crate::lexer::tokenize;
    use crate::token::Imports;

    fn dispenser(input: &str) -> Dispenser {
        let tokens = tokenize(input.as_bytes(), &Arc::from("Caddyfile"));
        Dispenser::new(tokens.expect("the test's input is well-formed"))
    }

    /// The words that `next_block` loads after the first line's arguments.
    #[track_caller]
    fn check_block(input: &str, expected: &[&str]) {
        let mut d = dispenser(input);
        d.next();
        d.remaining_args();
        let mut words = Vec::new();
        while d.next_block(0) {
            words.push(d.val().to_owned());
        }
        assert_eq!(words, expected, "{input:?}");
    }

    #[test]
    fn arguments_end_at_the_line_and_at_a_block() {
        let mut d = dispenser("dir a \"b\" {\n\tsub c\n}\nother");
        assert!(d.next());
        assert_eq!(d.count_remaining_args(), 2);
        assert_eq!(d.remaining_args_raw(), ["a", "\"b\""]);
        assert!(!d.next_arg());
        assert!(d.next_block(0));
        assert_eq!((d.val(), d.nesting()), ("sub", 1));
        assert_eq!(d.remaining_args(), ["c"]);
        assert!(!d.next_block(0));
        assert_eq!(d.nesting(), 0);
        assert!(d.next_line());
        assert_eq!(d.val(), "other");
        assert!(!d.next());
    }

    #[test]
    fn a_quoted_brace_is_an_argument() {
        let mut d = dispenser("dir \"{\" `}` x");
        d.next();
        assert!(!d.next_block(0));
        assert_eq!(d.remaining_args(), ["{", "}", "x"]);
    }

    #[test]
    fn a_block_opens_on_the_line_and_is_walked_to_its_end() {
        check_block("dir {\n\ta b\n\tc\n}\nd", &["a", "b", "c"]);
        check_block("dir {\n}\nd", &[]);
        check_block("dir\n{\n\ta\n}", &[]);
        check_block("dir {\n\ta {\n\t\tb\n\t}\n\tc\n}", &["a", "{", "b", "}", "c"]);
        check_block("dir {", &["{"]);
    }

    #[test]
    fn an_inner_block_is_walked_from_its_own_nesting() {
        let mut d = dispenser("dir {\n\ta {\n\t\tb\n\t}\n\tc\n}");
        d.next();
        let mut seen = Vec::new();
        while d.next_block(0) {
            seen.push(d.val().to_owned());
            let outer = d.nesting();
            while d.next_block(outer) {
                seen.push(format!("inner {}", d.val()));
            }
        }
        assert_eq!(seen, ["a", "inner b", "c"]);
    }

    #[test]
    fn a_number_of_arguments_can_be_demanded() {
        let d = dispenser("dir a b");
        let loaded = || {
            let mut d = d.clone();
            d.next();
            d
        };
        assert_eq!(loaded().args::<1>(), Some(["a".to_owned()]));
        assert_eq!(loaded().args::<3>(), None);
        assert_eq!(loaded().all_args::<2>(), Some(["a".to_owned(), "b".to_owned()]));
        assert_eq!(loaded().all_args::<1>(), None);
        assert_eq!(loaded().args_exact(0), None);
        let mut with_one_too_many = loaded();
        assert_eq!(with_one_too_many.args_exact(1), None);
        assert_eq!(with_one_too_many.val(), "a");
    }

    #[test]
    fn a_segment_is_a_line_and_its_block() {
        let mut d = dispenser("dir {\n\ta b {\n\t\tc\n\t}\n\td\n}");
        d.next();
        assert!(d.next_block(0));
        let inner = d.new_from_next_segment();
        let words: Vec<&str> = inner.tokens().iter().map(|token| &*token.text).collect();
        assert_eq!(words, ["a", "b", "{", "c", "}"]);
        assert!(d.next_block(0));
        assert_eq!(d.val(), "d");
        assert!(!d.next_block(0));
    }

    #[test]
    fn tokens_can_be_deleted() {
        let mut d = dispenser("a b c d");
        d.next();
        d.next();
        d.delete();
        assert_eq!(d.val(), "a");
        d.remaining_args();
        d.delete_n(2);
        assert_eq!(d.val(), "a");
        assert_eq!(d.into_tokens().len(), 1);
    }

    #[test]
    fn the_cursor_goes_back_and_to_the_start() {
        let mut d = dispenser("a b");
        assert!(!d.prev());
        d.next();
        d.next();
        assert!(d.prev());
        assert_eq!(d.val(), "a");
        assert!(!d.prev());
        assert_eq!((d.val(), d.line(), d.file()), ("", 0, ""));
        d.next();
        d.reset();
        assert!(d.next_line());
        assert_eq!((d.val(), d.line(), d.file()), ("a", 1, "Caddyfile"));
    }

    #[test]
    fn errors_name_the_loaded_token() {
        let mut d = dispenser("dir x {\n}");
        d.next();
        let wrong_count =
            "wrong argument count or unexpected line ending after 'dir', at Caddyfile:1";
        assert_eq!(d.arg_err().to_string(), wrong_count);
        assert_eq!(d.eof_err().to_string(), "unexpected EOF, at Caddyfile:1");
        let twice = d.wrap_err(d.err("inner"));
        assert_eq!(twice.to_string(), "inner, at Caddyfile:1, at Caddyfile:1");
        assert_eq!(
            d.err("inner").context("parsing caddyfile tokens for 'dir'").to_string(),
            "parsing caddyfile tokens for 'dir': inner, at Caddyfile:1"
        );
        d.next();
        d.next();
        let brace = "unexpected token '{', expecting argument, at Caddyfile:1";
        assert_eq!(d.arg_err().to_string(), brace);
        assert_eq!(
            d.syntax_err("x").to_string(),
            "syntax error: unexpected token '{', expecting 'x', at Caddyfile:1 import chain: ['']"
        );
    }

    #[test]
    fn errors_tell_the_import_chain() {
        let mut tokens = dispenser("dir").into_tokens();
        tokens[0].imports = Imports::default()
            .through("Caddyfile:4 (import)".to_owned())
            .through("Caddyfile:9 (import s)".to_owned());
        let mut d = Dispenser::new(tokens);
        d.next();
        let chain = "['Caddyfile:4 (import)','Caddyfile:9 (import s)']";
        assert_eq!(d.err("no").to_string(), format!("no, at Caddyfile:1 import chain {chain}"));
        let place = d.err("no").position().cloned().expect("the error has a place");
        assert_eq!((&*place.file, place.line, &*place.word), ("Caddyfile", 1, "dir"));
    }
}
