//! Go's text templates: the language, its own functions, and Sprig's.
//!
//! ```
//! use go_template::{Set, Value};
//!
//! let set = Set::new(go_template::functions());
//! set.parse("page", "Hello, {{.name | upper}}!").expect("a template");
//! let data = Value::from_pairs([("name", Value::str("world"))]);
//! assert_eq!(set.run("page", &data).expect("no error"), "Hello, WORLD!");
//! ```
//!
//! Everything runs in one thread, and a set may be parsed into while one of its templates
//! runs: that is what `import` of a web server's templates does. What a template may use
//! is bounded: depth, and the length of what a function makes.

mod exec;
mod functions;
pub mod layout;
mod lexer;
mod node;
mod parser;
pub mod print;
pub mod sprig;
mod value;

pub use exec::Set;
pub use functions::builtins;
pub use value::{Fields, Func, Object, Value};

use std::collections::HashMap;
use std::rc::Rc;

/// Functions by name.
pub type Functions = HashMap<&'static str, Func>;

/// Go's functions and Sprig's: made once for each thread.
pub fn functions() -> Rc<Functions> {
    thread_local! {
        static ALL: Rc<Functions> = {
            let mut all = builtins();
            all.extend(sprig::functions());
            Rc::new(all)
        };
    }
    ALL.with(Rc::clone)
}

/// Why a template cannot be read, or did not run to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    /// What a function wants the server to answer with, as `httpError` does.
    pub status: Option<u16>,
    /// Whether the message says where.
    is_placed: bool,
}

/// What comes of most things here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), status: None, is_placed: false }
    }

    /// An error that asks for an answer of this status.
    pub fn with_status(message: impl Into<String>, status: u16) -> Self {
        Self { status: Some(status), ..Self::new(message) }
    }

    /// What the template that included the failing one says of it.
    #[must_use]
    pub fn of_another(self) -> Self {
        Self { is_placed: false, ..self }
    }

    /// Says where, unless that is said already.
    fn at(self, template: &str, line: usize, what: &str) -> Self {
        if self.is_placed {
            return self;
        }
        let executing = if what.is_empty() {
            String::new()
        } else {
            format!("executing \"{template}\" at <{what}>: ")
        };
        let message = format!("template: {template}:{line}: {executing}{}", self.message);
        Self { message, is_placed: true, ..self }
    }
}
