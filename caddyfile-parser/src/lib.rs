//! The Caddyfile language: from bytes to blocks of tokens.
//!
//! A Caddyfile is words on lines, with braces around nested lines. This crate
//! knows that much and no more: what a directive is called, what it takes and
//! what it means is the business of whoever reads its tokens. It opens no file
//! and reads no environment itself, but asks a [`Loader`] to.
//!
//! In the order in which a Caddyfile passes through them:
//!
//! * [`loader`]: where files and environment variables come from,
//! * `lexer`: bytes into [`Token`]s, on nom; the only module that sees bytes,
//! * [`parse`](mod@parse): tokens into [`ServerBlock`]s, with imports and
//!   snippets spliced in,
//! * [`dispenser`]: the cursor with which a directive reads its segment,
//! * [`error`](mod@error): what went wrong, apart from where.
//!
//! **Invariant**: no directive's name occurs in this crate, `import` apart,
//! which belongs to the language.

pub mod dispenser;
pub mod error;
pub mod loader;
pub mod parse;
pub mod token;

pub use dispenser::Dispenser;
pub use error::{Error, Position};
pub use loader::{LoadError, Loader};
pub use parse::{Parsed, Segment, ServerBlock, Warning, parse};
pub use token::{Imports, Quote, Token};
