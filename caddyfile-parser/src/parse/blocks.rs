//! Keys, braces and segments.

use std::collections::HashMap;
use std::sync::Arc;

use super::graph::ImportGraph;
use super::import::Budget;
use super::stream::Stream;
use super::{Parsed, Segment, ServerBlock, Warning};
use crate::cursor::Cursor;
use crate::error::Error;
use crate::loader::Loader;
use crate::token::Token;

/// How deep blocks may be nested. Who reads them recurses.
const NESTING_MAX: usize = 100;

pub(super) struct Parser<'loader> {
    pub(super) stream: Stream,
    pub(super) loader: &'loader dyn Loader,
    pub(super) snippets: HashMap<String, Vec<Token>>,
    pub(super) graph: ImportGraph,
    pub(super) budget: Budget,
    pub(super) warnings: Vec<Warning>,
}

/// Where the keys of a block ended.
enum KeysEnd {
    /// At the end of the file.
    File,
    /// Before `{` on the same line.
    Brace,
    /// At the end of a line.
    Line,
}

/// Where an import statement may stand; it decides whether the imported text
/// may define snippets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Where the keys of a block may stand.
    File,
    /// In a block.
    Block,
}

impl<'loader> Parser<'loader> {
    pub(super) fn new(tokens: Vec<Token>, loader: &'loader dyn Loader) -> Self {
        Self {
            stream: Stream::new(tokens),
            loader,
            snippets: HashMap::new(),
            graph: ImportGraph::default(),
            budget: Budget::default(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn parse(mut self) -> Result<Parsed, Error> {
        let mut blocks = Vec::new();
        while self.stream.upcoming().is_some() {
            let block = self.parse_block()?;
            if !block.keys.is_empty() || !block.segments.is_empty() {
                blocks.push(block);
            }
        }
        Ok(Parsed { blocks, warnings: self.warnings })
    }

    fn parse_block(&mut self) -> Result<ServerBlock, Error> {
        let mut block = ServerBlock::default();
        match self.parse_keys(&mut block.keys)? {
            KeysEnd::File => return Ok(block),
            KeysEnd::Brace => block.has_braces = true,
            KeysEnd::Line => {}
        }
        if let Some(name) = only_key_within(&block.keys, "&(") {
            return self.parse_named_route(block, name);
        }
        if let Some(name) = only_key_within(&block.keys, "(") {
            self.parse_snippet(name, &block.keys)?;
            return Ok(ServerBlock::default());
        }
        if self.stream.upcoming().is_some_and(Token::opens_block) {
            self.stream.advance();
            self.parse_segments(&mut block.segments)?;
            let last = self.stream.token();
            if !last.closes_block() {
                return Err(Error::syntax("}", &last));
            }
        } else {
            self.parse_segments(&mut block.segments)?;
        }
        Ok(block)
    }

    /// Reads the words before a block, which may span lines after commas.
    fn parse_keys(&mut self, keys: &mut Vec<Token>) -> Result<KeysEnd, Error> {
        let mut expecting_another = false;
        loop {
            let Some(token) = self.stream.upcoming().cloned() else {
                // An import at the end of the file brought nothing.
                if expecting_another {
                    return Err(Error::at("unexpected EOF", &Token::nowhere()));
                }
                return Ok(KeysEnd::File);
            };
            if token.text == "import" && self.stream.upcoming_starts_line() {
                self.expand_import(Scope::File)?;
                continue;
            }
            if token.opens_block() {
                if expecting_another {
                    let message = "Expected another address but had '{' - check for extra comma";
                    return Err(Error::at(message, &token));
                }
                return Ok(KeysEnd::Brace);
            }
            let (key, comma) = check_key(&token)?;
            if !token.text.is_empty() {
                expecting_another = comma;
            }
            if !key.is_empty() {
                keys.push(Token { text: key.to_owned(), ..token.clone() });
            }
            self.stream.advance();
            match self.stream.upcoming() {
                None if expecting_another => return Err(Error::at("unexpected EOF", &token)),
                None => return Ok(KeysEnd::File),
                Some(_) if !expecting_another && self.stream.upcoming_starts_line() => {
                    return Ok(KeysEnd::Line);
                }
                Some(_) => {}
            }
        }
    }

    fn parse_named_route(
        &mut self,
        mut block: ServerBlock,
        name: String,
    ) -> Result<ServerBlock, Error> {
        // The name takes the place of the brace that follows it.
        let mut key = self.stream.upcoming().cloned().unwrap_or_else(Token::nowhere);
        key.text = name;
        let mut tokens = vec![key.clone()];
        self.expect_open_brace(&block.keys)?;
        tokens.push(self.stream.token());
        tokens.extend(self.parse_braced()?);
        tokens.push(self.stream.token());
        block.keys = vec![key];
        block.segments = vec![Segment(tokens)];
        block.is_named_route = true;
        Ok(block)
    }

    /// Stores the tokens of `(name) { … }` for imports.
    fn parse_snippet(&mut self, name: String, keys: &[Token]) -> Result<(), Error> {
        if self.snippets.contains_key(&name) {
            let message = format!("redeclaration of previously declared snippet {name}");
            let place = self.stream.upcoming().cloned().unwrap_or_else(Token::nowhere);
            return Err(Error::at(message, &place));
        }
        self.expect_open_brace(keys)?;
        let mut tokens = self.parse_braced()?;
        let shared_name = Arc::from(name.as_str());
        for token in &mut tokens {
            token.snippet = Arc::clone(&shared_name);
        }
        self.snippets.insert(name, tokens);
        Ok(())
    }

    /// Loads the `{` that must follow `keys`.
    fn expect_open_brace(&mut self, keys: &[Token]) -> Result<(), Error> {
        let token = self.stream.upcoming().cloned().unwrap_or_else(Token::nowhere);
        if token.opens_block() {
            self.stream.advance();
            return Ok(());
        }
        // A file that ends in a snippet's name has been imported, and another
        // import follows: what the user wants is most likely this.
        let in_parentheses = |key: &Token| key.text.starts_with('(') && key.text.ends_with(')');
        if token.text == "import" && !keys.is_empty() && keys.iter().all(in_parentheses) {
            let message = "global options block must appear before import directives; \
                 move the global options block to the top of the Caddyfile";
            return Err(Error::at(message, &token));
        }
        Err(Error::syntax("{", &token))
    }

    /// The tokens up to the `}` that closes the block that was just opened;
    /// that one is loaded then, but not among them.
    fn parse_braced(&mut self) -> Result<Vec<Token>, Error> {
        let mut nesting = 1;
        let mut tokens = Vec::new();
        while self.stream.advance() {
            let token = self.stream.token();
            if token.closes_block() {
                nesting -= 1;
            } else if token.opens_block() {
                nesting += 1;
                check_nesting(nesting, &token)?;
            }
            if nesting == 0 {
                return Ok(tokens);
            }
            tokens.push(token);
        }
        Err(Error::syntax("}", &self.stream.token()))
    }

    /// Reads directives up to a `}` or the end of the file.
    fn parse_segments(&mut self, segments: &mut Vec<Segment>) -> Result<(), Error> {
        while let Some(next) = self.stream.upcoming() {
            if next.text == "import" {
                self.expand_import(Scope::Block)?;
                continue;
            }
            self.stream.advance();
            if self.stream.token().closes_block() {
                break;
            }
            segments.push(self.parse_segment()?);
        }
        Ok(())
    }

    /// Reads the rest of the directive whose name is loaded: to the end of its
    /// line, or of the block that opens there.
    fn parse_segment(&mut self) -> Result<Segment, Error> {
        let mut tokens = vec![self.stream.token()];
        let mut nesting = 0;
        while let Some(next) = self.stream.upcoming() {
            let starts_line = self.stream.upcoming_starts_line();
            let is_pair = !next.quoted() && next.text == "{}";
            if next.opens_block() {
                self.stream.advance();
                nesting += 1;
                self.check_open_brace(nesting, starts_line)?;
            } else if is_pair {
                self.stream.advance();
                if !self.stream.upcoming_on_same_line() {
                    return Err(self.error("Unexpected '{}' at end of line"));
                }
            } else if starts_line && nesting == 0 {
                break;
            } else if next.closes_block() {
                self.stream.advance();
                if nesting == 0 {
                    return Err(self.error("Unexpected '}' because no matching opening brace"));
                }
                nesting -= 1;
            } else if next.text == "import" && starts_line {
                self.expand_import(Scope::Block)?;
                continue;
            } else {
                self.stream.advance();
            }
            tokens.push(self.stream.token());
        }
        if nesting > 0 {
            return Err(self.error("unexpected EOF"));
        }
        Ok(Segment(tokens))
    }

    /// Checks the place of the `{` that is loaded.
    fn check_open_brace(&self, nesting: usize, starts_line: bool) -> Result<(), Error> {
        if self.stream.upcoming_on_same_line() {
            return Err(self.error("Unexpected next token after '{' on same line"));
        }
        if starts_line {
            return Err(self.error(
                "Unexpected '{' on a new line; did you mean to place the '{' on the previous line?",
            ));
        }
        check_nesting(nesting, &self.stream.token())
    }

    /// An error at the loaded token.
    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::at(message, &self.stream.token())
    }
}

/// The key in a word before a block, and whether a comma follows it.
fn check_key(token: &Token) -> Result<(&str, bool), Error> {
    let word = token.text.as_str();
    if word.starts_with('@') {
        let message = format!(
            "request matchers may not be defined globally, they must be in a site block; \
             found {word}"
        );
        return Err(Error::at(message, token));
    }
    if word.ends_with('{') && !token.quoted() {
        let message = format!(
            "Site addresses cannot end with a curly brace: '{word}' - put a space between the \
             token and the brace"
        );
        return Err(Error::at(message, token));
    }
    let (key, comma) = match word.strip_suffix(',') {
        Some(key) => (key, true),
        None => (word, false),
    };
    if key.contains(',') {
        let message = format!(
            "Site addresses cannot contain a comma ',': '{key}' - put a space after the comma \
             to separate site addresses"
        );
        return Err(Error::at(message, token));
    }
    Ok((key, comma))
}

fn check_nesting(nesting: usize, brace: &Token) -> Result<(), Error> {
    if nesting <= NESTING_MAX {
        return Ok(());
    }
    let message = format!("blocks are nested more than {NESTING_MAX} deep");
    Err(Error::at(message, brace))
}

/// The name in `(name)` or `&(name)` when that is the only key.
fn only_key_within(keys: &[Token], opening: &str) -> Option<String> {
    let [key] = keys else { return None };
    let name = key.text.strip_prefix(opening)?;
    key.text.ends_with(')').then(|| name.strip_suffix(')').unwrap_or(name).to_owned())
}
