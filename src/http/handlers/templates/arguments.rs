//! What a page's functions and methods are called with.

use go_template::{Error, Result, Value};

/// An argument that is a text.
///
/// # Errors
/// When it is missing, or something else.
pub(super) fn text(args: &[Value], at: usize) -> Result<&str> {
    match args.get(at) {
        Some(Value::Str(text)) => Ok(text),
        Some(other) => {
            let found = other.type_name();
            Err(Error::new(format!("wrong type for value; expected string; got {found}")))
        }
        None => {
            let (want, got) = (at + 1, args.len());
            Err(Error::new(format!("wrong number of args: want {want} got {got}")))
        }
    }
}

/// An argument of any type, as Caddy makes a text of it.
///
/// # Errors
/// When it is missing.
pub(super) fn any_text(args: &[Value], at: usize) -> Result<String> {
    match args.get(at) {
        Some(Value::Nil) => Ok(String::new()),
        Some(value) => Ok(go_template::print::sprint(value)),
        None => text(args, at).map(str::to_owned),
    }
}
