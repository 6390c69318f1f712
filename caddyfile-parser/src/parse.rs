//! Tokens into server blocks.
//!
//! The parser groups tokens and expands imports; it gives them no meaning. In
//! reading order:
//!
//! * `blocks`: keys, braces and segments,
//! * `import`: what an import statement brings in,
//! * `arguments`: `{args[…]}` in imported tokens,
//! * `graph`: who imports whom, to refuse cycles,
//! * `stream`: the tokens that are left, into which imports are spliced.

use std::sync::Arc;

use crate::environment;
use crate::error::Error;
use crate::lexer;
use crate::loader::Loader;
use crate::token::Token;

mod arguments;
mod blocks;
mod graph;
mod import;
mod stream;

use blocks::Parser;

/// What a Caddyfile consists of.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The blocks in the order of the file: global options (no keys, first),
    /// sites and named routes. Snippets have been used up.
    pub blocks: Vec<ServerBlock>,
    /// What looked odd, but is not an error.
    pub warnings: Vec<Warning>,
}

/// Keys and the directives that belong to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerBlock {
    /// The site's addresses; the name in `&(…)` for a named route; none for the
    /// global options.
    pub keys: Vec<Token>,
    /// The directives, in the order of the file. A named route has one, which
    /// is its name followed by its block, and in which imports stay as they
    /// are.
    pub segments: Vec<Segment>,
    /// Whether this is `&(name) { … }` instead of a site.
    pub is_named_route: bool,
    /// Whether a `{` stands on the line of the keys; a lone site needs none.
    pub has_braces: bool,
}

/// The tokens of one directive: its name, its arguments and its block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment(pub Vec<Token>);

/// Something that a user should look at, although the file is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What, in Caddy's words.
    pub message: String,
    /// Further facts by their names: Caddy logs them as fields.
    pub fields: Vec<(&'static str, Fact)>,
    /// The logger under which Caddy prints it; empty for its main one.
    pub logger: &'static str,
}

/// A value in the fields of a [`Warning`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// One text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl Segment {
    /// The first word, which names the directive; empty when there is none.
    #[must_use]
    pub fn directive(&self) -> &str {
        self.0.first().map_or("", |token| &token.text)
    }
}

/// Parses a Caddyfile and everything that it imports.
///
/// `filename` is shown in errors as it is given, and relative imports start
/// from its directory.
///
/// What imports may expand to, and how deep blocks may be nested, is bounded,
/// so that no file can make this run or grow without end.
///
/// # Errors
///
/// The first thing that is wrong, in Caddy's words.
pub fn parse(filename: &str, input: &[u8], loader: &dyn Loader) -> Result<Parsed, Error> {
    let tokens = tokenize(&Arc::from(filename), input, loader)?;
    Parser::new(tokens, loader).parse()
}

/// The tokens of one file, with its environment variables substituted.
fn tokenize(file: &Arc<str>, input: &[u8], loader: &dyn Loader) -> Result<Vec<Token>, Error> {
    lexer::tokenize(&environment::substitute(input, loader), file)
}
