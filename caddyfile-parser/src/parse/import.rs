//! What an import statement brings in.

use std::collections::HashMap;
use std::sync::Arc;

use super::arguments::Arguments;
use super::blocks::{Parser, Scope};
use super::{Fact, Warning, tokenize};
use crate::cursor::Cursor;
use crate::dispenser::{Dispenser, arg_err};
use crate::error::Error;
use crate::lexer;
use crate::loader::LoadError;
use crate::path;
use crate::token::{Imports, Token};

/// What all imports together may expand to, so that snippets that import each
/// other many times cannot fill the memory.
pub(super) struct Budget {
    tokens: usize,
    bytes: usize,
}

/// How many tokens imports may bring in.
const IMPORTED_TOKENS_MAX: usize = 500_000;

/// How many bytes imports may bring in, files and the texts of tokens counted.
const IMPORTED_BYTES_MAX: usize = 64 << 20;

/// An import statement, taken apart.
struct Import {
    /// Names a snippet, or files.
    pattern: Token,
    arguments: Vec<Token>,
    /// What stands between the braces behind the statement.
    block: Vec<Token>,
    /// The same by the first word of each line, without that word.
    named_blocks: HashMap<String, Vec<Token>>,
    /// The word of the statement that stays behind, as a place for errors at
    /// the end of the file: none without a block.
    left_behind: Option<Token>,
    /// The statement's last token, which names its place.
    last: Token,
}

/// Whether imported tokens are inside of a snippet's definition. The arguments
/// and blocks in there are for the import of that snippet.
struct SnippetWatch {
    /// How many blocks are open, the one around the statement counted.
    nesting: isize,
    inside: bool,
    /// Whether the line began with `(name)`.
    after_name: bool,
    /// The token's place in its line, from 0.
    index: usize,
}

impl Parser<'_> {
    /// Replaces the upcoming import statement by what it imports.
    pub(super) fn expand_import(&mut self, scope: Scope) -> Result<(), Error> {
        let before = self.stream.loaded().cloned();
        self.stream.advance();
        let import = self.parse_import()?;
        let imported = self.imported_tokens(&import)?;
        let tokens = self.substitute(&import, imported, scope)?;
        self.stream.splice(import.left_behind.or(before), tokens);
        Ok(())
    }

    fn parse_import(&mut self) -> Result<Import, Error> {
        let statement = self.stream.token();
        if !self.stream.next_arg() {
            return Err(arg_err(&self.stream.token()));
        }
        let pattern = self.stream.token();
        if pattern.text.is_empty() {
            return Err(self.error("Import requires a non-empty filepath"));
        }
        let arguments = self.stream.remaining_args();
        let has_block = self.stream.upcoming_on_same_line();
        let outer = *self.stream.nesting();
        let block = self.stream.block();
        let unclosed = *self.stream.nesting() > outer;
        let left_behind = match (has_block, unclosed) {
            (false, _) => None,
            (true, false) => Some(pattern.clone()),
            (true, true) => Some(statement),
        };
        let last = self.stream.token();
        let named_blocks = named_blocks(&block, &last)?;
        Ok(Import { pattern, arguments, block, named_blocks, left_behind, last })
    }

    /// The tokens of the snippet or the files, as they are.
    fn imported_tokens(&mut self, import: &Import) -> Result<Vec<Token>, Error> {
        let mut importer = import.last.file.to_string();
        if !import.last.snippet.is_empty() {
            importer = format!("{importer}:{}", import.last.snippet);
        }
        if let Some(snippet) = self.snippets.get(&import.pattern.text) {
            if let Some(first) = snippet.first() {
                let imported = format!("{}:{}", first.file, first.snippet);
                self.graph.add(&importer, &imported).map_err(|text| unplaced(text, import))?;
            }
            return Ok(snippet.clone());
        }
        let files = self.find_files(import)?;
        let mut tokens = Vec::new();
        for file in &files {
            tokens.extend(self.read_import(file, &import.last)?);
        }
        for file in &files {
            self.graph.add(&importer, file).map_err(|text| unplaced(text, import))?;
        }
        Ok(tokens)
    }

    /// The names of the files that the statement means.
    fn find_files(&mut self, import: &Import) -> Result<Vec<String>, Error> {
        let last = &import.last;
        let wanted = &import.pattern.text;
        let importer = self.absolute(&last.file, last)?;
        let pattern = path::beside(&importer, wanted);
        let has_class = pattern.contains('[') && pattern.contains(']');
        if pattern.matches('*').count() > 1 || pattern.matches('?').count() > 1 || has_class {
            let message = format!(
                "Glob pattern may only contain one wildcard (*), but has others: {pattern}"
            );
            return Err(Error::at(message, last));
        }
        let mut files = self.loader.glob(&pattern).map_err(|reason| {
            Error::at(format!("Failed to use import pattern {wanted}: {reason}"), last)
        })?;
        if files.is_empty() {
            if !pattern.contains(['*', '?', '[', ']']) {
                let message = format!("File to import not found: {wanted}");
                // It may be the name of a snippet, and then it is to blame.
                let error = Error::at(message, &Token { text: wanted.clone(), ..last.clone() });
                return Err(error.with_known(self.snippets.keys().cloned()));
            }
            self.warnings.push(Warning {
                message: "No files matching import glob pattern".to_owned(),
                fields: vec![("pattern", Fact::Text(wanted.clone()))],
                logger: "",
            });
        }
        if path::base(&pattern).starts_with('*') {
            files.retain(|file| !path::base(file).starts_with('.'));
        }
        Ok(files)
    }

    /// The tokens of one file.
    fn read_import(&mut self, file: &str, last: &Token) -> Result<Vec<Token>, Error> {
        let input = self.loader.read(file).map_err(|error| {
            let message = match error {
                LoadError::Open(reason) => format!("Could not import {file}: {reason}"),
                LoadError::Directory => format!("Could not import {file}: is a directory"),
                LoadError::Read(reason) => {
                    format!("Could not read imported file {file}: {reason}")
                }
            };
            Error::at(message, last)
        })?;
        self.budget.spend(0, input.len()).map_err(|text| Error::at(text, last))?;
        if lexer::decode(&input).trim().is_empty() {
            self.warnings.push(Warning {
                message: "Import file is empty".to_owned(),
                fields: vec![("file", Fact::Text(file.to_owned()))],
                logger: "",
            });
            return Ok(Vec::new());
        }
        let name = Arc::from(self.absolute(file, last)?);
        tokenize(&name, &input, self.loader).map_err(|error| {
            let message = format!("Could not read tokens while importing {file}: {error}");
            Error::at(message, last)
        })
    }

    fn absolute(&self, file: &str, last: &Token) -> Result<String, Error> {
        self.loader.absolute(file).map_err(|reason| {
            Error::at(format!("Failed to get absolute path of file: {file}: {reason}"), last)
        })
    }

    /// Puts the statement's arguments and blocks into the imported tokens, and
    /// notes in each through what it came.
    fn substitute(
        &mut self,
        import: &Import,
        imported: Vec<Token>,
        scope: Scope,
    ) -> Result<Vec<Token>, Error> {
        let too_much = |text: String| Error::at(text, &import.last);
        let mut watch = SnippetWatch::new(scope);
        let mut chains = Chains::new(&import.last);
        let mut arguments = Arguments { values: &import.arguments, warnings: &mut self.warnings };
        let mut tokens: Vec<Token> = Vec::with_capacity(imported.len());
        for mut token in imported {
            token.imports = chains.extended(&token);
            watch.meet(&token, tokens.last());
            let inserted = if watch.inside { None } else { import.block_for(&token.text) };
            if let Some(inserted) = inserted {
                let bytes = inserted.iter().map(|token| token.text.len()).sum();
                self.budget.spend(inserted.len(), bytes).map_err(too_much)?;
                tokens.extend_from_slice(inserted);
            } else if watch.inside {
                self.budget.spend(1, token.text.len()).map_err(too_much)?;
                tokens.push(token);
            } else {
                let texts = arguments
                    .expand(&token, &mut self.budget.bytes)
                    .map_err(|_| Error::at(too_large(), &import.last))?;
                self.budget.spend(texts.len().max(1), 0).map_err(too_much)?;
                tokens.extend(texts.into_iter().map(|text| Token { text, ..token.clone() }));
            }
        }
        Ok(tokens)
    }
}

impl Import {
    /// What takes the place of `{block}` and `{blocks.name}`; nothing when the
    /// statement has no such block. None for other words.
    fn block_for(&self, text: &str) -> Option<&[Token]> {
        if text == "{block}" {
            return Some(&self.block);
        }
        let name = text.strip_suffix('}')?.strip_prefix("{blocks.")?;
        Some(self.named_blocks.get(name).map_or(&[], Vec::as_slice))
    }
}

/// The lines of a statement's block by their first word. A line's tokens are its
/// arguments and what is in its own block.
fn named_blocks(block: &[Token], last: &Token) -> Result<HashMap<String, Vec<Token>>, Error> {
    let mut named = HashMap::new();
    let mut lines = Dispenser::new(block.to_vec());
    while lines.next() {
        if lines.token().opens_block() {
            return Err(Error::at("anonymous blocks are not supported", last));
        }
        let name = lines.val().to_owned();
        let mut tokens = lines.remaining_args_as_tokens();
        let outer = lines.nesting();
        while lines.next_block(outer) {
            tokens.push(lines.token());
        }
        named.insert(name, tokens);
    }
    Ok(named)
}

/// An import cycle's error tells no place, but the place is known.
fn unplaced(text: String, import: &Import) -> Error {
    Error::on_line(text, &import.last.file, import.last.line, &import.pattern.text)
}

fn too_large() -> String {
    format!(
        "imports expand to more than {IMPORTED_TOKENS_MAX} tokens or {} MiB",
        IMPORTED_BYTES_MAX >> 20
    )
}

impl SnippetWatch {
    fn new(scope: Scope) -> Self {
        let nesting = match scope {
            Scope::File => 0,
            Scope::Block => 1,
        };
        Self { nesting, inside: false, after_name: false, index: 0 }
    }

    /// Goes on to `token`, which follows `previous` among the imported tokens.
    fn meet(&mut self, token: &Token, previous: Option<&Token>) {
        if !self.inside && self.nesting == 0 {
            let starts_line = previous.is_none_or(|previous| previous.ends_line_before(token));
            self.index = if starts_line { 0 } else { self.index + 1 };
            let text = token.text.as_str();
            if self.index == 0 && text.len() >= 3 && text.starts_with('(') && text.ends_with(')') {
                self.after_name = true;
            }
        }
        if token.opens_block() {
            self.nesting += 1;
            if self.index == 1 && self.after_name && self.nesting == 1 {
                self.inside = true;
                self.after_name = false;
            }
        } else if token.closes_block() {
            self.nesting -= 1;
            if self.nesting == 0 {
                self.inside = false;
            }
        }
    }
}

/// Extends the import chains of tokens by one import, and lets tokens that
/// share their chain go on sharing it.
struct Chains {
    /// `FILE:LINE` of the import statement.
    place: String,
    last: Option<(Imports, Arc<str>, Imports)>,
}

impl Chains {
    fn new(statement: &Token) -> Self {
        Self { place: format!("{}:{}", statement.file, statement.line), last: None }
    }

    fn extended(&mut self, token: &Token) -> Imports {
        if let Some((imports, snippet, extended)) = &self.last
            && *imports == token.imports
            && *snippet == token.snippet
        {
            return extended.clone();
        }
        let place = &self.place;
        let step = match &*token.snippet {
            "" => format!("{place} (import)"),
            snippet => format!("{place} (import {snippet})"),
        };
        let extended = token.imports.through(step);
        self.last = Some((token.imports.clone(), Arc::clone(&token.snippet), extended.clone()));
        extended
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { tokens: IMPORTED_TOKENS_MAX, bytes: IMPORTED_BYTES_MAX }
    }
}

impl Budget {
    /// Takes away what has been imported.
    ///
    /// # Errors
    ///
    /// When there is not so much left; the text says so.
    fn spend(&mut self, tokens: usize, bytes: usize) -> Result<(), String> {
        let left = (self.tokens.checked_sub(tokens), self.bytes.checked_sub(bytes));
        let (Some(tokens), Some(bytes)) = left else { return Err(too_large()) };
        *self = Self { tokens, bytes };
        Ok(())
    }
}
