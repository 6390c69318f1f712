//! One word of a Caddyfile and where it came from.

use std::sync::Arc;

/// One word of a Caddyfile, with its delimiters removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The word: without quotes, heredoc markers and escapes that the language
    /// removes.
    pub text: String,
    /// The file that holds the word, as its name was given to the lexer.
    pub file: Arc<str>,
    /// The line on which the word starts, from 1.
    pub line: u32,
    /// How the word was quoted; `"{"` is an argument, `{` opens a block.
    pub quote: Quote,
    /// The imports through which the word came.
    pub imports: Imports,
    /// The snippet whose definition holds the word; empty outside of snippets.
    pub snippet: Arc<str>,
}

/// The delimiters that surrounded a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quote {
    /// A bare word.
    #[default]
    None,
    /// `"…"`, in which `\"` is the only escape.
    Double,
    /// `` `…` ``, which knows no escape.
    Backquote,
    /// `<<MARKER … MARKER`.
    Heredoc,
}

/// The chain of imports through which a token came, shared by the tokens that
/// came together: `FILE:LINE (import)` or `FILE:LINE (import SNIPPET)` each, in
/// the order in which they happened.
#[derive(Clone, Debug, Default, Eq)]
pub struct Imports(Option<Arc<[String]>>);

impl Token {
    /// A bare word at a place, outside of imports and snippets.
    #[must_use]
    pub fn new(text: impl Into<String>, file: Arc<str>, line: u32) -> Self {
        Self {
            text: text.into(),
            file,
            line,
            quote: Quote::None,
            imports: Imports::default(),
            snippet: Arc::from(""),
        }
    }

    /// What errors point at where there is no token: line 0 of no file.
    pub(crate) fn nowhere() -> Self {
        Self::new("", Arc::from(""), 0)
    }

    /// Whether the word stood between quotes, backquotes or heredoc markers.
    #[must_use]
    pub fn quoted(&self) -> bool {
        self.quote != Quote::None
    }

    /// Whether this is a `{` that opens a block: a quoted one is a word.
    #[must_use]
    pub fn opens_block(&self) -> bool {
        self.quote == Quote::None && self.text == "{"
    }

    /// Whether this is a `}` that closes a block: a quoted one is a word.
    #[must_use]
    pub fn closes_block(&self) -> bool {
        self.quote == Quote::None && self.text == "}"
    }

    /// How many lines below [`Token::line`] the word ends.
    #[must_use]
    pub fn line_breaks(&self) -> u32 {
        let in_text = self.text.bytes().filter(|byte| *byte == b'\n').count();
        // The text of a heredoc lacks the breaks after the opening marker and
        // before the closing one.
        let of_markers = if self.quote == Quote::Heredoc { 2 } else { 0 };
        u32::try_from(in_text + of_markers).unwrap_or(u32::MAX)
    }

    /// Whether `next`, the token after this one, starts a new line. Tokens of
    /// different files or imports never share a line.
    #[must_use]
    pub fn ends_line_before(&self, next: &Self) -> bool {
        self.file != next.file
            || self.imports != next.imports
            || self.line.saturating_add(self.line_breaks()) < next.line
    }
}

impl Imports {
    /// The imports, innermost first.
    #[must_use]
    pub fn chain(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether the token stands in the file that was parsed first.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chain().is_empty()
    }

    /// The chain of a token that came through one more import.
    #[must_use]
    pub fn through(&self, import: String) -> Self {
        Self(Some(self.chain().iter().cloned().chain([import]).collect()))
    }
}

impl PartialEq for Imports {
    fn eq(&self, other: &Self) -> bool {
        // Neighbours mostly share their chain, so the texts are seldom compared.
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two) || one == two,
            _ => self.is_empty() && other.is_empty(),
        }
    }
}
