//! What is wrong with a Caddyfile, and where.

use std::fmt;
use std::sync::Arc;

use crate::token::{Imports, Token};

/// An error of a Caddyfile, worded as Caddy words it.
///
/// *What* and *where* are kept apart: [`Display`](fmt::Display) joins them as
/// `message, at FILE:LINE` and, for what was imported, adds ` import chain
/// ['FILE:LINE (import NAME)']`; a caller that wants to show the source line
/// asks for [`Error::position`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
    position: Option<Position>,
    style: Style,
    known: Vec<String>,
}

/// A place in a Caddyfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file's name as the lexer was given it; absolute when imported.
    pub file: Arc<str>,
    /// The line, from 1; 0 when there was no token to point at.
    pub line: u32,
    /// The imports through which the place was reached.
    pub imports: Imports,
    /// The word that is blamed, as it stands in the file without its quotes.
    pub word: String,
}

/// How the position is shown behind the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Not at all: the message names the line, or no place is known.
    Hidden,
    /// `, at FILE:LINE`, and the import chain when there is one.
    At,
    /// As syntax errors have it: the import chain always, after a colon.
    Syntax,
}

impl Error {
    /// An error without a place.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), position: None, style: Style::Hidden, known: Vec::new() }
    }

    /// An error at the place of `token`, which is shown.
    #[must_use]
    pub fn at(message: impl Into<String>, token: &Token) -> Self {
        Self::placed(message.into(), Position::of(token), Style::At)
    }

    /// A syntax error: `token` stands where `expected` should.
    #[must_use]
    pub fn syntax(expected: &str, token: &Token) -> Self {
        let found = &token.text;
        let message = format!("syntax error: unexpected token '{found}', expecting '{expected}'");
        Self::placed(message, Position::of(token), Style::Syntax)
    }

    /// An error whose message names the line itself: the place is known, but
    /// not shown again. `word` may be empty when all of the line is to blame.
    pub(crate) fn on_line(message: String, file: &Arc<str>, line: u32, word: &str) -> Self {
        let place = Token::new(word, Arc::clone(file), line);
        Self::placed(message, Position::of(&place), Style::Hidden)
    }

    /// The same error with the words that would have been right instead of the
    /// one that is blamed.
    pub(crate) fn with_known(mut self, words: impl IntoIterator<Item = String>) -> Self {
        self.known.extend(words);
        self
    }

    /// What is wrong, without where.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it is wrong, when that is known.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// The words that would have been right instead of the one that is blamed;
    /// none when any word is wrong there.
    #[must_use]
    pub fn known(&self) -> &[String] {
        &self.known
    }

    /// The same error with what was being done in front: `doing: message`.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    fn placed(message: String, position: Position, style: Style) -> Self {
        Self { message, position: Some(position), style, known: Vec::new() }
    }
}

impl Position {
    /// The place of a token.
    #[must_use]
    pub fn of(token: &Token) -> Self {
        Self {
            file: Arc::clone(&token.file),
            line: token.line,
            imports: token.imports.clone(),
            word: token.text.clone(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let (Some(place), false) = (&self.position, self.style == Style::Hidden) else {
            return Ok(());
        };
        write!(f, ", at {}:{}", place.file, place.line)?;
        let chain = place.imports.chain().join("','");
        match self.style {
            Style::Syntax => write!(f, " import chain: ['{chain}']"),
            Style::At if !chain.is_empty() => write!(f, " import chain ['{chain}']"),
            Style::At | Style::Hidden => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
