//! The cursor with which directives read their tokens.

use std::sync::Arc;

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
        let there = self.loaded < self.tokens.len();
        self.loaded += usize::from(there);
        there
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
        if !self.next_on_same_line() {
            return false;
        }
        if self.token().opens_block() {
            self.loaded -= 1;
            return false;
        }
        true
    }

    /// Loads the next token if it starts a new line.
    pub fn next_line(&mut self) -> bool {
        match self.following() {
            None => false,
            Some((Some(loaded), next)) if !loaded.ends_line_before(next) => false,
            Some(_) => self.next(),
        }
    }

    /// Steps through a block: the first call enters the block that opens on
    /// this line, each further one loads the next token in it, and the one that
    /// meets the block's end answers false.
    ///
    /// `initial_nesting` is [`Dispenser::nesting`] from before the first call;
    /// 0 where no outer block is being read. Braces of inner blocks that nobody
    /// reads show up as tokens.
    pub fn next_block(&mut self, initial_nesting: usize) -> bool {
        if self.nesting > initial_nesting {
            return self.next_in_block(initial_nesting);
        }
        if !self.next_on_same_line() {
            return false;
        }
        if !self.token().opens_block() {
            self.loaded -= 1;
            return false;
        }
        self.next();
        if self.token().closes_block() {
            return false;
        }
        self.nesting += 1;
        true
    }

    /// How many blocks are open around the loaded token.
    #[must_use]
    pub fn nesting(&self) -> usize {
        self.nesting
    }

    /// The loaded token's text; empty when none is loaded.
    #[must_use]
    pub fn val(&self) -> &str {
        self.loaded_token().map_or("", |token| &token.text)
    }

    /// The loaded token's text with its quotes put back. Heredocs have none.
    #[must_use]
    pub fn val_raw(&self) -> String {
        match self.loaded_token() {
            None => String::new(),
            Some(Token { quote: Quote::Double, text, .. }) => format!("\"{text}\""),
            Some(Token { quote: Quote::Backquote, text, .. }) => format!("`{text}`"),
            Some(token) => token.text.clone(),
        }
    }

    /// The loaded token; an empty one at line 0 when none is loaded.
    #[must_use]
    pub fn token(&self) -> Token {
        self.loaded_token().cloned().unwrap_or_else(nothing)
    }

    /// The line of the loaded token; 0 when none is loaded.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.loaded_token().map_or(0, |token| token.line)
    }

    /// The file of the loaded token; empty when none is loaded.
    #[must_use]
    pub fn file(&self) -> &str {
        self.loaded_token().map_or("", |token| &token.file)
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
        if self.loaded_token().is_some() {
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
        match self.val() {
            "{" => self.err("unexpected token '{', expecting argument"),
            found => {
                self.err(format!("wrong argument count or unexpected line ending after '{found}'"))
            }
        }
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

    /// The next step inside a block that has been entered.
    fn next_in_block(&mut self, initial_nesting: usize) -> bool {
        if !self.next() {
            return false;
        }
        // A brace is structural only as the last token of its line.
        let token = self.token();
        if token.closes_block() && !self.next_on_same_line() {
            self.nesting -= 1;
        } else if token.opens_block() && !self.next_on_same_line() {
            self.nesting += 1;
        }
        self.nesting > initial_nesting
    }

    /// Loads the next token if it is on the same line as the loaded one.
    fn next_on_same_line(&mut self) -> bool {
        match self.following() {
            None => false,
            Some((Some(loaded), next)) if loaded.ends_line_before(next) => false,
            Some(_) => self.next(),
        }
    }

    /// The loaded token, if any, and the one after it.
    fn following(&self) -> Option<(Option<&Token>, &Token)> {
        let next = self.tokens.get(self.loaded)?;
        Some((self.loaded_token(), next))
    }

    fn loaded_token(&self) -> Option<&Token> {
        self.tokens.get(self.loaded.checked_sub(1)?)
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

/// What errors point at when no token is loaded.
fn nothing() -> Token {
    Token::new("", Arc::from(""), 0)
}
