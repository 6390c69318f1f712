//! The Caddyfile language: from bytes to blocks of tokens.
//!
//! A Caddyfile is words on lines, with braces around nested lines. This crate
//! knows that much and no more: what a directive is called, what it takes and
//! what it means is the business of whoever reads its tokens. It opens files
//! and reads the environment only through a [`Loader`].
//!
//! In the order in which a Caddyfile passes through them:
//!
//! * [`loader`]: where files and environment variables come from; [`disk`] is
//!   the loader of a running program,
//! * `environment`: puts the values of `{$NAME}` into the bytes,
//! * `lexer`: bytes into [`Token`]s, on nom; nothing above it sees bytes,
//! * [`parse`](mod@parse): tokens into [`ServerBlock`]s, with imports and
//!   snippets spliced in,
//! * [`dispenser`]: the cursor with which a directive reads its segment; the
//!   rules of lines and blocks that it shares with the parser are in `cursor`,
//! * [`error`](mod@error): what went wrong, apart from where,
//! * [`format`](mod@format): a Caddyfile written as it should be.
//!
//! **Invariant**: no directive's name occurs in this crate, `import` apart,
//! which belongs to the language.

mod cursor;
pub mod disk;
pub mod dispenser;
mod environment;
pub mod error;
pub mod format;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod goldens;
mod lexer;
pub mod loader;
pub mod parse;
mod path;
#[cfg(test)]
mod random;
pub mod token;

pub use disk::Disk;
pub use dispenser::Dispenser;
pub use error::{Error, Position};
pub use format::{first_unformatted_line, format};
pub use loader::{LoadError, Loader};
pub use parse::{Fact, Parsed, Segment, ServerBlock, Warning, parse};
pub use path::clean as clean_path;
pub use token::{Imports, Quote, Token};

use std::sync::Arc;

/// The words of one file as they stand: no variable is substituted, nothing imported.
///
/// # Errors
///
/// `EOF` for an empty file, and heredocs that do not hold together.
pub fn tokenize(filename: &str, input: &[u8]) -> Result<Vec<Token>, Error> {
    lexer::tokenize(input, &Arc::from(filename))
}
