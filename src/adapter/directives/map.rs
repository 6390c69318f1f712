//! `map`: sets placeholders by a table.

use crate::adapter::error::{Error, Result};
use crate::adapter::scope::Scope;
use crate::adapter::shorthands;
use crate::adapter::values::{expect_arg, scalar};
use crate::config::handlers::{Handler, Map, Mapping};
use caddyfile_parser::{Dispenser, Token};
use serde_json::Value;

/// Reads
///
/// ```caddyfile
/// map [MATCHER] SOURCE PLACEHOLDER… {
///     [~]INPUT VALUE…
///     default  VALUE…
/// }
/// ```
///
/// `~` makes an expression of an input. `-` and missing values give the default. Values
/// that are numbers or booleans become such, unless they are quoted.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let source = expect_arg(d)?;
    let destinations = d.remaining_args_as_tokens();
    if destinations.is_empty() {
        return Err(d.err("missing destination argument(s)").into());
    }
    for token in &destinations {
        if let Some(short) = shorthands::short_name(&token.text) {
            let written = Token { text: format!("{{{short}}}"), ..token.clone() };
            let text = format!(
                "destination {} conflicts with a Caddyfile placeholder shorthand",
                written.text
            );
            return Err(Error::from(d.err(text)).relocate(&written));
        }
    }
    let destinations = destinations.into_iter().map(|token| token.text).collect();
    let mut map = Map { source, destinations, ..Map::default() };
    while d.next_block(0) {
        if d.val() == "default" {
            if !map.defaults.is_empty() {
                return Err(d.err("defaults already defined").into());
            }
            map.defaults = d.remaining_args();
            let count = map.destinations.len().max(map.defaults.len());
            map.defaults.resize(count, String::new());
        } else {
            let mapping = parse_mapping(d, map.destinations.len())?;
            map.mappings.push(mapping);
        }
    }
    Ok(Handler::Map(map))
}

/// Reads a row that gives values to so many destinations.
fn parse_mapping(d: &mut Dispenser, count: usize) -> Result<Mapping> {
    let input = d.val().to_owned();
    let output = |value: Value| if value == "-" { Value::Null } else { value };
    let tokens = d.remaining_args_as_tokens();
    let mut outputs: Vec<Value> = tokens.iter().map(|token| output(scalar(token))).collect();
    if outputs.len() > count {
        return Err(d.err("too many outputs").into());
    }
    outputs.resize(count, Value::Null);
    let mut mapping = Mapping { outputs, ..Mapping::default() };
    match input.strip_prefix('~') {
        Some(expression) => mapping.input_regexp = expression.to_owned(),
        None => mapping.input = input,
    }
    Ok(mapping)
}
