//! `order`: moves a directive in the order in which handlers run.

use super::Options;
use crate::adapter::directives;
use crate::adapter::error::{Error, Result};
use crate::adapter::values::expect_no_arg;
use caddyfile_parser::Dispenser;

/// Reads `order DIRECTIVE first | last | before OTHER | after OTHER`.
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    if !d.next() {
        return Err(d.arg_err().into());
    }
    let Some(directive) = directives::find(d.val()) else {
        let text = format!("{} is not a registered directive", d.val());
        return Err(Error::from(d.err(text)).suggest(directives::names()));
    };
    if !d.next() {
        return Err(d.arg_err().into());
    }
    let mut order = options.order.clone();
    order.retain(|name| *name != directive.name);
    let position = d.val().to_owned();
    let index = match position.as_str() {
        "first" => 0,
        "last" => order.len(),
        "before" | "after" => {
            if !d.next_arg() {
                return Err(d.arg_err().into());
            }
            let other = d.val();
            let Some(index) = order.iter().position(|name| *name == other) else {
                return Err(Error::from(d.err(format!("directive '{other}' not found")))
                    .suggest(order.iter().copied()));
            };
            index + usize::from(position == "after")
        }
        _ => {
            let error = Error::from(d.err(format!("unknown positional '{position}'")));
            return Err(error.suggest(["first", "last", "before", "after"]));
        }
    };
    expect_no_arg(d)?;
    order.insert(index, directive.name);
    options.order = order;
    Ok(())
}
