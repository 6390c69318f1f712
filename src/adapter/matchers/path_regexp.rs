//! `path_regexp`: requests in whose path a regular expression finds something.

use super::{Definition, expect_no_block};
use crate::adapter::error::Result;
use crate::config::matchers::Regexp;
use caddyfile_parser::Dispenser;

/// Reads `path_regexp [NAME] EXPRESSION`, once. Without a name, the expression is named as
/// the matcher is.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut regexp = Regexp::default();
    while d.next() {
        if !regexp.pattern.is_empty() {
            let text = "regular expression can only be used once per named matcher";
            return Err(d.err(text).into());
        }
        let mut args = d.remaining_args();
        match args.len() {
            1 | 2 => regexp.pattern = args.pop().expect("there is one"),
            _ => return Err(d.arg_err().into()),
        }
        // A name that an empty expression before left behind is not overwritten.
        if let Some(name) = args.pop() {
            regexp.name = name;
        }
        if regexp.name.is_empty() {
            into.name.clone_into(&mut regexp.name);
        }
        expect_no_block(d, "path_regexp")?;
    }
    into.set.path_regexp = Some(regexp);
    Ok(())
}
