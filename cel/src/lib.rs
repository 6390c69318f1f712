//! The Common Expression Language (CEL), as cel-go has it: the language with its macros, its
//! standard functions, and the extensions of texts, lists, numbers and bindings.
//!
//! ```
//! use cel::{Bare, Program};
//!
//! let program = Program::compile("['a', 'b'].exists(x, x + x == 'bb')", &Bare).expect("valid");
//! assert_eq!(program.value(&mut |()| Ok::<_, ()>(cel::Value::Null)).ok(), Some(true.into()));
//! ```
//!
//! An expression is compiled once: its types are checked, and what is wrong with it is told in
//! cel-go's words with the place. In reading order: [`token`] and [`parse`] read the text into
//! an [`Expr`], [`macros`] replace calls that are none; [`compile`] checks the [`types`] by the
//! functions' [`declarations`] and makes a [`Program`] of it, which yields a [`Value`] by the
//! [`functions`].
//!
//! What only the language's user knows, functions of a request and values by name, comes
//! through a [`Library`]. This crate does not know the web.

mod compile;
mod declarations;
mod fault;
mod functions;
mod macros;
mod parse;
mod program;
mod token;
mod types;
mod value;

pub use compile::{Bare, Library};
pub use fault::Wrong;
pub use parse::{Expr, Kind};
pub use program::{Fault, Program};
pub use types::Type;
pub use value::Value;

pub use functions::time::{duration_text, parse_duration};
