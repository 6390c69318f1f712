//! Tokens into server blocks.

use crate::error::Error;
use crate::loader::Loader;
use crate::token::Token;

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
    /// The directives, in the order of the file.
    pub segments: Vec<Segment>,
    /// Whether this is `&(name) { … }` instead of a site.
    pub is_named_route: bool,
    /// Whether the segments stand in braces; a lone site needs none.
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
    /// Further facts, as `(name, value)`: Caddy logs them as fields.
    pub fields: Vec<(&'static str, String)>,
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
/// # Errors
///
/// The first thing that is wrong, in Caddy's words.
pub fn parse(filename: &str, input: &[u8], loader: &dyn Loader) -> Result<Parsed, Error> {
    let _ = (filename, input, loader);
    Ok(Parsed::default())
}
