//! The tokens that are left to parse.

use crate::cursor::Cursor;
use crate::token::Token;

/// A stack of tokens, so that the tokens of an import go in front of the rest
/// without moving it.
pub(super) struct Stream {
    /// What is left, the next token last.
    left: Vec<Token>,
    loaded: Option<Token>,
    nesting: usize,
}

impl Stream {
    pub(super) fn new(mut tokens: Vec<Token>) -> Self {
        tokens.reverse();
        Self { left: tokens, loaded: None, nesting: 0 }
    }

    /// The token at which an error points; an empty one before the first.
    pub(super) fn token(&self) -> Token {
        self.loaded().cloned().unwrap_or_else(Token::nowhere)
    }

    /// Puts tokens in front of the rest, as if they followed `loaded`.
    pub(super) fn splice(&mut self, loaded: Option<Token>, tokens: Vec<Token>) {
        self.left.extend(tokens.into_iter().rev());
        self.loaded = loaded;
    }

    /// The arguments that are left on this line.
    pub(super) fn remaining_args(&mut self) -> Vec<Token> {
        let mut args = Vec::new();
        while self.next_arg() {
            args.push(self.token());
        }
        args
    }

    /// The tokens inside the block that opens on this line; none without one.
    pub(super) fn block(&mut self) -> Vec<Token> {
        let outer = self.nesting;
        let mut tokens = Vec::new();
        while self.next_block(outer) {
            tokens.push(self.token());
        }
        tokens
    }
}

impl Cursor for Stream {
    fn loaded(&self) -> Option<&Token> {
        self.loaded.as_ref()
    }

    fn upcoming(&self) -> Option<&Token> {
        self.left.last()
    }

    fn advance(&mut self) -> bool {
        let next = self.left.pop();
        let there = next.is_some();
        if there {
            self.loaded = next;
        }
        there
    }

    fn nesting(&mut self) -> &mut usize {
        &mut self.nesting
    }
}
