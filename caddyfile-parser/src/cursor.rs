//! The rules of lines and blocks, for whatever steps through tokens.

use crate::token::Token;

/// Something that steps through tokens: the [`Dispenser`](crate::Dispenser) of
/// a directive, and the stream from which the parser reads imports.
pub(crate) trait Cursor {
    /// The token that was loaded last.
    fn loaded(&self) -> Option<&Token>;

    /// The token that [`Cursor::advance`] would load.
    fn upcoming(&self) -> Option<&Token>;

    /// Loads the next token; false, and nothing changes, when there is none.
    fn advance(&mut self) -> bool;

    /// How many blocks have been entered through [`Cursor::next_block`].
    fn nesting(&mut self) -> &mut usize;

    /// Whether the upcoming token starts a new line; false when there is none.
    fn upcoming_starts_line(&self) -> bool {
        match (self.loaded(), self.upcoming()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(loaded), Some(upcoming)) => loaded.ends_line_before(upcoming),
        }
    }

    /// Whether the upcoming token is on the line of the loaded one. The first
    /// token of all counts as such.
    fn upcoming_on_same_line(&self) -> bool {
        match (self.loaded(), self.upcoming()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(loaded), Some(upcoming)) => !loaded.ends_line_before(upcoming),
        }
    }

    /// Loads the next token if it is on the same line.
    fn next_on_same_line(&mut self) -> bool {
        self.upcoming_on_same_line() && self.advance()
    }

    /// Loads the next token if it is on the same line and does not open a
    /// block.
    fn next_arg(&mut self) -> bool {
        let opens = self.upcoming().is_some_and(Token::opens_block);
        !opens && self.next_on_same_line()
    }

    /// Enters the block that opens on this line, or steps to the next token in
    /// the block that was entered; false at its end.
    fn next_block(&mut self, initial_nesting: usize) -> bool {
        if *self.nesting() > initial_nesting {
            return self.next_in_block(initial_nesting);
        }
        let opens = self.upcoming().is_some_and(Token::opens_block);
        if !opens || !self.next_on_same_line() {
            return false;
        }
        self.advance();
        if self.loaded().is_some_and(Token::closes_block) {
            return false;
        }
        *self.nesting() += 1;
        true
    }

    /// The next step inside a block that has been entered.
    fn next_in_block(&mut self, initial_nesting: usize) -> bool {
        if !self.advance() {
            return false;
        }
        // A brace is structural only as the last token of its line; what
        // follows one that is not takes its place, and may be a brace again.
        if self.loaded().is_some_and(Token::closes_block) && !self.next_on_same_line() {
            *self.nesting() -= 1;
        } else if self.loaded().is_some_and(Token::opens_block) && !self.next_on_same_line() {
            *self.nesting() += 1;
        }
        *self.nesting() > initial_nesting
    }
}
